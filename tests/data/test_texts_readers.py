"""Labelled texts in every layout that people have them in."""

from __future__ import annotations

import json
import unicodedata
from csv import field_size_limit
from pathlib import Path

import pytest

from dltk.data.texts import holds_texts, read_texts, texts_in_memory
from dltk.data.texts.alone import text_rows
from dltk.errors import UsageError

TWO = {"text": ["good film", "bad film"], "label": ["pos", "neg"]}


def put(root: Path, files: dict[str, str | bytes]) -> Path:
    """Write files, by their names below a folder."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def told(data) -> dict[str, list[tuple[str, str, str]]]:
    """Return (name, text, class) of each text, by split."""
    return {
        split: [
            (part.names[at], part.text(at), data.classes[part.labels[at]])
            for at in range(len(part))
        ]
        for split, part in data.splits.items()
    }


@pytest.fixture
def csv(tmp_path):
    """Write a table and read it: csv(content, name, **columns) -> TextData."""

    def read(content: str | bytes, name: str = "reviews.csv", **columns):
        return read_texts(put(tmp_path, {name: content}) / name, **columns)

    return read


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"text,label\rgood film,pos\rbad film,neg\r", "good film"),
        (b"text,label\r,\ngood\rfilm,pos,\nbad film,neg,\n", "good film"),
        (b"text,label,a\rb\ngood\rfilm,pos,\nbad film,neg,\n", "good film"),
    ],
)
def test_returns_in_tables_end_rows_where_nothing_else_does(csv, content, text):
    data = csv(content)
    assert told(data)["all"][0][1:] == (text, "pos") and len(data.splits["all"]) == 2


# Folders


def test_a_folder_for_each_class(tmp_path):
    put(tmp_path, {
        "ham/2.txt": "see you\n", "ham/10.txt": "\ufeffhello  \r\nyou\r\n", "ham/deep/a.TEXT": "x",
        "spam/51060": "win", "spam/.hidden": "no", "spam/b.md": "# money",
        "spam/c.jpg": "no text", "readme.txt": "about", "none/d.png": "",
    })  # fmt: skip
    data = read_texts(tmp_path)
    assert data.classes == ("ham", "spam") and not data.divided
    assert told(data) == {"all": [
        ("ham/2.txt", "see you", "ham"), ("ham/10.txt", "hello  \nyou", "ham"),
        ("ham/deep/a.TEXT", "x", "ham"), ("spam/51060", "win", "spam"),
        ("spam/b.md", "# money", "spam"),
    ]}  # fmt: skip
    assert dict(data.passed_over) == {
        "readme.txt": "in no class folder", "spam/c.jpg": "not a text by its extension",
        "none/d.png": "not a text by its extension", "none/": "a class folder without texts",
    }  # fmt: skip
    assert not data.damaged and not data.repairs


def test_folders_of_splits_as_imdb_has_them(tmp_path):
    put(tmp_path, {
        "README": "", "imdb.vocab": "the", "train/urls_pos.txt": "http:", "train/pos/0_9.txt": "a",
        "train/neg/0_1.txt": "b", "train/unsup/0_0.txt": "c", "train/unsup/1_0.txt": "d",
        "test/pos/0_8.txt": "e", "test/neg/0_2.txt": "f",
    })  # fmt: skip
    data = read_texts(tmp_path)
    assert data.classes == ("neg", "pos")
    assert {split: len(part) for split, part in data.splits.items()} == {"train": 2, "test": 2}
    assert ("unsup/", "2 texts without a class") in data.passed_over
    assert holds_texts(tmp_path)


def test_files_that_are_no_texts_are_named(tmp_path):
    put(tmp_path, {
        "a/1.txt": "fine", "b/1.txt": "fine", "b/2.txt": b"one\ncaf\xe9", "b/3": b"\x7fELF\0\1",
        "b/4.txt": " \n", "b/5.txt": "text".encode("utf-16"),
    })  # fmt: skip
    data = read_texts(tmp_path)
    assert len(data) == 2
    assert data.damaged == data.passed_over == (
        ("b/2.txt", "not UTF-8: byte 0xe9 at offset 7, in line 2"),
        ("b/3", "not a text: byte 0x00 at offset 4"),
        ("b/5.txt", "not UTF-8 but UTF-16; save it as UTF-8"),
    )  # fmt: skip
    assert data.repairs == (("b/4.txt", "an empty text: left out"),)


# Tables


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "text,label\ngood film,pos\nbad film,neg\n"),
        ("a.csv", '\ufefflabel;ID;"Text"\r\npos;7; good film \r\nneg;8;"bad film"'),
        ("a.tsv", "Sentence\tSentiment\ngood film\tpos\n\nbad film\tneg\n"),
        ("a.tab", '"review"\t"stars"\n"good film"\t"pos"\n"bad film"\t"neg"\n'),
        ("a.csv", "v1,v2,,\npos,good film,,\nneg,bad film,,\n"),
        ("a.jsonl", '{"label": "pos", "content": "good film"}\n\n{"content":"bad film",'
         '"label":"neg","x":[1]}\n'),
        ("a.ndjson", '{"question": "good film", "topic": "pos"}\n{"question": "bad film", '
         '"topic": "neg"}'),
        ("a.json", '[\n {"message": "good film",\n "class": "pos"}, {"message": "bad film", '
         '"class": "neg"}\n]\n'),
        ("a.json", '{"tweet": "good film", "category": "pos"}\n{"tweet": "bad film", '
         '"category": "neg"}\n'),
        ("a.txt", "__label__pos good film\n__label__neg  bad film\n"),
        ("cooking.train", "__label__pos good film\n\n__label__neg bad film"),
        ("a.txt", "text\tlabel\ngood film\tpos\nbad film\tneg\n"),
    ],
)  # fmt: skip
def test_files_with_a_text_and_a_class(tmp_path, name, content):
    put(tmp_path / "data", {name: content})
    data = read_texts(tmp_path / "data" / name)
    assert data.where == str(tmp_path / "data" / name) and data.classes == ("neg", "pos")
    assert [row[1:] for row in told(data)["all"]] == [("good film", "pos"), ("bad film", "neg")]
    assert not data.passed_over and not data.repairs
    lines = {"\n": 0} | {text: at for at, line in enumerate(content.splitlines(), 1)
                         for text in TWO["text"] if text in line}  # fmt: skip
    lines |= {"good film": lines["good film"]} if "[\n" not in content else {"bad film": 3}
    assert [row[0] for row in told(data)["all"]] == [f"{name}:{lines[t]}" for t in TWO["text"]]
    assert holds_texts(tmp_path / "data" / name) and holds_texts(tmp_path / "data")
    assert told(read_texts(tmp_path / "data")) == told(data)


def test_a_cell_with_line_breaks_and_marks_is_one_text(csv):
    content = 'text,label\n"one ""two"",\n\nthree",a\nfour,b\n"fi\r\nve",a\n'
    assert told(csv(content))["all"] == [
        ("reviews.csv:2", 'one "two",\n\nthree', "a"), ("reviews.csv:5", "four", "b"),
        ("reviews.csv:6", "fi\nve", "a"),
    ]  # fmt: skip


def test_marks_in_a_file_with_tabs_are_letters_where_they_are_not_csv(csv):
    """As in the SMS spam collection, in which some are never closed."""
    content = 'ham\t"Go, she said, and "more\nspam\tWin "now"\nham\t"so, he" said\n'
    data = csv(content, "SMSSpam", text_column=2, label_column="1")
    assert [row[1:] for row in told(data)["all"]] == [
        ('"Go, she said, and "more', "ham"), ('Win "now"', "spam"), ('"so, he" said', "ham"),
    ]  # fmt: skip
    quoted = csv('text\tlabel\n"a\tb\nc"\tx\n"d ""e"""\ty\n', "a.tsv")
    assert [row[1:] for row in told(quoted)["all"]] == [("a\tb\nc", "x"), ('d "e"', "y")]


