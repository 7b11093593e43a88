"""Texts and tokens on disk."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from dltk.text.spool import Spool, TokenFile


def test_strings_are_had_at_any_time_by_any_thread():
    spool, strings = Spool(), [b"one", b"", "drei é".encode(), b"x" * 5000]
    for string in strings * 50:
        spool.append(string)
    spool.flush()
    assert len(spool) == 200 and spool[-1] == strings[-1]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(spool.__getitem__, range(200))) == strings * 50
    with pytest.raises(IndexError):
        spool[200]


def test_numbers_follow_each_other():
    file = TokenFile()
    assert file.numbers().tolist() == []
    for part in ([1, 2], [], [3]):
        file.append(np.array(part, np.int64))
    assert file.numbers().tolist() == [1, 2, 3] and file.numbers().dtype == np.int32
