"""Label texts: what they are about, how they are meant, and which words decided.

from pathlib import Path

from recipes.classify_text import classify_text

model = "runs/text-train/001-reviews-textcnn/best.keras"
for result in classify_text(["What a film!", "I want my money back."], model=model):
    print(result.text, result.labels[0].name, result.labels[0].score)

for result in classify_text(Path("reviews.csv"), model=model, explain=True):
    print(result.place, result.words)
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from dltk.weights import Report, silent
from recipes._checks import check_choice, check_number, check_whole
from recipes._text_classifiers import Read, TextClassifier, find_text_classifier
from recipes._texts import EACH, Text, gather_texts, windows
from recipes.classify import Scored

DEFAULT_BATCH = 128
PRECISIONS = ("auto", "float32", "bfloat16", "float16")
_STEPS = 8  # of the network that a window fills
_DIGITS = 5  # of scores: more would be noise


@dataclass(slots=True)
class LabelledText:
    """What `classify_text` found in one text.

    Attributes:
        name: of its file, relative to where it was found; "stdin"; or the place of a string among
            those given, "000000" on.
        line: that it begins in, from 1; None for a whole file, or a string.
        text: as it stands there, in Unicode's composed form (NFC), without spaces around it; ""
            where it failed.
        labels: best first; empty where it failed or nothing reached `min_score`.
        tokens: how many of it the network looked at, and `unknown`: how many of these it does not
            know.
        cut: whether there are more tokens, which the network did not look at.
        words: where each token that was looked at begins and ends in the text, and what it is worth
            to the first label; None where that is not asked for or there is no label.
        error: why it failed, or None.
    """

    name: str
    line: int | None = None
    text: str = ""
    labels: list[Scored] = field(default_factory=list)
    tokens: int = 0
    unknown: int = 0
    cut: bool = False
    words: list[tuple[int, int, float]] | None = None
    error: str | None = None

    @property
    def place(self) -> str:
        """The name, and the line if there is one: "reviews.txt:17"."""
        return self.name if self.line is None else f"{self.name}:{self.line}"

    def to_dict(self) -> dict:
        """Return the record of this text, ready for JSON.

        With what words are worth there is the text, as far as it was looked at, and "words" has
        each as it is spelled there.
        """
        fields: dict = {"path": self.name}
        if self.line is not None:
            fields["line"] = self.line
        if self.error is not None:
            return fields | {"status": "failed", "error": self.error}
        fields |= {
            "status": "ok",
            "labels": [{"label": label.name, "score": label.score} for label in self.labels],
            "tokens": self.tokens,
            "unknown": self.unknown,
        }
        if self.cut:
            fields["cut"] = True
        if self.words is not None:
            end = self.words[-1][1] if self.cut and self.words else len(self.text)
            fields["text"] = self.text[:end]
            fields["words"] = [[self.text[a:b], round(worth, 4)] for a, b, worth in self.words]
        return fields


def classify_text(
    texts,
    *,
    model: str | os.PathLike,
    each: str = "auto",
    text_column: str | int | None = None,
    top: int = 5,
    min_score: float = 0.0,
    explain: bool = False,
    batch_size: int = DEFAULT_BATCH,
    devices: str = "auto",
    strategy: str = "auto",
    precision: str = "auto",
    report: Report = silent,
) -> Iterator[LabelledText]:
    """Label texts with a classifier.

    Args:
        texts: a text (str), a file or folder (`pathlib.Path`), or an iterable of these, read a few
            steps of the network ahead of the results and no further.
        model: the path of a model file that `dltk text train` wrote.
        each: what a text of a file is: "line", "file", or "auto", see `recipes._texts.find_texts`.
        text_column: of tables, the column with the texts, by its name, or its number from 1 where
            there is no header; None for a usual name.
        top: how many labels, at most.
        min_score: leave out labels below this probability.
        explain: whether to tell what each word is worth to the first label: by how much the label's
            log-odds fall without it (Li et al. 2016), see `dltk.explain.erasure.worths`. The
            network then looks at each text as often as it has tokens, at most 256 times: in longer
            ones, neighbouring words are left out together.
        batch_size, devices, strategy, precision: see `dltk.engine.load_engine`.
        report: called with a line that says what runs where.
    Yields:
        A LabelledText for every text, in order. One that is empty or not UTF-8 has `error` set, and
        the rest goes on. What comes through a pipe gives results whenever it pauses.
    Raises:
        UsageError: options that cannot work, a model that is for something else, no such file.
        DltkError: a model that cannot be loaded, or that gives no numbers.
    """
    check_choice("each", each, EACH)
    check_choice("precision", precision, PRECISIONS)
    check_whole("top", top, 1)
    check_whole("batch_size", batch_size, 1)
    check_number("min_score", min_score, 0, 1)
    source = find_text_classifier(model)
    found = gather_texts(texts, each=each, text_column=text_column)
    classifier = TextClassifier(
        source,
        batch_size=batch_size,
        devices=devices,
        strategy=strategy,
        precision=precision,
        report=report,
    )
    for window in windows(found, window_of(batch_size, explain)):
        yield from _labelled(window, classifier, top, min_score, explain)


def window_of(batch_size: int, explain: bool = False) -> int:
    """Return how many texts are run together, those of about a length at a time.

    Of those that are to be explained there are fewer: each fills steps by itself.
    """
    return max(1, batch_size // _STEPS) if explain else batch_size * _STEPS


def _labelled(
    texts: Sequence[Text], classifier: TextClassifier, top: int, min_score: float, explain: bool
) -> Iterator[LabelledText]:
    results = [LabelledText(text.name, text.line, error=text.problem) for text in texts]
    usable = [place for place, text in enumerate(texts) if text.problem is None]
    read = []
    for place in usable:
        result = results[place]
        result.text = unicodedata.normalize("NFC", texts[place].text)
        read.append(classifier.read(result.text))
        result.tokens, result.unknown, result.cut = read[-1][1:]
    probabilities = classifier.probabilities(read)
    chosen = best_labels(probabilities, classifier.labels, top, min_score)
    for place, labels in zip(usable, chosen, strict=True):
        results[place].labels = labels
    if explain:
        _explain([results[place] for place in usable], read, probabilities, classifier)
    yield from results


def best_labels(
    probabilities: np.ndarray, names: Sequence[str], top: int, min_score: float
) -> Iterable[list[Scored]]:
    """Yield, for each text, the `top` most probable labels, as `recipes.classify.best` does."""
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :top]
    scores = np.take_along_axis(probabilities, order, axis=1).astype(np.float64).round(_DIGITS)
    for places, row in zip(order.tolist(), scores.tolist(), strict=True):
        pairs = zip(places, row, strict=True)
        yield [Scored(names[place], score) for place, score in pairs if score >= min_score]


def _explain(
    results: Sequence[LabelledText],
    read: Sequence[Read],
    probabilities: np.ndarray,
    classifier: TextClassifier,
) -> None:
    """Tell of texts with a label what their words are worth to it."""
    told = [place for place, result in enumerate(results) if result.labels]
    first = probabilities[told].argmax(axis=1) if told else ()
    worths = classifier.worths([read[place] for place in told], first, probabilities[told])
    for place, values in zip(told, worths, strict=True):
        words = results[place].words = []
        for (start, end), worth in zip(
            classifier.spans(results[place].text), values.tolist(), strict=True
        ):
            if words and start < words[-1][1]:  # two tokens of one letter, such as "İ" is
                worth += words.pop()[2]
            words.append((start, end, worth))
