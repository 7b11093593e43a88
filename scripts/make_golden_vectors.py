"""Write the files of word vectors in tests/golden that gensim wrote.

gensim is no dependency; run this with a Python that has it:

    python -m venv peer && peer/bin/pip install gensim==4.4.0
    peer/bin/python scripts/make_golden_vectors.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from gensim.models import KeyedVectors

GOLDEN = Path(__file__).parent.parent / "tests" / "golden"
WORDS = ["the", "café", "東京", "new_york", "\u00a0x"]


def main() -> None:
    vectors = KeyedVectors(3)
    values = np.arange(15, dtype=np.float32).reshape(5, 3) / 7 - 1
    vectors.add_vectors(WORDS, values)
    for name, binary in (("gensim_vectors.bin", True), ("gensim_vectors.txt", False)):
        vectors.save_word2vec_format(GOLDEN / name, binary=binary)


if __name__ == "__main__":
    main()
