"""Questions about made scenes, by a small grammar: each has one right answer, known from the scene.

Asked are the colour and the kind of a thing, where it is, how many there are of some, and whether
there is one. Answers are dealt out so that little is won by guessing what is answered most.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from dltk.data.examples import Question
from dltk.data.scene_canvas import COLOURS
from dltk.data.scene_captions import Thing, article, ninth, plural

_WORDINGS = {
    "colour": (
        "what colour is the {}?",
        "what color is the {}?",  # people ask in either spelling
        "what is the colour of the {}?",
        "which colour does the {} have?",
    ),
    "count": (
        "how many {} are there?",
        "how many {} can you see?",
        "how many {} are in the picture?",
    ),
    "where": ("where is the {}?", "where in the picture is the {}?", "where can you see the {}?"),
    "yes/no": ("is there {}?", "can you see {}?", "does the picture have {}?"),
    "shape": ("what is the {} shape?", "what kind of shape is the {} one?", "which shape is {}?"),
}
_ANY = "shape"  # of whatever kind; "thing" might mean what is on the photograph behind them
_MOST = {"colour": 2, "count": 2, "where": 2, "yes/no": 2, "shape": 1}  # questions of a scene
_MARGIN = 0.2  # of a ninth's side, between the middle of a thing and a border
# Nearly every scene has none of some kind and one of another, few have many of any: the odds of
# the answers 0, 1, 2 and more, where a scene has them, that make all come up about as often.
_ODDS = 1, 1, 3, 9
_MIDDLE = 0.4  # odds of "middle": things that are not cut off by an edge are there most


def questions(
    things: Sequence[Thing],
    *,
    kinds: Sequence[str],
    width: int,
    height: int,
    random: np.random.Generator,
) -> tuple[Question, ...]:
    """Return questions about a scene of `width` by `height` pixels, in lower case, one or more.

    Each has one answer, and is of the kind "colour", "count", "where", "yes/no" or "shape"; in
    this order. A thing is asked about by its kind, its colour or both, if it is the only such one.
    Counts are numerals; places are those of `dltk.data.scene_captions.ninth`. Chance chooses what
    is asked, and between wordings that say the same.

    Args:
        things: all there are.
        kinds: all that there may be in such scenes.
    """
    asked = [
        *_some("colour", _colours(things, kinds), random),
        *_counts(things, kinds, random),
        *_some("where", _places(things, (width, height)), random),
        *_existence(things, kinds, random),
        *_some("shape", _shapes(things, kinds), random),
    ]
    return tuple(asked)


_Facts = Iterable[tuple[str, str]]  # what is asked about, and the answer


def _some(kind: str, facts: _Facts, random: np.random.Generator) -> Iterator[Question]:
    """Yield questions about some facts, each with another answer; all are as likely, or nearly."""
    by_answer = defaultdict(list)
    for subject, answer in facts:
        by_answer[answer].append(subject)
    odds = [_MIDDLE if answer == "middle" else 1 for answer in by_answer]
    for answer in _drawn(list(by_answer), odds, _MOST[kind], random):
        yield _asked(kind, _one(by_answer[answer], random), answer, random)


def _colours(things: Sequence[Thing], kinds: Sequence[str]) -> _Facts:
    counts = Counter(thing.kind for thing in things)
    for thing in things:
        if counts[thing.kind] == 1:
            yield thing.kind, thing.colour
    if len(things) == 1 and len(kinds) > 1:
        yield _ANY, things[0].colour


def _shapes(things: Sequence[Thing], kinds: Sequence[str]) -> _Facts:
    """Yield facts of things that are alone of their colour, if there are kinds to choose from."""
    counts = Counter(thing.colour for thing in things)
    return [(t.colour, t.kind) for t in things if counts[t.colour] == 1 and len(kinds) > 1]


def _places(things: Sequence[Thing], sizes: tuple[int, int]) -> _Facts:
    """Yield where things are, unless the middle of one is near the border of two ninths.

    There people would say the one as well as the other, and a picture that is scaled or cropped
    by a pixel might have another answer.
    """
    counts = Counter(name for thing in things for name in _names(thing))
    for thing in things:
        left, top, right, bottom = thing.box
        middle = (left + right) / 2 / sizes[0], (top + bottom) / 2 / sizes[1]
        if all(abs(3 * at - border) >= _MARGIN for at in middle for border in (1, 2)):
            for name in _names(thing):
                if counts[name] == 1:
                    yield name, ninth(thing.box, sizes)


def _names(thing: Thing) -> tuple[str, str, str]:
    """Return what a thing may be called."""
    return thing.kind, f"{thing.colour} {thing.kind}", f"{thing.colour} {_ANY}"


def _counts(
    things: Sequence[Thing], kinds: Sequence[str], random: np.random.Generator
) -> Iterator[Question]:
    """Yield questions of how many there are: in half of the scenes of all, else of some only."""
    of_kind = Counter(thing.kind for thing in things)
    of_colour = Counter(thing.colour for thing in things)
    facts = [(plural(kind), of_kind[kind]) for kind in kinds]
    facts += [(f"{colour} {plural(_ANY)}", of_colour[colour]) for colour in COLOURS]
    most = _MOST["count"]
    if not things or random.random() < 0.5:
        yield _asked("count", plural(_ANY), str(len(things)), random)
        most -= 1
    by_number = defaultdict(list)
    for subject, number in facts:
        by_number[number].append(subject)
    odds = [_ODDS[min(number, len(_ODDS) - 1)] for number in by_number]
    for number in _drawn(list(by_number), odds, most, random):
        yield _asked("count", _one(by_number[number], random), str(number), random)


def _existence(
    things: Sequence[Thing], kinds: Sequence[str], random: np.random.Generator
) -> Iterator[Question]:
    """Yield questions of whether there is such a thing, with "yes" as often as "no".

    They ask for a kind, a colour, or both. Of the pairs that are not there, those are asked for of
    which one is: it does not do to look for the kind alone, or for the colour.
    """
    there = {name for thing in things for name in _names(thing)}
    seen = {word for thing in things for word in (thing.kind, thing.colour)}
    pairs = [(colour, kind) for colour in COLOURS for kind in kinds if {colour, kind} & seen]
    forms = [
        list(kinds),
        [f"{colour} {_ANY}" for colour in COLOURS],
        [f"{colour} {kind}" for colour, kind in pairs],
    ]
    # A form that has one answer only in this scene would tell it.
    forms = [names for names in forms if 0 < len(there.intersection(names)) < len(names)]
    for at in random.permutation(len(forms))[: _MOST["yes/no"]]:
        is_there = bool(random.random() < 0.5)
        name = _one([name for name in forms[at] if (name in there) == is_there], random)
        yield _asked("yes/no", article(name), "yes" if is_there else "no", random)


def _asked(kind: str, subject: str, answer: str, random: np.random.Generator) -> Question:
    return Question(_one(_WORDINGS[kind], random).format(subject), (answer,), kind)


def _drawn(
    choices: Sequence, odds: Sequence[float], most: int, random: np.random.Generator
) -> list:
    """Return some of `choices`, at most so many, each once."""
    if not choices:
        return []
    count = min(most, len(choices))
    shares = np.array(odds, np.float64) / sum(odds)
    return [choices[at] for at in random.choice(len(choices), count, replace=False, p=shares)]


def _one(choices: Sequence[str], random: np.random.Generator) -> str:
    return choices[random.integers(len(choices))]
