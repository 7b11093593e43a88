"""Which answerer answers: found, and asked what it knows, before anything heavy is loaded."""

from __future__ import annotations

from dltk.errors import DltkError, UsageError, nearest, printable
from dltk.models.find import ModelSource, find_model
from dltk.text.tokens import joined, tokens
from dltk.text.vocabulary import Vocabulary
from dltk.weights import Report, silent

_TASK = "answer"
_NONE = (
    "name an answerer with --model, to answer --question: there is none to download. To make one: "
    '"dltk samples scenes --scenes 3000", and then "dltk train answerer scenes --tune-epochs 5"; '
    "or in place of scenes, pictures with questions and answers of your own"
)


def find_answerer(model: str | None) -> ModelSource:
    """Find the model called for.

    Raises:
        UsageError: no such model, or one that answers nothing; or none is named, and none can be
            had.
    """
    if model is None:
        raise UsageError(_NONE)
    source = find_model(model)
    if source.task == "caption":
        raise UsageError(
            f"{printable(source.name)} is a captioner, which answers no --question; leave that "
            'out, or name an answerer, which "dltk train answerer" makes'
        )
    if source.task != _TASK:
        raise UsageError(
            f"{printable(source.name)} is a model to {source.task}, and no answerer; train one "
            'with "dltk train answerer"'
        )
    return source


def words_of(source: ModelSource) -> Vocabulary:
    """Return the words of questions that an answerer knows.

    Raises:
        DltkError: its file has none.
    """
    try:
        if not source.card.words:
            raise UsageError("it knows no word")
        return Vocabulary(source.card.words)
    except UsageError as error:
        raise DltkError(f"{printable(source.name)} is damaged: {error}") from error


def check_question(question: str, source: ModelSource) -> list[str]:
    """Return notes on the words of a question that the answerer leaves out: each that it does not
    know, and those behind as many as it reads.

    Raises:
        UsageError: the question has no words, or none that is known.
        DltkError: the answerer's file has no words.
    """
    vocabulary, longest = words_of(source), longest_of(source)
    said = tokens(question)
    words = list(dict.fromkeys(said[:longest]))
    if not words:
        raise UsageError("--question has no words")
    unknown = [word for word in words if word not in vocabulary]
    hints = [nearest(word, vocabulary.words) for word in unknown]
    if len(unknown) == len(words):
        known = ", ".join(vocabulary.words[:10])
        raise UsageError(
            f'--question: the answerer knows no word of "{printable(question)}".'
            f"{next(filter(None, hints), '')} It knows {printable(known)} …"
        )
    notes = [
        f'note: the answerer does not know "{printable(word)}".{hint}'
        for word, hint in zip(unknown, hints, strict=True)
    ]
    if longest is not None and len(said) > longest:
        rest = printable(joined(said[longest:]))
        notes.append(f'note: the answerer reads {longest} words of a question, and not "{rest}"')
    return notes


def longest_of(source: ModelSource) -> int | None:
    """Return how many words of a question the answerer reads; None for all."""
    return source.card.training.get("options", {}).get("longest")


def load_answerer(
    source: ModelSource,
    *,
    best: int = 1,
    question: str | None = None,
    batch_size: int = 16,
    devices: str = "auto",
    strategy: str = "auto",
    precision: str = "auto",
    pictures: int | None = None,
    report: Report = silent,
):
    """Make an answerer ready; return a `recipes._trained_answerer.NetworkAnswerer`.

    Args:
        source: from `find_answerer`.
        best: answers to each question, at most.
        question: about every picture; None where each has its own.
        batch_size, devices, strategy, precision, pictures, report: see `dltk.engine.load_engine`.
    Raises:
        DltkError: a model that cannot be loaded.
    """
    from recipes._trained_answerer import NetworkAnswerer

    hardware = {"devices": devices, "strategy": strategy, "precision": precision}
    about = {"best": best, "question": question, "batch_size": batch_size, "pictures": pictures}
    answerer = NetworkAnswerer(source, **about, **hardware)
    report(f"{printable(source.name)} on {answerer.running}")
    return answerer
