"""What readers of questions gather: pictures, and what is asked about each."""

from __future__ import annotations

from dataclasses import dataclass, field

from dltk.data.told import GatheredTold, Told
from dltk.wording import amount


@dataclass(slots=True)
class Asked:
    """One question as a reader found it.

    Attributes:
        key: tells it from the others about its picture; those of one key are one question.
        text: what is asked, or what is there instead.
        kind: what it asks for, if that is known; or what is there instead.
        answers: place, such as "answers.json, annotation 3", and what is there as answers, of each.
    """

    key: str
    text: object
    kind: object = None
    answers: list[tuple[str, list]] = field(default_factory=list)


@dataclass(slots=True)
class Questioned(Told):
    """One picture as a reader found it; told are instances of Asked."""

    noun = "question"

    @property
    def said(self) -> str:
        """See `Told.said`."""
        number = len({asked.key for _, asked in self.told})
        return amount(number, self.noun) if number else ""


@dataclass
class GatheredQuestions(GatheredTold):
    """All that a reader found."""

    kind = Questioned