def test_a_file_without_a_header_has_columns_by_number(csv):
    content = '"3","Wall, St.","Short-sellers, ""Wall""; a"\n"4","Sci","b; c; d"\n'
    data = csv(content, "train.csv", text_column=3, label_column=1)
    assert told(data)["all"] == [
        ("train.csv:1", 'Short-sellers, "Wall"; a', "3"), ("train.csv:2", "b; c; d", "4"),
    ]  # fmt: skip
    for columns, why in (
        ({"text_column": 4, "label_column": 1}, "--text-column 4: .* has 3 columns in its first"),
        ({"text_column": 0, "label_column": 1}, "--text-column 0: .* has 3 columns"),
        ({"text_column": 2}, "--text-column 2: .* the number of the other .*: --label-column"),
        ({"label_column": "2"}, "--label-column 2: .* needed too: --text-column"),
        ({"text_column": 1, "label_column": 1}, 'cannot both be "1"'),
        (
            {},
            'no column "text" or another usual name for it; name it: --text-column. Without a '
            "header, give numbers",
        ),
        ({"text_column": 2, "label_column": "x"}, 'no column "2", as --text-column says'),
    ):
        with pytest.raises(UsageError, match=why):
            csv(content, "train.csv", **columns)
    with pytest.raises(UsageError, match="has a header, label, text: name columns by it"):
        csv("label,text\na,b\nc,d\n", text_column=2, label_column=1)


