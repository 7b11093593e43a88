"""Say what is in pictures, or answer a question about them.

from recipes.caption import caption

for result in caption("holiday/", model="captioner.keras"):
    print(result.name, result.text)

for result in caption("holiday/", model="answerer.keras", question="how many dogs are there?"):
    print(result.name, result.text)
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial

from dltk.batch import Item, gather, ordered_map, predict
from dltk.captions import Writing
from dltk.errors import InputError, UsageError
from dltk.models.find import ModelSource
from dltk.strategy import cores
from dltk.weights import Report, silent
from recipes._answer import answer, refuse_of_captions
from recipes._answer_results import Answered
from recipes._caption_copies import Copies
from recipes._caption_results import Captioned
from recipes._captioners import attends, find_captioner, known_words, load_captioner, words_of
from recipes._checks import check_number, check_whole

MOST_BEAMS = 100
LONGEST = 200  # words of a caption, at most
_BEAMS = Writing.beams
_MOST_WORDS = 2**31 - 1  # that a captioner could know


def caption(
    images,
    *,
    model: str | os.PathLike | None = None,
    question: str | None = None,
    beams: int = 3,
    best: int = 1,
    longest: int = 40,
    shortest: int = 1,
    length_penalty: float = 0.0,
    no_repeat: int = 0,
    prefix: str = "",
    temperature: float = 0.0,
    top_k: int = 0,
    top_p: float = 1.0,
    seed: int = 0,
    attention: str | os.PathLike | None = None,
    animation: str | os.PathLike | None = None,
    sidecar: bool = False,
    batch_size: int = 16,
    devices: str = "auto",
    strategy: str = "auto",
    precision: str = "auto",
    report: Report = silent,
) -> Iterator[Captioned | Answered]:
    """Say what is in pictures, or answer a question about them.

    Args:
        images: a path (file, folder or pattern), a Pillow image, an array (H, W[, C]) of uint8 or
            of floats 0-255, or an iterable of paths, images and arrays, read as results are taken.
        model: the `.keras` file of a captioner, as `dltk train captioner` writes it, or for a
            question that of an answerer, as `dltk train answerer` does. There is none to download.
        question: about every picture; None for captions. Words that the answerer does not know are
            reported. Options about captions have no meaning then: all below but `best`,
            `attention`, and what it runs on.
        beams: captions that are gone on with at a time, see `dltk.ops.decoding.beam_search`; 1
            takes the likeliest word every time.
        best: captions of each picture, or answers about it, the best first.
        longest, shortest: words of a caption.
        length_penalty: more makes captions longer, see `dltk.ops.decoding.length_penalty`.
        no_repeat: so many words in a row never come twice; 0 for no such rule.
        prefix: what every caption begins with, in words that the captioner knows.
        temperature: of words that are chosen by chance; 0 for none of that. What chance chooses
            depends on the seed and the picture's name.
        top_k, top_p: see `dltk.ops.decoding.sample`.
        seed: of chance.
        attention: folder for pictures of where the network looked for each word, or for the answer.
        animation: folder for the same as animated GIFs.
        sidecar: write the captions to a .txt file beside each picture, one a line. Another text
            that is there already stays, and the picture fails.
        batch_size: pictures in a step, over all replicas.
        devices, strategy, precision: see `dltk.engine.load_engine`.
        report: called with a line when something takes long.
    Returns:
        A Captioned for every picture, or an Answered, in order, as they come. One that cannot be
        read has `error` set, and the rest goes on.
    Raises:
        UsageError: options that cannot work; outputs that would hit each other.
        DltkError: a model that cannot be loaded, a disk that is full.
    """
    hardware = {"devices": devices, "strategy": strategy, "precision": precision}
    running = {"batch_size": batch_size, **hardware, "report": report}
    if question is not None:
        refuse_of_captions(locals())
        check_whole("best", best, 1, MOST_BEAMS)
        about = {"question": question, "model": model, "best": best, "attention": attention}
        return answer(images, **about, **running)
    source = find_captioner(model)
    writing = writing_of(
        source,
        seed=seed,
        prefix=prefix,
        beams=beams,
        best=best,
        longest=longest,
        shortest=shortest,
        length_penalty=length_penalty,
        no_repeat=no_repeat,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
    )
    copies = copies_of(source, attention=attention, animation=animation, sidecar=sidecar)
    items = gather(images)
    count = len(items) if hasattr(items, "__len__") else None
    items = copies.checked(items)
    captioner = load_captioner(source, writing, seed=seed, pictures=count, **running)
    return _written(items, captioner, copies)


def _written(items: Iterable[Item], captioner, copies: Copies) -> Iterator[Captioned]:
    """Yield what a captioner writes of pictures."""

    def load(item: Item):
        return captioner.load(item.decode(at_least=captioner.at_least), item.name)

    outcomes = predict(
        items,
        load,
        captioner,
        batch_size=captioner.batch_size,
        loaders=cores(),
        runners=captioner.workers,
    )
    finish = partial(_captioned, copies=copies)
    finished = ordered_map(finish, outcomes, workers=cores(), ahead=1)
    with closing(outcomes), closing(finished):
        yield from finished


def _captioned(outcome, *, copies: Copies) -> Captioned:
    """Make a result of what `predict` gives, and write its files."""
    item, sentences, error = outcome
    if error is not None:
        return Captioned(item, error=error)
    result = Captioned(item, sentences)
    if copies.wanted:
        try:
            result.files = copies.write(item, sentences)
        except InputError as failure:  # gone since it was looked at, or a text is beside it
            return Captioned(item, error=str(failure))
    return result


def writing_of(
    source: ModelSource, *, seed: int, prefix: str, length_penalty: float, **choices
) -> Writing:
    """Return how captions are looked for.

    Args:
        seed, prefix, length_penalty: see `caption`.
        choices: other fields of `Writing`.
    Raises:
        UsageError: values that cannot be or do nothing; a prefix in words that the captioner does
            not know, or in more than a caption may have.
        DltkError: the captioner's file has no words.
    """
    writing = Writing(penalty=length_penalty, **choices)
    check_whole("seed", seed, 0, 2**32 - 1)
    _check(writing, seed)
    words = known_words("--prefix", prefix, words_of(source))
    if len(words) > writing.longest:
        raise UsageError(f"--prefix has {len(words)} words, but --longest is {writing.longest}")
    return replace(writing, prefix=words)


def copies_of(source: ModelSource, **choices) -> Copies:
    """Return which files `caption` is asked for.

    Args:
        choices: fields of `Copies`.
    Raises:
        UsageError: sheets of where was looked, of a captioner that looks nowhere.
    """
    if not attends(source):
        for name in ("attention", "animation"):
            if choices.get(name) is not None:
                raise UsageError(
                    f"--{name} has no meaning here: show-tell captioners attend to nothing"
                )
    return Copies(**choices)


def _check(writing: Writing, seed: int) -> None:
    """Raise UsageError for values that a command line had not let through, or that clash."""
    check_whole("beams", writing.beams, 1, MOST_BEAMS)
    check_whole("best", writing.best, 1, MOST_BEAMS)
    check_whole("longest", writing.longest, 1, LONGEST)
    check_whole("shortest", writing.shortest, 0)
    check_whole("no_repeat", writing.no_repeat, 0)
    check_whole("top_k", writing.top_k, 0, _MOST_WORDS)
    check_number("length_penalty", writing.penalty, 0, 10)
    check_number("temperature", writing.temperature, 0, 100)
    check_number("top_p", writing.top_p, 0, 1, above=True)
    if writing.shortest > writing.longest:
        raise UsageError(f"--shortest {writing.shortest} is more than --longest {writing.longest}")
    if writing.temperature:
        _check_chance(writing)
    else:
        _check_search(writing, seed)


def _check_chance(writing: Writing) -> None:
    """Raise UsageError for options of a search, which words that are chosen by chance need none."""
    why = "words are chosen by chance; leave --temperature out to search"
    for name, given in {
        "beams": writing.beams != _BEAMS,
        "length_penalty": writing.penalty,
    }.items():
        _refuse(name, given, why)


def _check_search(writing: Writing, seed: int) -> None:
    """Raise UsageError for options of chance, and for more captions than a search finds."""
    why = "words are not chosen by chance; see --temperature"
    options = {"top_k": writing.top_k, "top_p": writing.top_p != 1, "seed": seed}
    for name, given in options.items():
        _refuse(name, given, why)
    if writing.beams == 1:
        _refuse("length_penalty", writing.penalty, "one beam has one caption; see --beams")
    if writing.best > writing.beams:
        raise UsageError(
            f"--best {writing.best} is more than --beams {writing.beams}, which finds as many"
        )


def _refuse(name: str, given, why: str) -> None:
    if given:
        raise UsageError(f"--{name.replace('_', '-')} has no meaning here: {why}")
