"""What a generator of texts reads and writes: tokens, their numbers, and where a text begins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dltk.errors import UsageError
from dltk.text.tokenizer import Tokenizer
from dltk.text.vocabulary import END, Vocabulary

_TEXTS = "texts"
_BREAK = "\n"


@dataclass(frozen=True)
class Language:
    """The tokens of a generator of texts.

    Attributes:
        tokenizer: how a text becomes tokens.
        vocabulary: those that are known.
        texts: how many were learnt from, END being between them.
    """

    tokenizer: Tokenizer
    vocabulary: Vocabulary
    texts: int = 1

    @classmethod
    def of(cls, words: Sequence[str], text: Mapping) -> Language:
        """Return what a model file tells in its fields `words` and `text`.

        Raises:
            UsageError: something else stands there.
        """
        try:
            fields = {name: value for name, value in text.items() if name != _TEXTS}
            return cls(Tokenizer(**fields), Vocabulary(tuple(words)), int(text.get(_TEXTS, 1)))
        except (TypeError, ValueError) as error:
            raise UsageError(f"what is told of its tokens makes no sense: {error}") from error

    def to_dict(self) -> dict:
        """Return the field `text` of a model file, ready for JSON."""
        return self.tokenizer.to_dict() | {_TEXTS: self.texts}

    @property
    def ends(self) -> bool:
        """Whether texts come to an end by themselves."""
        return self.texts > 1

    def begin(self, prompt: str) -> list[int]:
        """Return the numbers that a text begins with: what stands in front of it, and a prompt.

        In front of a text is the END of another one. Where only one text is known, a line break
        stands for it, or the most frequent token if there are no lines.
        """
        before = [END]
        if not self.ends:
            words = self.vocabulary.words
            before = self.vocabulary.encode([_BREAK if _BREAK in self.vocabulary else words[0]])
        return before + self.vocabulary.encode(self.tokenizer(prompt))

    def unknown(self, prompt: str) -> list[str]:
        """Return the tokens of a prompt that are not known, each once."""
        found = dict.fromkeys(self.tokenizer(prompt))
        return [token for token in found if token not in self.vocabulary]

    def continuation(self, prompt: str, numbers: Iterable[int]) -> str:
        """Return what numbers of tokens add to a prompt."""
        last = self.tokenizer(prompt)[-1:]  # what stands before does not tell on spaces
        whole = self.tokenizer.join([*last, *self.vocabulary.decode(numbers)])
        added = whole[len(self.tokenizer.join(last)) :]
        spaced = self.tokenizer.unit == "word" and prompt.endswith((" ", _BREAK))
        return added.removeprefix(" ") if spaced else added
