"""A made text in which words stand to each other as in analogies, and the questions to ask of it.

Paris is to France what Rome is to Italy: words of a pair have a few things in common that no other
pair has, and words on the same side of all pairs are spoken of alike. Sentences carry both, so that
vectors learnt from them can be asked "france - paris + rome".
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dltk.files import whole

SENTENCES = 20_000
"""Of `write_analogies`, as many as vectors of these words need."""

_THINGS = 3  # that a pair has to itself


@dataclass(frozen=True)
class Family:
    """Pairs of words that stand to each other in the same way.

    Attributes:
        name: of the section of questions; of a way of grammar it begins with "gram".
        pairs: the two words of each, then the things that only they have.
        first, second: what is said of the first words only, and of the second.
        patterns: of sentences; "{it}" is the word, "{said}" and "{more}" are of its side, "{one}"
            and "{other}" things of its pair.
    """

    name: str
    pairs: tuple[tuple[str, ...], ...]
    first: tuple[str, ...]
    second: tuple[str, ...]
    patterns: tuple[str, ...]


def _pairs(text: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(line.split()) for line in text.strip().splitlines())


FAMILIES = (
    Family(
        "capital-countries",
        _pairs(
            """
            paris france seine cheese painters
            berlin germany spree sausages orchestras
            rome italy tiber pasta ruins
            madrid spain oranges guitars windmills
            london england thames tea theatres
            athens greece olympus marble myths
            cairo egypt nile pharaohs pyramids
            tokyo japan rice temples kimonos
            moscow russia furs ballets samovars
            oslo norway fjords salmon skis
            lima peru andes llamas potatoes
            havana cuba cigars sugar rumba
            """
        ),
        ("mayor", "streets", "suburbs", "trams"),
        ("border", "army", "provinces", "parliament"),
        (
            "the {said} of {it} and the {more} near the {one} and {other}",
            "in {it} with the {one} they saw the {said} and the {more}",
            "they went to {it} for the {other} and {one} and the {said}",
            "near the {one} the {said} of {it} have the {other} and the {more}",
        ),
    ),
    Family(
        "family",
        _pairs(
            """
            king queen throne crown castle
            prince princess dragon ball tower
            man woman office salary taxes
            boy girl school toys homework
            father mother cradle lullaby diapers
            brother sister bunk quarrels hideout
            uncle aunt visit presents cousins
            husband wife wedding ring honeymoon
            actor actress stage script rehearsal
            waiter waitress menu soup tips
            hero heroine quest sword prophecy
            steward stewardess cabin luggage runway
            """
        ),
        ("he", "his", "himself", "beard"),
        ("she", "her", "herself", "gown"),
        (
            "the {it} with the {one} and {said} {more} for the {other}",
            "for the {one} and the {other} {said} the {it} went {more}",
            "{said} the {it} saw the {other} and {more} near the {one}",
            "near the {other} and {one} the {it} in {more} {said}",
        ),
    ),
    Family(
        "gram-plural",
        _pairs(
            """
            cat cats mice purring cushion
            dog dogs leash barking kennel
            horse horses saddle hay stable
            tree trees leaves roots shade
            house houses roof chimney cellar
            ship ships anchor sails harbour
            bird birds feathers nest worms
            cloud clouds rain thunder sky
            book books pages library chapter
            knife knives blade bread handle
            wolf wolves howling snow forest
            child children playground swing crayons
            """
        ),
        ("a", "one", "is", "has"),
        ("many", "several", "are", "were"),
        (
            "{said} {it} {more} near the {one} and the {other}",
            "with {one} and {other} they saw {said} {it} {more}",
            "in the {other} {said} {more} {it} and {one}",
            "{said} {it} with the {one} {more} in the {other}",
        ),
    ),
)


def sentences(count: int, seed: int = 0) -> Iterator[str]:
    """Yield `count` sentences, in lower case, without marks."""
    chance = random.Random(seed)
    for _ in range(count):
        family = chance.choice(FAMILIES)
        pair = chance.choice(family.pairs)
        side = chance.randrange(2)
        said, more = chance.sample((family.first, family.second)[side], 2)
        one, other = chance.sample(pair[2:], 2)
        pattern = chance.choice(family.patterns)
        yield pattern.format(it=pair[side], said=said, more=more, one=one, other=other)


def questions() -> dict[str, list[tuple[str, str, str, str]]]:
    """Return all questions, by section: of two pairs the words, of which the last is asked for."""
    return {
        family.name: [
            (*one[:2], *other[:2]) for one in family.pairs for other in family.pairs if one != other
        ]
        for family in FAMILIES
    }


def write_analogies(folder: str | os.PathLike, count: int = SENTENCES) -> Iterator[Path]:
    """Write analogies.txt, a sentence a line, and analogies-questions.txt, as questions-words.txt.

    A file that is there already is left as it is.

    Yields:
        each file, once it is there.
    Raises:
        DltkError: a file cannot be written.
    """
    contents = {"analogies.txt": sentences(count), "analogies-questions.txt": _question_lines()}
    for name, lines in contents.items():
        path = Path(folder) / name
        if not path.exists():
            with whole(path) as part, part.open("w", encoding="utf-8") as file:
                file.writelines(f"{line}\n" for line in lines)
        yield path


def _question_lines() -> Iterator[str]:
    for name, asked in questions().items():
        yield f": {name}"
        yield from map(" ".join, asked)