def test_columns_of_other_names_are_named(csv):
    content = "what she said,who,text\nhello,ann,1\nbye,bob,2\n"
    data = csv(content, text_column="What she said", label_column="who")
    assert told(data)["all"] == [("reviews.csv:2", "hello", "ann"), ("reviews.csv:3", "bye", "bob")]
    for columns, why in (
        ({"label_column": "whom"}, r'no column "whom", as --label-column says\. Did you mean "who"'
         r"\? Its columns: what she said, who, text"),
        ({}, 'no column "label" or another usual name for it; name it: --label-column. Without '),
        ({"text_column": "who", "label_column": "who"}, 'cannot both be "who"'),
    ):  # fmt: skip
        with pytest.raises(UsageError, match=why):
            csv(content, **columns)
    with pytest.raises(UsageError, match='has 2 columns "text"; keep one of them'):
        csv("text,Text,label\na,b,c\n")


def test_rows_that_cannot_be_used_are_named(csv):
    content = (
        b"id,text,label\n1,fine,a\n2,caf\xe9 au lait,a\n3,fine,a,b\n4\n5, ,a\n6,none,\n"
        b"7,\xe4\xb8\xad,b\n\xff8,kept,b\n"
    )
    data = csv(content)
    assert told(data)["all"] == [
        ("reviews.csv:2", "fine", "a"), ("reviews.csv:8", "中", "b"),
        ("reviews.csv:9", "kept", "b"),
    ]  # fmt: skip
    assert data.damaged == data.passed_over == (
        ("reviews.csv:3", "the text is not UTF-8: byte 0xe9"),
        ("reviews.csv:4", "4 cells in a table of 3 columns"),
        ("reviews.csv:5", "1 cell in a table of 3 columns"),
    )  # fmt: skip
    assert data.repairs == (
        ("reviews.csv:6", "an empty text: left out"),
        ("reviews.csv:7", "a text without a class: left out"),
    )


def test_splits_are_a_column_or_none(csv):
    content = "text,label,Split\na,x,train\nb,y,Validation\nc,x,dev\nd,y,test\ne,x,other\nf,x,\n"
    data = csv(content)
    assert {s: [row[1] for row in rows] for s, rows in told(data).items()} == {
        "train": ["a"], "val": ["b", "c"], "test": ["d"],
    }  # fmt: skip
    assert data.passed_over == (
        ("reviews.csv:6", 'in the split "other", which is no train, val or test'),
        ("reviews.csv:7", 'in the split "", which is no train, val or test'),
    )
    assert not csv("text,label,split\na,x,train\nb,y,train\n").divided


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", r"reviews\.csv has no columns at all: it is empty"),
        ("text,label\n", "has no texts with a class$"),
        ("text,label\na,x\nb,x\n", 'one class only, "x"; a classifier needs two: wanted is'),
        ('text,label\na,x\n"b,y\nc,x\nd,y\n', "line 3: a cell begins with a quotation mark that"),
        ("text,label\n" + "".join(f"same,{at}\n" for at in range(60)),
         'has 60 texts, and each is of a class of its own, such as "0"; name the column'),
        ("text,label\na,x".encode("utf-16"), "not UTF-8 but UTF-16; save it as UTF-8"),
        (b"text,label\na,\0\n", "not a text: byte 0x00 at offset 13"),
        ("text,label\n,x\n", r"no texts with a class; reviews\.csv:2: an empty text: left out"),
    ],
)  # fmt: skip
def test_tables_that_are_no_data_are_refused(csv, content, why):
    with pytest.raises(UsageError, match=why):
        csv(content)


