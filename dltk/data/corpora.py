"""Running text to learn from: its tokens as numbers, and which of them are held out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dltk.data.split import divide
from dltk.errors import UsageError, printable
from dltk.text.corpus import Corpus, count_tokens, encode_files
from dltk.text.language import Language
from dltk.text.spool import TokenFile
from dltk.text.tokenizer import Tokenizer
from dltk.text.vocabulary import END, FIRST, UNKNOWN, Vocabulary
from dltk.weights import Report, silent

FEW = 100_000  # tokens, which a network may soon know by heart
_RARE = 0.1  # share of tokens that are not known, of which more is told
_AT_ONCE = 1 << 22  # tokens


@dataclass(frozen=True)
class CorpusData:
    """Running text as numbers of tokens.

    Attributes:
        where: it comes from, as the user named it.
        language: its tokens. Those that are rare in what is learnt from, or not in it at all, are
            UNKNOWN everywhere; END stands between texts.
        splits: int32 (N,), one behind the other in the text; "train", and "val" and "test" as far
            as they are wanted. On disk, and read where they are looked at.
        passed_over: empty.
    """

    where: str
    language: Language
    splits: dict[str, np.ndarray]
    passed_over: tuple[tuple[str, str], ...] = ()

    @property
    def divided(self) -> bool:
        """Whether it is in splits already."""
        return "all" not in self.splits


def encoded_corpus(
    corpus: Corpus,
    *,
    tokenizer: Tokenizer,
    min_count: int = 1,
    most: int | None = None,
    val_share: float = 0.05,
    test_share: float = 0.05,
    seed: int = 0,
    report: Report = silent,
) -> CorpusData:
    """Return running text in numbers, divided: first what is learnt from, then "val", then "test".

    Args:
        min_count: how often a token must be in the training part to be known.
        most: tokens that are known, at most, the most frequent ones; None for all.
        val_share, test_share: of all tokens, each in [0, 1), less than 1 together.
        seed: plays no part; it is so that this can be called as other divisions are.
        report: called with a line now and then.
    Raises:
        UsageError: no text, or what is none (see `dltk.text.corpus`), impossible shares, or no
            token that is frequent enough.
        DltkError: the disk is full.
    """
    about = corpus.sources, tokenizer
    every = Vocabulary.of_counts(count_tokens(*about, report))
    numbers = encode_files(*about, every, ends=False, report=report).numbers()
    shares = {"val_share": val_share, "test_share": test_share}
    language = Language(tokenizer, every)
    data = divide(CorpusData(corpus.where, language, {"all": numbers}), _cut, **shares, seed=seed)
    counts = token_counts(data.splits["train"], len(every))
    known = _known(data, counts, min_count, most)
    language = Language(tokenizer, known, 1 + int(counts[END]))
    places = np.array([*range(FIRST), *known.encode(every.words)], np.int32)
    splits = {name: renumbered(part, places) for name, part in data.splits.items()}
    return replace(data, language=language, splits=splits)


def _cut(numbers: np.ndarray, shares: dict[str, float], seed: int) -> dict[str, np.ndarray]:
    """Return the beginning, "train", what comes then, "val", and the end, "test"."""
    end, parts = len(numbers), {}
    for split in ("test", "val"):
        begin = end - round(len(numbers) * shares[split])
        parts[split], end = numbers[begin:end], begin
    return {"train": numbers[:end]} | {name: part for name, part in parts.items() if len(part)}


def _known(data: CorpusData, counts: np.ndarray, min_count: int, most: int | None) -> Vocabulary:
    """Return what is frequent enough in the training part, of whose tokens these are the counts."""
    words = data.language.vocabulary.words
    found = dict(zip(words, counts[FIRST:].tolist(), strict=True))
    known = Vocabulary.of_counts(found, least=min_count, most=most)
    if not known.words:
        raise UsageError(
            f"no {data.language.tokenizer.unit} is in {printable(data.where)} {min_count} times; "
            "take a smaller --min-count"
        )
    return known


def token_counts(numbers: np.ndarray, size: int) -> np.ndarray:
    """Return how often each of the numbers below `size` occurs, int64 (size,)."""
    counts = np.zeros(size, np.int64)
    for at in range(0, len(numbers), _AT_ONCE):
        counts += np.bincount(numbers[at : at + _AT_ONCE], minlength=size)
    return counts


def renumbered(numbers: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return numbers in another vocabulary, of which `places` has the number of each."""
    tokens = TokenFile()
    for at in range(0, len(numbers), _AT_ONCE):
        tokens.append(places[numbers[at : at + _AT_ONCE]])
    return tokens.numbers()


def digest_of(words: Sequence[str], numbers: np.ndarray) -> str:
    """Return what changes when the words or their numbers do, in 32 hexadecimal digits."""
    digest = hashlib.sha256("\0".join(words).encode())
    for at in range(0, len(numbers), _AT_ONCE):
        digest.update(np.ascontiguousarray(numbers[at : at + _AT_ONCE]))
    return digest.hexdigest()[:32]


@dataclass(frozen=True)
class CorpusFindings:
    """What was found in running text.

    Attributes:
        errors, warnings: a line for each finding, see `dltk.data.check.Findings`.
    """

    errors: tuple[str, ...]
    warnings: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.errors) + len(self.warnings)


def check_corpus(data: CorpusData, *, decode: bool, threads: int) -> CorpusFindings:
    """Return what is found in text to learn from: that it is little, or little of it is known.

    Args:
        decode, threads: are not looked at; they are so that this can be called as other checks are.
    """
    train, unit = data.splits["train"], data.language.tokenizer.unit
    found = []
    if len(train) < FEW:
        found.append(
            f"{len(train):,} {unit}s are few, which a network may learn by heart; --dropout, or "
            "fewer --units, hold it back"
        )
    unknown = token_counts(train, len(data.language.vocabulary))[UNKNOWN] / len(train)
    if unknown > _RARE:
        found.append(f"{unknown:.0%} of the {unit}s are not known; see --min-count, --vocabulary")
    return CorpusFindings((), tuple(found))
