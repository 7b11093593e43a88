"""What the learning of word vectors calls the parts of a batch.

The words of a batch are cut into B blocks of L, each with `window` words more at both ends.
"""

from __future__ import annotations

WORDS = "words"
"""Rows of the words of a block and of those around it, int32 (B, L + 2 window); the words of the
block itself are in the middle, and only they are centres of windows."""

BEFORE = "before"
"""How many words in front of each word of a block are in its window, int8 (B, L)."""

BEHIND = "behind"
"""How many words behind it are, int8 (B, L)."""

NOISE = "noise"
"""Rows of words drawn by chance, which stand against all words of a block, int32 (B, N)."""
