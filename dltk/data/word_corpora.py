"""Running text to learn vectors of words from: its words as numbers, and how often each occurs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltk.data.corpora import CorpusFindings, digest_of, renumbered
from dltk.errors import UsageError, printable
from dltk.text.corpus import Corpus, count_tokens, encode_files
from dltk.text.phrases import count_words, find_pairs, join_pairs
from dltk.text.spool import TokenFile
from dltk.text.tokenizer import Tokenizer
from dltk.text.vocabulary import FIRST, Vocabulary
from dltk.weights import Report, silent
from dltk.wording import amount

_FEW = 1_000_000  # words, of which vectors do not come out well


@dataclass(frozen=True)
class WordData:
    """Running text as numbers of words.

    Attributes:
        where: it comes from, as the user named it.
        words: those that are known, the most frequent first.
        counts: int64 (V,), how often each occurs.
        tokens: int32 (T,), numbers of `dltk.text.vocabulary`, END behind every line; on disk, and
            read where they are looked at.
        length: how many words the text has, those that are not known included.
        passed_over: empty.
    """

    where: str
    words: tuple[str, ...]
    counts: np.ndarray
    tokens: np.ndarray
    length: int
    passed_over: tuple[tuple[str, str], ...] = ()

    @property
    def splits(self) -> dict[str, np.ndarray]:
        """All of it is learnt from."""
        return {"train": self.tokens}

    def digest(self) -> str:
        """Return what changes when the text does, in 32 hexadecimal digits."""
        return digest_of(self.words, self.tokens)


def read_words(
    corpus: Corpus,
    *,
    tokenizer: Tokenizer,
    min_count: int,
    most: int | None = None,
    phrases: int = 0,
    threshold: float = 100.0,
    discount: float = 5.0,
    seed: int = 0,
    report: Report = silent,
) -> WordData:
    """Return a text as numbers of its words.

    Args:
        min_count: how often a word must occur to be known.
        most: words that are known, at most, the most frequent ones; None for all.
        phrases: how often pairs of words are looked for that are one phrase, and joined by "_". The
            second time, these may be parts of longer ones. The threshold is twice as high each time
            as the next.
        threshold, discount: see `dltk.text.phrases.find_pairs`; the threshold is that of the last
            time.
        seed: plays no part; it is so that this can be called as data are divided elsewhere.
        report: called with a line now and then.
    Raises:
        UsageError: no text, or what is none (see `dltk.text.corpus`), or no two words that are
            frequent enough.
        DltkError: the disk is full.
    """
    about = corpus.sources, tokenizer
    limit = None if phrases else most  # a phrase may be more frequent than its words are otherwise
    known = Vocabulary.of_counts(count_tokens(*about, report), least=min_count, most=limit)
    tokens = encode_files(*about, known, ends=True, report=report).numbers()
    for left in reversed(range(phrases)):
        words = len(known.words)
        how = {"threshold": threshold * 2**left, "discount": discount}
        pairs = find_pairs(tokens, words, **how)
        report(f"{amount(len(pairs), 'phrase')} of two parts found, with a score above "
               f"{how['threshold']:g}")  # fmt: skip
        names = known.words + tuple(f"{known.words[a]}_{known.words[b]}" for a, b in pairs)
        last = most if not left else None
        known, tokens = _of_frequent(join_pairs(tokens, words, pairs), names, min_count, last)
    counts, length = count_words(tokens, len(known.words))
    if len(known.words) < 2:
        raise UsageError(
            f"there are no two words in {printable(corpus.where)} that occur {min_count} times; "
            "take a smaller --min-count"
        )
    return WordData(corpus.where, known.words, counts, tokens, length)


def _of_frequent(
    joined: TokenFile, names: tuple[str, ...], least: int, most: int | None
) -> tuple[Vocabulary, np.ndarray]:
    """Return the words and phrases that are frequent enough, and the tokens by their numbers.

    A phrase may be called as a word of the text is; then they are one.
    """
    tokens = joined.numbers()
    counts, _ = count_words(tokens, len(names))
    found: dict[str, int] = {}
    for name, count in zip(names, counts.tolist(), strict=True):
        found[name] = found.get(name, 0) + count
    known = Vocabulary.of_counts(found, least=least, most=most)
    places = np.array([*range(FIRST), *known.encode(names)], np.int32)
    return known, renumbered(tokens, places)


def check_words(data: WordData, *, decode: bool, threads: int) -> CorpusFindings:
    """Return what is found in text to learn vectors from: that it is little.

    Args:
        decode, threads: are not looked at; they are so that this can be called as other checks are.
    """
    found = []
    if data.length < _FEW:
        found.append(
            f"{amount(data.length, 'word')} are few; vectors want millions, or at least more "
            "--epochs"
        )
    return CorpusFindings((), tuple(found))
