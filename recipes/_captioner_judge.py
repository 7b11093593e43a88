"""What a captioner says while it is trained: written after every epoch, measured, and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import keras
import numpy as np

from dltk.batch import batched
from dltk.captions import Caption, Writing
from dltk.data.examples import CaptionedExamples
from dltk.drawing_attention import attention_panel, stacked
from dltk.engine.captions import CaptionNetwork
from dltk.errors import InputError, printable
from dltk.files import whole
from dltk.images import encode
from dltk.metrics.captions import measure_captions
from dltk.text.tokens import joined
from dltk.text.vocabulary import Vocabulary

_JUDGED = 500  # pictures that captions are written for after every epoch
_AT_ONCE = 32
SHOWN = 4
"""Pictures of an epoch that are kept with where was looked for each word."""

Load = Callable[[np.ndarray, int], dict[str, np.ndarray]]


class Judge:
    """Lets a captioner write, with one compiled graph for all epochs of a stage.

    Args:
        captioner: which is trained, and computes in one precision while this lives.
        vocabulary: its words.
        strategy: under which it was built.
        loads: by split, from indices of its pictures, int64 (n,), and an epoch to a captioner's
            inputs (n, ...), see `dltk.models.captioner.network.Parts.look`.
    """

    def __init__(
        self,
        captioner: keras.Model,
        vocabulary: Vocabulary,
        strategy,
        loads: Mapping[str, Load],
    ):
        self._captioner, self._vocabulary, self._strategy = captioner, vocabulary, strategy
        self._loads = loads
        self._networks: dict[tuple[Writing, bool], CaptionNetwork] = {}

    def best(
        self, split: str, chosen: Sequence[int], writing: Writing, *, told: bool = False
    ) -> Iterator[Caption]:
        """Yield the best caption of some pictures of a split.

        Args:
            told: see `CaptionNetwork`.
        """
        network = self._network(writing, told)
        for indices in batched(map(int, chosen), _AT_ONCE):
            for captions in network(self._loads[split](np.array(indices), 0)):
                yield captions[0]

    def _network(self, writing: Writing, told: bool) -> CaptionNetwork:
        if (writing, told) not in self._networks:
            self._networks[writing, told] = CaptionNetwork(
                self._captioner, self._vocabulary, self._strategy, _AT_ONCE, writing, told=told
            )
        return self._networks[writing, told]

    def measure(
        self,
        part: CaptionedExamples,
        longest: int,
        keep: Callable[[np.ndarray, list[Caption]], None],
    ) -> dict[str, float]:
        """Write captions of validation pictures, and return how good they are.

        None of the true words is shown to the captioner: what it is told to say in training is no
        measure of what it says by itself.

        Args:
            part: the split "val".
            longest: words of a caption.
            keep: called with indices of the pictures, int64 (n,), and what was written; of the
                first few with where was looked.
        """
        chosen = np.unique(np.linspace(0, len(part) - 1, min(_JUDGED, len(part))).astype(int))
        writing = Writing(beams=1, longest=longest)
        captions = list(self.best("val", chosen, writing))
        captions[:SHOWN] = self.best("val", chosen[:SHOWN], writing, told=True)
        keep(chosen, captions)
        found = [joined(caption.words) for caption in captions]
        report = measure_captions(found, [part.captions[at] for at in chosen])
        return {
            "val_cider": report.cider_d,
            "val_bleu4": report.bleu[3],
            "val_rouge_l": report.rouge_l,
        }


def keep_samples(
    path: Path,
    part: CaptionedExamples,
    chosen: np.ndarray,
    captions: Sequence[Caption],
    grid: tuple[int, int] | None,
) -> None:
    """Write what was said in an epoch, and of the first few pictures where was looked.

    Args:
        path: of a .txt; the pictures go beside it, as PNG.
        chosen: indices of the pictures.
        grid: (high, wide), how many places a picture has; None without attention.
    Raises:
        DltkError: they cannot be written.
    """
    pairs = list(zip(chosen, captions, strict=True))
    lines = [f"{printable(part.names[at])}\t{joined(caption.words)}\n" for at, caption in pairs]
    with whole(path) as beside:
        beside.write_text("".join(lines), encoding="utf-8")
    panels = []
    for at, caption in pairs[:SHOWN] if grid else ():
        with suppress(InputError):  # gone since it was looked at
            seen = caption.attention.reshape(-1, *grid)
            panels.append(attention_panel(part.decode(at), caption.words, seen))
    if panels:
        encode(stacked(panels), path.with_suffix(".png"))