def test_classes_are_composed_as_texts_are(csv):
    assert csv("text,label\na,café\nb,cafe\u0301\nc,tea\n").classes == ("café", "tea")


def test_the_first_line_may_be_long_too(csv):
    long = "word " * 40_000
    data = csv(f"{long},a\nshort,b\n", text_column=1, label_column=2)
    assert [len(row[1]) for row in told(data)["all"]] == [len(long) - 1, 5]


def test_a_text_may_be_long_and_files_of_any_size(csv):
    long = "wörd " * 700_000
    data = csv(f'text,label\n"{long}",a\nshort,b\n{long},b\n')  # a piece is a mebibyte
    assert [row[1] for row in told(data)["all"]] == [long.strip(), "short", long.strip()]
    with pytest.raises(UsageError, match="a quotation mark that is never closed"):
        csv('text,label\n"' + "word and word \n" * (1 << 21))
    with pytest.raises(UsageError, match="line 2 has more than 16 million letters"):
        csv("text,label\n" + "word and words " * (1 << 21))


def test_faults_without_end_are_counted(csv):
    data = csv("text,label\na,x\nb,y\n" + ",x\n" * 1005 + "only\n" * 1002)
    assert len(data.repairs) == len(data.passed_over) == 1001
    assert data.repairs[-1] == (data.where, "an empty text: and 5 more rows like those named")
    assert data.passed_over[-1] == (data.where, "damaged rows: and 2 more rows like those named")


# JSON, and fastText's lines


def test_values_of_json_become_texts_and_classes(csv):
    rows = [
        {"text": "é", "label": 1}, {"text": "b", "label": True}, {"text": "c", "label": 2.0},
        {"text": None, "label": 1}, {"text": "e", "label": None}, {"text": 5, "label": 1},
        {"text": "g", "label": [1]}, {"label": 1}, [1], {"text": "h\ud800", "label": 1},
        {"text": "i", "label": 1, "split": "x"},
    ]  # fmt: skip
    lines = "\n".join(map(json.dumps, rows)) + '\n{"text": "j"\n'
    data = csv(lines, "a.jsonl")
    assert [row[1:] for row in told(data)["all"]] == [
        ("é", "1"), ("b", "true"), ("c", "2"), ("i", "1"),
    ]  # fmt: skip
    assert [where for where, _ in data.repairs] == ["a.jsonl:4", "a.jsonl:5"]
    assert data.damaged == (
        ("a.jsonl:6", "the text is no text: 5"), ("a.jsonl:7", "its class is no text: [1]"),
        ("a.jsonl:8", 'it has no "text"'), ("a.jsonl:9", "no object in JSON, {…}"),
        ("a.jsonl:10", "the text is not UTF-8: half a character, \\ud800"),
        ("a.jsonl:12", "no JSON: Expecting ',' delimiter"),
    )  # fmt: skip


def test_a_list_in_json_is_read_a_part_at_a_time(csv):
    rows = [{"text": f"{'ä]} ' * (at * 30_000)}{at}", "label": f"c{at % 2}"} for at in range(20)]
    for indent in (None, 1):
        data = csv(json.dumps(rows, indent=indent), "a.json")
        assert [row[1] for row in told(data)["all"]] == [row["text"] for row in rows]
    assert data.splits["all"].names[3] == "a.json:14"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (
            '[{"text": "a", "label": 1},\n{"text": "b" "label": 2}]',
            "line 2: no JSON: Expecting ','",
        ),
        ('[{"text": "a", "label": 1},\n{"text": "b"', "line 2: no JSON: Expecting ',' delimiter"),
        ('[{"text": "a", "label": 1}\n', "line 2: no JSON: it ends there, and ] is wanted"),
        ('[{"text": "a", "label": 1} x', "no JSON: x stands there, and ] is wanted"),
        ('[{"text": "a", "label": 1}]\n[]', r"line 2: \[ stands behind the list"),
        ("[]", "has no texts with a class"),
        ("[" * 200_000, "nested too deeply"),
        ('[{"words": "a", "label": 1}]', 'no key "text" .*--text-column. Its keys: words, label'),
    ],
)
def test_json_that_is_none_is_refused_with_the_line(csv, content, why):
    with pytest.raises(UsageError, match=why):
        csv(content, "a.json")


