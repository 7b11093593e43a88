"""Handwritten digits that come with scikit-learn, as files in class folders.

Alpaydin & Kaynak 1998, "Optical Recognition of Handwritten Digits", UCI Machine Learning
Repository, https://doi.org/10.24432/C50P49, CC BY 4.0: the 1,797 of its test set, 8 by 8 pixels of
17 levels.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from dltk.files import whole
from dltk.images import encode

SIDE = 28  # pixels, to which they are enlarged
COUNT = 1797
_LEVELS = 16
_ATTRIBUTION = """Optical Recognition of Handwritten Digits, by E. Alpaydin and C. Kaynak (1998),
UCI Machine Learning Repository, https://doi.org/10.24432/C50P49.
Licence: CC BY 4.0, https://creativecommons.org/licenses/by/4.0/
Changed: the test set as scikit-learn has it, enlarged from 8 to 28 pixels a side.
"""


def write_digits(folder: str | os.PathLike, count: int = COUNT) -> Iterator[Path]:
    """Write the first `count` digits as grey PNG files of 28 pixels: DIGIT/NUMBER.png in `folder`.

    A file that is there already is left as it is.

    Yields:
        the folder of each digit, once all of its pictures are there.
    Raises:
        DltkError: a file cannot be written.
    """
    from sklearn.datasets import load_digits

    digits, notice = load_digits(), Path(folder) / "ATTRIBUTION.md"
    if not notice.exists():
        with whole(notice) as part:
            part.write_text(_ATTRIBUTION)
    for digit in range(10):
        for index in np.flatnonzero(digits.target[:count] == digit):
            path = Path(folder) / str(digit) / f"{index:04d}.png"
            if not path.exists():
                levels = np.rint(digits.images[index] * (255 / _LEVELS)).astype(np.uint8)
                large = Image.fromarray(levels).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
                encode(large, path)
        yield Path(folder) / str(digit)
