"""Pictures and what is told of them in words, as readers of captions and of questions gather it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from dltk.data.examples import Pictures
from dltk.data.gathered import Notes, Sources, by_folder, members_of
from dltk.data.objects.files import children, is_picture_name, named, split_in
from dltk.data.rows import SPLIT_NAMES
from dltk.errors import UsageError, printable
from dltk.wording import amount

_SPLITS = SPLIT_NAMES | {"restval": "train", "dev": "val"}


@dataclass(slots=True)
class Told:
    """One picture as a reader found it; subclasses say what is told of it.

    Attributes:
        noun: what is told, such as "caption".
        split: "train", "val", "test", or None.
        name: its path relative to the data's root, with "/" between the parts.
        source: what `dltk.images.decode` takes, or a function that returns it.
        file: where that is told, to say where something is amiss.
        told: place in the file, such as "line 3", and what it has, of each; it may be anything.
    """

    noun: ClassVar[str]

    split: str | None
    name: str
    source: object
    file: str
    told: list[tuple[str, object]] = field(default_factory=list)

    @property
    def said(self) -> str:
        """What is known of it in short, "" for nothing."""
        return amount(len(self.told), self.noun) if self.told else ""


@dataclass
class GatheredTold(Notes):
    """All that a reader found; subclasses say of what kind.

    Attributes:
        kind: of the pictures.
        pictures: in their final order.
    """

    kind: ClassVar[type[Told]]

    pictures: list[Told] = field(default_factory=list)

    def pass_over_untold(self, names: Iterable[str]) -> None:
        """Pass over pictures of which nothing is told."""
        self.pass_over_all(names, f"without a {self.kind.noun}")

    def pass_over_all(self, names: Iterable[str], why: str) -> None:
        """Pass over pictures; of many in one folder there is one line."""
        for name, said in by_folder(names, "pictures", why):
            self.pass_over(name, said)

    def pass_over_beside(self, pictures: Iterable[Told], root: Path) -> None:
        """Pass over what lies in the folders of some pictures, and is none of them.

        Args:
            root: of the data, to which names are relative.
        """
        sources = dict.fromkeys(picture.source for picture in pictures if picture.source)
        folders = dict.fromkeys(Path(source).parent for source in sources)
        paths = (
            folder / name
            for folder in folders
            for name in filter(is_picture_name, children(folder)[1])
        )
        self.pass_over_untold(named(path, root) for path in paths if str(path) not in sources)

    def usable(self, texts_of: Callable[[Told], tuple]) -> list[tuple[Told, tuple]]:
        """Return the pictures of which something can be used, and that; the others are passed over.

        Args:
            texts_of: from a picture to what can be used of what is told of it.
        Raises:
            UsageError: there is not one such picture.
        """
        usable, silent = [], []
        for picture in self.pictures:
            if texts := texts_of(picture):
                usable.append((picture, texts))
            elif picture.told:
                self.pass_over(picture.name, f"nothing usable in its {picture.said}")
            else:
                silent.append(picture.name)
        self.pass_over_untold(silent)
        if not usable:
            self.refuse(f"has no pictures with {self.kind.noun}s that can be used")
        return usable

    def in_splits(
        self, usable: Sequence[tuple[Told, tuple]], examples: type[Pictures]
    ) -> dict[str, Pictures]:
        """Return examples of each split, of names, sources, and what can be used of each.

        Pictures that are all of "train" are undivided, as a data set that knows no other split is.
        """
        members = members_of([picture.split for picture, _ in usable])
        if "all" not in members:
            lone = [picture.name for picture, _ in usable if picture.split is None]
            self.pass_over_all(lone, "in no split")
        return {
            split: examples(
                tuple(usable[at][0].name for at in chosen),
                Sources(usable[at][0].source for at in chosen),
                tuple(usable[at][1] for at in chosen),
            )
            for split, chosen in members.items()
        }


def split_meant(name: str) -> str | None:
    """Return the split that `name` means, as captions are divided: "restval" is "train"."""
    return _SPLITS.get(name.strip().casefold())


def splits_of_files(paths: Sequence[Path]) -> list[str | None]:
    """Return the splits that the names of files mean; one alone needs none.

    Raises:
        UsageError: there are several of one split, or of none.
    """
    if len(paths) == 1:
        return [None]
    splits = [split_in(path.stem) for path in paths]
    if None in splits or len(set(splits)) < len(splits):
        names = " and ".join(printable(path.name) for path in paths)
        raise UsageError(f"{printable(paths[0].parent)} has {names}; name the one that is wanted")
    return splits