def test_texts_of_several_classes_are_left_out(csv):
    data = csv("__label__a one\n__label__a __label__b two\nthree\n__label__b four\n", "a.txt")
    assert [row[1] for row in told(data)["all"]] == ["one", "four"]
    assert data.repairs == (("a.txt:2", "a text of several classes: left out"),)
    assert data.damaged == (("a.txt:3", "it does not begin with __label__"),)
    spaced = csv("__label__a\tone more\n__label__b\n__label__b  two\n", "a.txt")
    assert told(spaced)["all"] == [("a.txt:1", "one more", "a"), ("a.txt:3", "two", "b")]
    with pytest.raises(UsageError, match="--text-column has no meaning here: lines with __label__"):
        csv("__label__a one\n", "a.txt", text_column="x")


# Several files in a folder


def test_files_are_called_after_splits(tmp_path):
    table = "sentence\tlabel\n{}\t0\n{}\t1\n"
    put(tmp_path, {
        "train.tsv": table.format("a", "b"), "dev.tsv": table.format("c", "d"),
        "test.tsv": "index\tsentence\n0\te\n", "readme.txt": "about", "cola_public/x.txt": "y",
    })  # fmt: skip
    data = read_texts(tmp_path)
    assert told(data) == {
        "train": [("train.tsv:2", "a", "0"), ("train.tsv:3", "b", "1")],
        "val": [("dev.tsv:2", "c", "0"), ("dev.tsv:3", "d", "1")],
    }
    ((name, why),) = data.passed_over
    assert name == "test.tsv" and why.startswith('has no column "label" or another usual name')
    (tmp_path / "train.tsv").write_text("index\tsentence\n0\te\n")
    with pytest.raises(UsageError, match=r'train\.tsv has no column "label"'):
        read_texts(tmp_path)


def test_parts_of_a_split_follow_each_other(tmp_path):
    rows = ["__label__{} {}\n".format("ab"[at % 2], at) for at in range(4)]
    put(tmp_path, {
        "train-10.txt": rows[2], "train-2.txt": rows[0] + rows[1], "my.valid": rows[3],
    })  # fmt: skip
    data = read_texts(tmp_path)
    assert [row[1] for row in told(data)["train"]] == ["0", "1", "2"]
    assert data.splits["val"].names[0] == "my.valid:1"
    put(tmp_path, {"train.csv": "text,label\na,b\n"})
    with pytest.raises(UsageError, match=r"has train-2\.txt and train-10\.txt, both train; keep"):
        read_texts(tmp_path)


def test_a_folder_may_have_any_number_of_parts(tmp_path):
    row = '{{"text": "{}", "label": {}}}\n'
    parts = {f"train-{at:05d}-of-00120.jsonl": row.format(at, at % 2) for at in range(120)}
    put(tmp_path, parts | {"validation.jsonl": row.format("a", 0) + row.format("b", 1)})
    data = read_texts(tmp_path)
    assert {split: len(part) for split, part in data.splits.items()} == {"train": 120, "val": 2}


def test_one_file_is_of_no_split_whatever_it_is_called(tmp_path):
    put(tmp_path, {"my_test.csv": "text,label\na,b\nc,d\n"})
    assert told(read_texts(tmp_path)) == told(read_texts(tmp_path / "my_test.csv"))
    assert not read_texts(tmp_path).divided


