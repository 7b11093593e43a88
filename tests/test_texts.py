"""Which texts are meant: files, folders, tables, pipes, and strings from Python."""

from __future__ import annotations

import json
import os
import sys
import threading
from contextlib import suppress

import pytest

from dltk.errors import DltkError, UsageError
from recipes._texts import PAUSE, Text, find_texts, gather_texts, windows


@pytest.fixture
def tree(tmp_path):
    """Files of texts, of tables, and of other things."""
    root = tmp_path / "mails"
    files = {
        "ham/1.txt": "one\ntwo\n",
        "ham/12345": "a newsgroup's\n",
        "spam/1.txt": "three",
        "spam/photo.jpg": "JFIF",
        "spam/table.csv": "text\nfour\n",
        ".hidden.txt": "no",
        "README": " five \r\n",
    }
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


def found(*sources, **how):
    return [tuple(text) for text in find_texts(sources, **how)]


def test_files_of_folders_are_a_text_each_and_keep_their_paths(tree):
    inputs = find_texts([tree])
    assert [tuple(text) for text in inputs] == [
        ("README", None, "five", None),
        ("ham/1.txt", None, "one\ntwo", None),
        ("ham/12345", None, "a newsgroup's", None),
        ("spam/1.txt", None, "three", None),
    ]
    assert inputs.describe_passed_over() == "2 other files passed over (.jpg ×1, .csv ×1)"
    assert found(tree / "ham", tree / "spam")[0][0] == "ham/1.txt"


def test_files_that_are_named_are_a_text_a_line(tree):
    assert found(tree / "ham/1.txt", tree / "spam/1.txt") == [
        ("ham/1.txt", 1, "one", None),
        ("ham/1.txt", 2, "two", None),
        ("spam/1.txt", 1, "three", None),
    ]
    assert [text[:3] for text in found(str(tree / "*/1.txt"))][2] == ("spam/1.txt", 1, "three")
    (tree / "list").write_text(f"{tree}/spam/1.txt\n{tree}/gone.txt\n")
    listed = found(f"@{tree}/list")
    assert listed[0] == ("spam/1.txt", 1, "three", None)
    assert listed[1] == ("gone.txt", None, "", "cannot be read: No such file or directory")


def test_each_says_what_a_text_is(tree):
    assert ("ham/1.txt", 2, "two", None) in found(tree, each="line")
    assert found(tree / "ham/1.txt", each="file") == [("1.txt", None, "one\ntwo", None)]
    table = tree / "spam/table.csv"
    assert found(table, each="line") == [
        ("table.csv", 1, "text", None), ("table.csv", 2, "four", None)
    ]  # fmt: skip


def test_rows_of_tables_are_a_text_each(tmp_path):
    path = tmp_path / "reviews.csv"
    path.write_bytes(
        b'stars,Review\n5,"Great,\nreally"\n1,bad,worse\n3,\n2,caf\xe9\n4, "so so" \n\n9,end'
    )
    assert found(path) == [
        ("reviews.csv", 2, "Great,\nreally", None),
        ("reviews.csv", 4, "", "3 cells in a table of 2 columns"),
        ("reviews.csv", 5, "", "it is empty"),
        ("reviews.csv", 6, "", "not UTF-8: byte 0xe9"),
        ("reviews.csv", 7, '"so so"', None),
        ("reviews.csv", 9, "end", None),
    ]
    assert [text[2] for text in found(path, text_column="STARS")][-1] == "9"
    (tmp_path / "bare.tsv").write_text("5\tgood\n1\tbad\n")
    assert [text[1:3] for text in found(tmp_path / "bare.tsv", text_column="2")] == [
        (1, "good"), (2, "bad")
    ]  # fmt: skip


