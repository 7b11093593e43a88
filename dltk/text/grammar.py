"""Made texts of two classes, of which it is known what tells them apart: order, or negation.

They are there to see whether a network reads more than it counts. In `who_acts` every word is as
frequent in one class as in the other, and only their order decides; in `opinions` words for praise
and blame decide, but for those that are denied.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dltk.files import whole

COUNT = 4000
"""Texts of a task in `write_texts`."""
_HELD = 10  # of so many pairs one is to validate on, and one to test on

_DOGS = ("dog", "hound", "terrier", "poodle", "spaniel", "puppy", "collie", "beagle")
_CATS = ("cat", "kitten", "tabby", "tomcat", "mouser", "moggy", "persian", "siamese")
_VERBS = (
    ("chases", "chased"), ("watches", "watched"), ("follows", "followed"), ("wakes", "woken"),
    ("hears", "heard"), ("scares", "scared"), ("greets", "greeted"), ("ignores", "ignored"),
)  # fmt: skip
_LOOKS = ("", "", "big", "small", "old", "young", "grey", "brown", "lazy", "hungry", "clever")
_CLAUSES = (
    "", "", "", "from the farm", "with the red collar", "that lives next door",
    "that sleeps by the fire", "we met at the market", "that nobody wanted at first",
)  # fmt: skip
_OFTEN = ("", "", "often", "always", "sometimes", "still", "almost never")
_OPENERS = (
    "", "", "every morning", "in the garden", "after dinner", "on our street", "as far as we know",
    "whenever it rains",
)  # fmt: skip
_CLOSERS = (
    "", "", "before breakfast", "near the old wall", "while the children play", "all summer long",
    "until the neighbours come home",
)  # fmt: skip

_GOOD = ("good", "great", "lovely", "funny", "moving", "clever", "gripping", "brilliant")
_BAD = ("bad", "awful", "dull", "silly", "boring", "clumsy", "tedious", "hopeless")
_THINGS = ("film", "story", "acting", "music", "ending", "cast", "script", "camera work")
_PRAISES = ("{} is {}", "{} is really {}", "{} is {} from start to end", "we thought {} was {}")
_DENIALS = (
    "{} is not {}", "{} is not really {}", "{} is hardly {}", "{} is never {}",
    "we did not think {} was {}", "nobody could call {} {}",
)  # fmt: skip
_DENIED = 0.35  # of the opinions
_ASIDES = (
    "we did not book seats", "nobody sat behind us", "it was hardly five o'clock",
    "my brother never goes alone", "we saw it on sunday", "the room was full",
    "tickets are not cheap", "it was not raining", "i went with a friend",
    "we had never been there", "they showed it twice", "hardly anybody left early",
)  # fmt: skip


class Made(NamedTuple):
    """A made text and its class."""

    text: str
    label: str


def who_acts(seed: int = 0) -> Iterator[Made]:
    """Yield sentences about a dog and a cat without end, of the class that acts: "dog" or "cat".

    They come in pairs, one of each class, that are the same but for the two animals, which change
    places: how often a word occurs tells nothing. Which of them is named first tells nothing
    either, as half of the sentences are passive. No pair comes twice.
    """
    random, seen = np.random.default_rng([seed, 0]), set()
    while True:
        form = _sentence(random)
        animals = _one_of(random, _DOGS), _one_of(random, _CATS)
        pair = [form.format(actor=a, other=b) for a, b in (animals, animals[::-1])]
        if pair[0] not in seen:
            seen.update(pair)
            yield from map(Made, pair, ("dog", "cat"))


def _sentence(random: np.random.Generator) -> str:
    """Return a sentence with {actor} and {other} in it."""
    actor, other = (f"the {_one_of(random, _LOOKS)} {{{role}}}" for role in ("actor", "other"))
    clause, often = _one_of(random, _CLAUSES), _one_of(random, _OFTEN)
    verb, participle = _VERBS[random.integers(len(_VERBS))]
    core = f"{actor} {clause} {often} {verb} {other}"
    if random.integers(2):
        core = f"{other} {clause} is {often} {participle} by {actor}"
    return " ".join(f"{_one_of(random, _OPENERS)} {core} {_one_of(random, _CLOSERS)}".split())


def opinions(seed: int = 0) -> Iterator[Made]:
    """Yield short reviews without end, each "positive" or "negative", in turn.

    A third of the opinions are said by denying the opposite, "is not really dull"; and what is
    said beside them has "not" and "never" in it as often in one class as in the other. No review
    comes twice.
    """
    random, seen = np.random.default_rng([seed, 1]), set()
    while True:
        for label, words in (("positive", (_GOOD, _BAD)), ("negative", (_BAD, _GOOD))):
            text = _review(random, *words)
            while text in seen:
                text = _review(random, *words)
            seen.add(text)
            yield Made(text, label)


def _review(random: np.random.Generator, own: tuple[str, ...], opposite: tuple[str, ...]) -> str:
    told = []
    for thing in random.permutation(_THINGS)[: 1 + random.integers(2)]:
        denied = random.random() < _DENIED
        form = _one_of(random, _DENIALS if denied else _PRAISES)
        told.append(form.format(f"the {thing}", _one_of(random, opposite if denied else own)))
    asides = random.permutation(_ASIDES)[: 1 + random.integers(3)]
    return " . ".join(random.permutation([*told, *asides]))


def _one_of(random: np.random.Generator, choices: tuple[str, ...]) -> str:
    return choices[random.integers(len(choices))]


TASKS: dict[str, Callable[..., Iterator[Made]]] = {"who-acts": who_acts, "opinions": opinions}


def write_texts(folder: str | os.PathLike, count: int = COUNT) -> Iterator[Path]:
    """Write made texts: a CSV file for each task, with the columns text, label and split.

    A file that is there already is left as it is.

    Args:
        count: texts of each task, an even number.
    Yields:
        each file, once it is there.
    Raises:
        DltkError: a file cannot be written.
    """
    for task, make in TASKS.items():
        path = Path(folder) / f"{task}.csv"
        if not path.exists():
            with whole(path) as part, part.open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                writer.writerow(("text", "label", "split"))
                for at, made in enumerate(islice(make(), count)):
                    writer.writerow((*made, split_of(at)))
        yield path


def split_of(at: int) -> str:
    """Return the split of the text at a place; both of a pair are in the same one."""
    return {0: "val", 1: "test"}.get(at // 2 % _HELD, "train")
