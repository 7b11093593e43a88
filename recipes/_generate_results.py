"""What generators make: pictures of seeds, films between them, and results of arithmetic."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from dltk.animation import write_gif, write_mp4
from dltk.batch import Item
from dltk.errors import UsageError, printable
from dltk.images import encode
from recipes._generate_sheets import draw_arithmetic, enlarged

FILM, FIGURE, RESULT = "interpolation", "arithmetic.png", "arithmetic-result.png"
_PER_SECOND = 20
_FILM_EDGE = 256  # pixels up to which small films are enlarged


class Wanted(Item):
    """Something to be made, known by what it is made from: `source`, ready for JSON."""

    __slots__ = ()

    def stamp(self) -> dict:
        return dict(self.source)


def name_of(seed: int) -> str:
    """Return the name of a seed's picture."""
    return f"seed{seed:04d}.png"


@dataclass(eq=False)
class Generated:
    """The picture of one seed.

    Attributes:
        seed: of its noise.
        picture: grey ("L") or RGB, as the generator makes them.
        label: its class; None if the generator knows none.
        files: what was written, by kind.
    """

    seed: int
    picture: Image.Image
    label: str | None = None
    files: dict[str, Path] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name that its file has by default."""
        return name_of(self.seed)

    def save(self, path: str | os.PathLike) -> None:
        """Write the picture in the format of the path's extension. Raises DltkError."""
        encode(self.picture, path)
        self.files = {"picture": Path(path)}

    def to_dict(self) -> dict:
        """Return the record of this picture, ready for JSON."""
        fields = {"path": self.name, "status": "ok", "seed": self.seed}
        if self.label is not None:
            fields["class"] = self.label
        return fields | _told(self.files)


@dataclass(eq=False)
class Interpolation:
    """The way through the noise of seeds, in order, and from the last one back to the first.

    Iterating over it makes its pictures, one after the other.

    Attributes:
        seeds: it goes through.
        frames: pictures from one seed to the next, the first seed's own included.
        name: of its file, once it is written.
        files: what was written, by kind.
    """

    seeds: Sequence[int]
    frames: int
    make: Callable[[], Iterator[Image.Image]] = field(repr=False)
    name: str = f"{FILM}.gif"
    files: dict[str, Path] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.seeds) * self.frames

    def __iter__(self) -> Iterator[Image.Image]:
        return self.make()

    def save(self, path: str | os.PathLike) -> None:
        """Write a film, 20 pictures a second: a GIF that goes round for ever, or an MP4.

        Pictures of less than 256 pixels are enlarged, each pixel to a square.

        Raises:
            UsageError: another extension than .gif or .mp4; MP4 without PyAV.
            DltkError: it cannot be written.
        """
        path = Path(path)
        frames = (enlarged(picture, _FILM_EDGE) for picture in self)
        if path.suffix.lower() == ".gif":
            write_gif(frames, path, seconds_per_frame=1 / _PER_SECOND, hold_last=0)
        elif path.suffix.lower() == ".mp4":
            write_mp4(frames, path, frames_per_second=_PER_SECOND)
        else:
            raise UsageError(f"{printable(path)} is no film: its name ends in .gif or .mp4")
        self.name, self.files = path.name, {"film": path}

    def to_dict(self) -> dict:
        """Return the record of this film, ready for JSON."""
        fields = {"path": self.name, "status": "ok", "seeds": list(self.seeds)}
        return fields | {"frames": self.frames, "pictures": len(self)} | _told(self.files)


@dataclass(eq=False)
class Arithmetic:
    """What came of adding and subtracting the mean noise of groups.

    Attributes:
        expression: what was worked out.
        groups: seeds by name.
        members: pictures of the first eight seeds of each group.
        means: the picture of each group's mean noise.
        results: nine pictures, in rows of three: the result in the middle, and what noise near it
            makes around it.
        files: what was written, by kind.
    """

    expression: str
    groups: Mapping[str, Sequence[int]]
    members: Mapping[str, Sequence[Image.Image]]
    means: Mapping[str, Image.Image]
    results: Sequence[Image.Image]
    files: dict[str, Path] = field(default_factory=dict)

    @property
    def picture(self) -> Image.Image:
        """The result, grey or RGB."""
        return self.results[len(self.results) // 2]

    def figure(self) -> Image.Image:
        """Return a figure of all of it: Radford et al. 2015, Fig. 7."""
        return draw_arithmetic(self.expression, self.groups, self.members, self.means, self.results)

    def save(self, folder: str | os.PathLike) -> None:
        """Write the figure, arithmetic.png, and the result, arithmetic-result.png, to a folder.

        Raises:
            DltkError: they cannot be written.
        """
        files = {"figure": Path(folder, FIGURE), "result": Path(folder, RESULT)}
        encode(self.figure(), files["figure"])
        encode(self.picture, files["result"])
        self.files = files

    def to_dict(self) -> dict:
        """Return the record of this result, ready for JSON."""
        groups = {name: list(seeds) for name, seeds in self.groups.items()}
        fields = {"path": FIGURE, "status": "ok", "arithmetic": self.expression, "groups": groups}
        return fields | _told(self.files)


def _told(files: Mapping[str, Path]) -> dict:
    return {"files": {kind: str(path) for kind, path in files.items()}} if files else {}