def test_several_files_of_no_split_are_not_guessed_at(tmp_path):
    put(tmp_path, {"a.csv": "text,label\na,b\nc,d\n", "config.json": '{"a": 1}'})
    assert len(read_texts(tmp_path)) == 2
    put(tmp_path, {"b.csv": "text,label\na,b\n"})
    assert holds_texts(tmp_path)
    with pytest.raises(UsageError, match=r"has a\.csv, b\.csv; name the one that is wanted"):
        read_texts(tmp_path)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "the name of the data is empty: wanted is a folder"),
        ("gone.csv", "no such folder or file: .*gone.csv"),
        ("a.png", r"a\.png is no data set of texts; wanted is a folder with a folder of"),
        ("a.txt", r"a\.txt is no data set of texts"),
        ("empty", "no texts found in .*empty; wanted is a folder"),
        ("loose", "the texts in .*loose are in no class folder; wanted is"),
    ],
)
def test_what_is_no_data_set_is_refused(tmp_path, name, why):
    put(tmp_path, {"a.png": b"\x89PNG\0", "a.txt": "words", "loose/a.txt": "words"})
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=why):
        read_texts(tmp_path / name if name else "")
    assert not holds_texts(tmp_path / name if name else "")


def test_class_folders_have_no_columns(tmp_path):
    put(tmp_path, {"a/1.txt": "x", "b/1.txt": "y"})
    with pytest.raises(UsageError, match="--label-column has no meaning here: class folders have"):
        read_texts(tmp_path, label_column="x")


def test_pictures_are_not_taken_for_texts(tmp_path):
    put(
        tmp_path,
        {"cats/1.jpg": b"\xff", "cats/2.jpg": b"\xff", "dogs/1.jpg": "", "a/notes.txt": ""},
    )
    put(tmp_path / "t", {"a.csv": "path,label,text\n1.jpg,a,b\n", "b.jsonl": '{"file_name": "a"}'})
    assert not holds_texts(tmp_path)
    assert not holds_texts(tmp_path / "t/a.csv") and not holds_texts(tmp_path / "t/b.jsonl")


# In memory


def test_texts_in_memory_are_composed_and_named():
    texts = (unicodedata.normalize("NFD", each) for each in ("café", " ", "thé"))
    data = texts_in_memory(texts, [1, 0, 0], ["a", "b", "c"])
    assert told(data) == {"all": [("text:1", "café", "b"), ("text:3", "thé", "a")]}
    assert data.classes == ("a", "b", "c") and data.where == "arrays"
    assert data.repairs == (("text:2", "an empty text: left out"),)
    with pytest.raises(UsageError, match="as many labels as texts"):
        texts_in_memory(["a", "b"], [0], ["x", "y"])
    with pytest.raises(UsageError, match="as many labels as texts"):
        texts_in_memory(iter("ab"), iter([0, 1, 0]), ["x", "y"])
    with pytest.raises(UsageError, match="text 1 is of class 2, and there are 2"):
        texts_in_memory(["a"], [2], ["x", "y"])


@pytest.mark.parametrize(
    ("text", "label", "message"),
    [
        (None, 1, "text 2 is no text: None"),
        (b"a", 1, "text 2 is no text: b'a'"),
        ("a", "y", "text 2 is of class y, and there are 2"),
        ("a", None, "text 2 is of class None, and there are 2"),
    ],
)
def test_what_is_no_text_in_memory_is_told(text, label, message):
    with pytest.raises(UsageError, match=f"^{message}$"):
        texts_in_memory(["a", text], [0, label], ["x", "y"])


def test_what_goes_wrong_in_making_texts_in_memory_is_not_hidden():
    def broken():
        yield "a"
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        texts_in_memory(broken(), [0, 1], ["x", "y"])


def test_tables_read_side_by_side_leave_limits_of_the_process_as_they_are(tmp_path):
    long, usual = "long " * 40_000, field_size_limit()
    put(tmp_path, {"a.csv": "text,label\none,a\n", "b.csv": f"text,label\ntwo,b\n{long},b\n"})
    first, second = (text_rows(tmp_path / name) for name in ("a.csv", "b.csv"))
    assert [next(rows).text for rows in (first, second)] == ["one", "two"]
    assert list(first) == [] and [row.text for row in second] == [long]
    assert field_size_limit() == usual