def test_tables_of_old_macs_have_rows(tmp_path):
    (tmp_path / "mac.csv").write_bytes(b'id,text\r1,good\r2,"so, so"\r')
    assert found(tmp_path / "mac.csv") == [
        ("mac.csv", 2, "good", None), ("mac.csv", 3, "so, so", None)
    ]  # fmt: skip
    (tmp_path / "odd.csv").write_bytes(b"id,my\rtext\n1,go\rod\n")  # a return in the header too
    assert found(tmp_path / "odd.csv", text_column="my text") == [("odd.csv", 2, "go od", None)]


def test_objects_in_json_are_a_text_each(tmp_path):
    path = tmp_path / "x.jsonl"
    rows = [{"id": 1, "sentence": "one"}, {"id": 2}, {"sentence": 5}, ["no"], {"sentence": None}]
    path.write_text("\n".join(map(json.dumps, rows)) + '\n{"sentence": \n')
    texts = found(path)
    assert texts[0] == ("x.jsonl", 1, "one", None)
    assert [text[3].split(":")[0] for text in texts[1:]] == [
        'it has no "sentence"', "the text is no text", "no object in JSON, {…}", "it is empty",
        "no JSON",
    ]  # fmt: skip


def test_columns_that_are_not_there_are_refused_before_anything_is_done(tmp_path, tree):
    path = tmp_path / "a.csv"
    path.write_text("id,revue\n1,x\n")
    with pytest.raises(UsageError, match=r'a\.csv has no column "text".*--text-column.*id, revue'):
        find_texts([tree, path])
    with pytest.raises(UsageError, match=r'no column "review".*Did you mean "revue"'):
        find_texts([path], text_column="review")
    with pytest.raises(UsageError, match=r"--text-column 7: .*a\.csv has 2 columns"):
        find_texts([path], text_column=7)
    with pytest.raises(UsageError, match="--text-column is of tables, and there is none"):
        find_texts([tree], text_column="revue")
    with pytest.raises(UsageError, match="--text-column is of tables, and there is none"):
        find_texts([path], text_column="revue", each="line")


def test_what_is_no_text_fails_alone(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"fine\n\n \t\ncaf\xe9 noir\nfine\n")
    (tmp_path / "b.txt").write_bytes(b"good\nGIF89a\0\0\nlost\n")
    long = "word " * 2000
    (tmp_path / "b2.txt").write_bytes(f"{long}\nbad \0\nlost\n".encode())
    (tmp_path / "c.txt").write_text("good")
    assert found(*sorted(tmp_path.iterdir())) == [
        ("a.txt", 1, "fine", None),
        ("a.txt", 2, "", "it is empty"),
        ("a.txt", 3, "", "it is empty"),
        ("a.txt", 4, "", "not UTF-8: byte 0xe9 at offset 12"),
        ("a.txt", 5, "fine", None),
        ("b.txt", None, "", "not a text: byte 0x00 at offset 11"),
        ("b2.txt", 1, long.strip(), None),
        ("b2.txt", None, "", "not a text: byte 0x00 at offset 10005"),
        ("c.txt", 1, "good", None),
    ]


def test_long_texts_are_read_to_a_bound(tmp_path):
    (tmp_path / "a.txt").write_text("word " * 1_000_000 + "\nnext\n")
    line, after = find_texts([tmp_path / "a.txt"])
    assert 1_000_000 < len(line.text) <= 1 << 20 and (line.line, after) == (
        1,
        ("a.txt", 2, "next", None),
    )
    [file] = find_texts([tmp_path])
    assert len(file.text) < 1 << 21 and file.line is None


def test_only_the_first_are_taken_if_that_is_asked(tree):
    files = [tree / "ham/1.txt", tree / "spam/1.txt"]
    assert [len(found(*files, limit=limit)) for limit in (1, 2, 3, 4)] == [1, 2, 3, 3]


