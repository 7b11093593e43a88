"""How well pictures come back from their codes, and the folder that it is written to."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

import numpy as np
from PIL import Image

from dltk import __version__
from dltk.batch import write_csv
from dltk.data.examples import Pictures
from dltk.drawing import contact_sheet
from dltk.images import encode, image_of, levels_of
from dltk.plots_codes import plot_errors, plot_manifold, plot_maps
from dltk.wording import amount
from recipes._autoencoder_measuring import NEIGHBOURS, AutoencoderReport, Restored
from recipes._evaluation import FORMAT, write_record

_TASK = "autoencode"
_SHOWN = 10  # on a sheet
_EDGE = 112  # pixels of a picture there
_GRID = 20  # pictures of a side of the grid over two codes
_COMMON = 2, 98  # percentiles of the codes between which the grid is laid


@dataclass(frozen=True, eq=False)
class AutoencoderEvaluation:
    """How good an auto-encoder was on N pictures.

    Attributes:
        model: the path of its file.
        data, split: where the pictures came from, and which of them.
        report: the measures.
        examples: the pictures.
        labels: int (N,), of each the index of its class, or None.
        classes: their names.
        own, pca: what became of the pictures.
        shown: uint8 (3, n, H, W, C): some pictures, what the auto-encoder makes of them, and PCA.
        shown_at: which of the N these are.
        grid: uint8 (R, C, H, W, channels), pictures decoded on a grid over the two codes, and the
            codes at its ends; None for other numbers of codes.
        seen_in_training: how many of the N it was trained on, by their content.
    """

    model: str
    data: str
    split: str
    report: AutoencoderReport
    examples: Pictures = field(repr=False)
    labels: np.ndarray | None = field(repr=False)
    classes: tuple[str, ...]
    own: Restored = field(repr=False)
    pca: Restored = field(repr=False)
    shown: np.ndarray = field(repr=False)
    shown_at: tuple[int, ...]
    grid: tuple[np.ndarray, tuple[float, float, float, float]] | None = field(repr=False)
    seen_in_training: int

    def to_dict(self) -> dict:
        """Return the measures, ready for JSON."""
        return {
            "format": FORMAT,
            "version": 1,
            "task": _TASK,
            "dltk": __version__,
            "model": self.model,
            "data": self.data,
            "split": self.split,
            "seen_in_training": self.seen_in_training,
            **self.report.to_dict(),
            "compared": [row._asdict() for row in self.report.compared],
        }

    def save(self, folder: str | os.PathLike) -> None:
        """Write the measures, what each picture became, and pictures, over those of before.

        The files are evaluation.json, pictures.csv, reconstruction.png and map.png; manifold.png
        for two codes; errors.png where several numbers of codes are compared.

        Raises:
            DltkError: they cannot be written.
        """
        folder, report = Path(folder), self.report
        write_record(folder, self.to_dict())
        codes = [f"code{number}" for number in range(1, report.own.codes + 1)]
        write_csv(folder / "pictures.csv", ("path", "label", "error", "pca_error", *codes),
                  self._rows(codes))  # fmt: skip
        encode(self._sheet(), folder / "reconstruction.png")
        self._draw_maps(folder / "map.png")
        if self.grid is not None:
            plot_manifold(*self.grid, folder / "manifold.png")
        if len(report.compared) > 1:
            lines = {
                "PCA": [each.pca_error for each in report.compared],
                "auto-encoder": [each.error for each in report.compared],
            }
            counts = [each.codes for each in report.compared]
            title = f"{report.pictures:,} held-out pictures"
            plot_errors(counts, lines, folder / "errors.png", title=title)

    def _rows(self, names: Sequence[str]) -> Iterator[dict]:
        for at, name in enumerate(self.examples.names):
            yield {
                "path": name,
                "label": "" if self.labels is None else self.classes[self.labels[at]],
                "error": f"{self.own.errors[at]:.4f}",
                "pca_error": f"{self.pca.errors[at]:.4f}",
                **{n: f"{c:.6g}" for n, c in zip(names, self.own.codes[at], strict=True)},
            }

    def _sheet(self) -> Image.Image:
        """Return some pictures, by class or name, above what became of them."""
        rows = [[_tile(pixels) for pixels in row] for row in self.shown]
        names = [
            PurePath(self.examples.names[at]).name
            if self.labels is None
            else self.classes[self.labels[at]]
            for at in self.shown_at
        ]
        errors = [
            [f"{restored.errors[at]:.1f}" for at in self.shown_at]
            for restored in (self.own, self.pca)
        ]
        return contact_sheet(
            rows,
            row_names=("original", "auto-encoder", "PCA"),
            column_names=[""] * len(names),
            edge=rows[0][0].width,
            captions=[names, *errors],
        )

    def _draw_maps(self, path: Path) -> None:
        own = self.report.own
        maps = {
            _titled(name, count, accuracy): _plane(restored.codes, self.labels)
            for name, count, accuracy, restored in (
                ("auto-encoder", own.codes, own.accuracy, self.own),
                ("PCA", own.components, own.pca_accuracy, self.pca),
            )
        }
        axes_names = {1: ("code", "class" if self.classes else ""), 2: ("code 1", "code 2")}
        plot_maps(
            maps,
            path,
            axes_names=axes_names.get(own.codes, ("component 1", "component 2")),
            labels=self.labels,
            classes=self.classes,
        )


def shown_of(labels: np.ndarray | None, count: int) -> tuple[int, ...]:
    """Return which of some pictures to show: one of each class first, else from all over them."""
    if labels is not None:
        _, firsts = np.unique(labels, return_index=True)
        if 1 < len(firsts) <= _SHOWN:
            return tuple(firsts.tolist())
    return tuple(np.linspace(0, count - 1, min(count, _SHOWN)).round().astype(int).tolist())


def grid_of(decode: Callable[[np.ndarray], np.ndarray], codes: np.ndarray):
    """Return pictures decoded on a grid that spans most of some codes, see `plot_manifold`.

    Args:
        decode: from float32 (n, 2) to pixels float32 (n, H, W, C), 0-255.
        codes: float32 (N, 2).
    """
    low, high = np.percentile(codes, _COMMON, axis=0)
    high = np.where(high > low, high, low + 1)
    first, second = np.linspace(low, high, _GRID).T
    places = np.stack(np.meshgrid(first, second), axis=-1).reshape(-1, 2).astype(np.float32)
    made = levels_of(decode(places))
    pictures = made.reshape(_GRID, _GRID, *made.shape[1:])
    return pictures, (first[0], first[-1], second[0], second[-1])


def _titled(name: str, count: int, accuracy: float | None) -> str:
    codes = amount(count, "code")
    seen = f"2 principal components of {codes}" if count > 2 else codes
    near = (
        ""
        if accuracy is None
        else f"\nclass by {NEIGHBOURS} nearest neighbours: {accuracy:.1%} right"
    )
    return f"{name}: {seen}{near}"


def _plane(codes: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
    """Return two numbers for each of some codes (N, K), float (N, 2).

    Two codes are these themselves, more are seen from where they spread most, and one lies beside
    its class.
    """
    if codes.shape[1] == 1:
        return np.column_stack([codes, np.zeros(len(codes)) if labels is None else labels])
    if codes.shape[1] == 2:
        return codes
    centred = codes - codes.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    if len(axes) < 2:
        axes = np.eye(2, codes.shape[1])
    return centred @ axes[:2].T


def _tile(pixels: np.ndarray) -> Image.Image:
    """Return uint8 (H, W, 1 or 3) as an RGB picture, enlarged without smoothing if it is small."""
    tile = image_of(pixels).convert("RGB")
    times = max(1, _EDGE // tile.width)
    return tile.resize((times * tile.width, times * tile.height), Image.Resampling.NEAREST)
