"""Answer a question about pictures; what `recipes.caption.caption` does for one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from functools import partial
from types import SimpleNamespace

from dltk.batch import Item, gather, ordered_map, predict
from dltk.errors import InputError
from dltk.strategy import cores
from dltk.weights import Report
from recipes._answer_copies import AnswerCopies
from recipes._answer_results import Answered
from recipes._answerers import check_question, find_answerer, load_answerer
from recipes._checks import check_idle

_OF_CAPTIONS = {
    "beams": 3, "longest": 40, "shortest": 1, "length_penalty": 0.0, "no_repeat": 0, "prefix": "",
    "temperature": 0.0, "top_k": 0, "top_p": 1.0, "seed": 0, "animation": None, "sidecar": False,
}  # fmt: skip
"""Options that have no meaning for a question, and their defaults."""


def refuse_of_captions(choices: Mapping) -> None:
    """Raise UsageError if an option is given that is about captions."""
    why = "it is about captions, and --question asks for answers"
    check_idle(_OF_CAPTIONS, SimpleNamespace(**choices), _OF_CAPTIONS, why)


def answer(
    images,
    *,
    question: str,
    model: str | os.PathLike | None,
    best: int,
    attention: str | os.PathLike | None,
    batch_size: int,
    devices: str,
    strategy: str,
    precision: str,
    report: Report,
) -> Iterator[Answered]:
    """Answer a question about pictures.

    Args:
        question: in words of which the answerer knows one or more.
        best: answers about each picture, the best first, as far as the answerer knows so many.
        attention: folder for pictures of where the network looked.
        Others: see `recipes.caption.caption`, which tells the errors too.
    Returns:
        An Answered for every picture, in order, as they come.
    """
    source = find_answerer(model)
    for note in check_question(question, source):
        report(note)
    copies = AnswerCopies(attention=attention)
    items = gather(images)
    count = len(items) if hasattr(items, "__len__") else None
    items = copies.checked(items)
    answerer = load_answerer(
        source,
        best=best,
        question=question,
        batch_size=batch_size,
        devices=devices,
        strategy=strategy,
        precision=precision,
        pictures=count,
        report=report,
    )
    return _answered_all(items, answerer, question, copies)


def _answered_all(
    items: Iterable[Item], answerer, question: str, copies: AnswerCopies
) -> Iterator[Answered]:
    """Yield what an answerer answers about pictures."""

    def load(item: Item):
        return answerer.load(item.decode(at_least=answerer.at_least))

    outcomes = predict(
        items,
        load,
        answerer,
        batch_size=answerer.batch_size,
        loaders=cores(),
        runners=answerer.workers,
    )
    finish = partial(_answered, question=question, copies=copies)
    finished = ordered_map(finish, outcomes, workers=cores(), ahead=1)
    with closing(outcomes), closing(finished):
        yield from finished


def _answered(outcome, *, question: str, copies: AnswerCopies) -> Answered:
    """Make a result of what `predict` gives, and write its files."""
    item, found, error = outcome
    if error is not None:
        return Answered(item, question, error=error)
    result = Answered(item, question, *found[0])
    if copies.wanted:
        try:
            result.files = copies.write(result)
        except InputError as failure:  # gone since it was looked at
            return Answered(item, question, error=str(failure))
    return result