def test_what_is_not_there_is_refused(tree, tmp_path):
    with pytest.raises(UsageError, match="no such file or folder: nothing"):
        find_texts(["nothing"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(DltkError, match=r"no texts found in .*empty$"):
        find_texts([tmp_path / "empty"])
    (tmp_path / "empty/a.csv").write_text("text\nx\n")
    with pytest.raises(DltkError, match=r"passed over \(\.csv ×1\); name tables themselves"):
        find_texts([tmp_path / "empty"])


def test_changed_files_change_the_digest(tree):
    before = find_texts([tree]).digest()
    assert find_texts([tree]).digest() == before and find_texts([tree]).again
    os.utime(tree / "README", (1, 1))
    assert find_texts([tree]).digest() != before
    assert find_texts([tree / "ham"]).digest() != before


def test_standard_input_is_lines_with_pauses_between_them(tree, monkeypatch):
    reading, writing = os.pipe()
    monkeypatch.setattr(sys, "stdin", os.fdopen(reading))
    inputs = find_texts([tree / "spam/1.txt", "-"])
    assert not inputs.again
    texts = iter(inputs)
    assert next(texts) == ("1.txt", 1, "three", None)
    os.write(writing, b"a\nb\n")
    assert [next(texts) for _ in range(3)] == [
        ("stdin", 1, "a", None), ("stdin", 2, "b", None), PAUSE
    ]  # fmt: skip
    os.write(writing, b"c")
    os.close(writing)
    assert list(texts) == [("stdin", 3, "c", None)]


def test_standard_input_that_turns_out_to_be_no_text_is_left_at_once(monkeypatch):
    reading, writing = os.pipe()
    monkeypatch.setattr(sys, "stdin", os.fdopen(reading))
    written = [os.write(writing, b"hi\n")]

    def pour():
        with suppress(BrokenPipeError):
            while sum(written) < 1 << 25:
                written.append(os.write(writing, bytes(1 << 16)))
        os.close(writing)

    thread = threading.Thread(target=pour)
    thread.start()
    texts = [text for text in find_texts(["-"]) if text is not PAUSE]
    sys.stdin.close()
    thread.join()
    assert texts == [
        ("stdin", 1, "hi", None), ("stdin", None, "", "not a text: byte 0x00 at offset 3")
    ]  # fmt: skip
    assert sum(written) < 1 << 23


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_named_pipes_are_read_but_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    thread = threading.Thread(target=(tmp_path / "pipe").write_text, args=("a\nb\n",))
    thread.start()
    inputs = find_texts([tmp_path / "pipe"])
    assert not inputs.again
    texts = [text for text in inputs if text is not PAUSE]
    assert texts == [("pipe", 1, "a", None), ("pipe", 2, "b", None)]
    thread.join()


def test_strings_are_texts_and_paths_are_files(tree):
    assert list(gather_texts("one\ntwo")) == [("000000", None, "one\ntwo", None)]
    given = ["one", tree / "spam/1.txt", Text("own", 7, "two"), " ", "\udce9"]
    assert list(gather_texts(given)) == [
        ("000000", None, "one", None),
        ("1.txt", 1, "three", None),
        ("own", 7, "two", None),
        ("000003", None, "", "it is empty"),
        ("000004", None, "", "not UTF-8: byte 0xe9"),
    ]
    assert len(list(gather_texts(tree))) == 4
    assert len(list(gather_texts(tree, each="line"))) == 5
    for wrong in (b"bytes", 5):
        with pytest.raises(UsageError, match=r"strings or paths, not (bytes|int)"):
            gather_texts(wrong)
    for wrong in (b"bytes", 5, None):
        with pytest.raises(UsageError, match=r"strings or paths, not (bytes|int|NoneType)"):
            list(gather_texts(["one", wrong, "two"]))


def test_windows_end_where_texts_pause():
    one, two, three = (Text(name, None, name) for name in "abc")
    given = [PAUSE, one, two, three, one, PAUSE, PAUSE, two]
    assert list(windows(given, 3)) == [[one, two, three], [one], [two]]
    assert list(windows([], 3)) == []


def test_windows_read_no_further_than_they_reach():
    taken = []

    def texts():
        for number in range(100):
            taken.append(number)
            yield Text(str(number), None, "x")

    some = windows(texts(), 4)
    assert [len(next(some)) for _ in range(2)] == [4, 4] and len(taken) == 8
