"""Which words decided, as pages and as lines of a terminal."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

import pytest

from recipes._text_explanation import pieces, shown, strongest, write_pages


def row(text, words, line=1, **more):
    labels = [{"label": "good", "score": 0.75}, {"label": "<i>bad</i>", "score": 0.25}]
    return {"path": "a&b.txt", "line": line, "status": "ok", "labels": labels, "text": text,
            "words": words} | more  # fmt: skip


class Paragraphs(HTMLParser):
    """The texts of a page, and what is marked in them: (word, class, style, title)."""

    def __init__(self, page: str):
        super().__init__()
        self.texts, self.marked, self._inside, self._mark = [], [], False, None
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "p" and attributes.get("dir") == "auto":
            self._inside = True
            self.texts.append("")
        elif tag == "b":
            assert self._inside
            self._mark = attributes
        else:
            assert tag not in ("script", "i", "link", "img")

    def handle_endtag(self, tag):
        self._inside &= tag != "p"

    def handle_data(self, data):
        if self._inside:
            self.texts[-1] += data
            if self._mark is not None:
                mark, self._mark = self._mark, None
                self.marked.append((data, *map(mark.get, ("class", "style", "title"))))


def test_a_text_is_on_its_page_as_it_stands_with_its_words_in_colour(tmp_path):
    text = '  So <b>"good"</b> &amp;\n\t<script>bad()</script> — n’t!'
    words = [["So", 0.01], ["b", 0.0], ["good", 2.0], ["b", 0.0], ["amp", -0.5], ["script", 0.0],
             ["bad", -1.0], ["script", 0.0], ["n’t", 0.25]]  # fmt: skip
    [path] = write_pages([row(text, words)], tmp_path, model="<b>m</b>.keras")
    page = path.read_text("utf-8")
    found = Paragraphs(page)
    assert found.texts == [text]
    assert found.marked[2] == ("good", "f", "--s:0.60", "+2.00")
    assert found.marked[4] == ("amp", "a", "--s:0.15", "-0.50")
    assert found.marked[0] == ("So", None, None, "+0.01")  # too little for a colour
    assert [word for word, *_ in found.marked] == [word for word, _ in words]
    plain = unescape(re.sub(r"<[^>]+>", "", page))
    assert "good 75.0% a&b.txt:1 – <i>bad</i> 25.0%" in plain
    assert "for: good +2.00, n’t +0.25, So +0.01; against: bad -1.00, amp -0.50" in plain
    assert "<b>m</b>.keras on 1 text" in plain


def test_pages_stand_alone_and_can_be_read_on_any_ground(tmp_path):
    [path] = write_pages([row("good", [["good", 1.0]])], tmp_path, model="m")
    page = path.read_text("utf-8")
    assert "color-scheme: light dark" in page and "http" not in page
    assert not re.search(r"[^-]color:\s*(#|rgb|black|white)", page)  # letters are the browser's


def test_many_texts_are_on_several_pages(tmp_path):
    (tmp_path / "explanations-9.html").write_text("of an earlier run")
    rows = (row(f"good {n}", [["good", 1.0]], n) for n in range(1001))
    pages = write_pages(rows, tmp_path, model="m")
    names = ["explanations.html", "explanations-2.html", "explanations-3.html"]
    assert [path.name for path in pages] == names
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    texts = [Paragraphs(path.read_text()).texts for path in pages]
    assert list(map(len, texts)) == [500, 500, 1] and texts[2] == ["good 1000"]
    links = [re.findall('href="(.*?)"', path.read_text()) for path in pages]
    assert [set(each) for each in links] == [{names[1]}, {names[0], names[2]}, {names[1]}]


def test_texts_without_words_are_left_out(tmp_path):
    failed = {"path": "a", "line": 2, "status": "failed", "error": "it is empty"}
    [path] = write_pages([failed, row("x", [], cut=True)], tmp_path, model="m")
    assert Paragraphs(path.read_text()).texts == ["x …"]
    [path] = write_pages([failed], tmp_path, model="m")
    assert Paragraphs(path.read_text()).texts == []


def test_pieces_are_the_text():
    words = [["a", 0.5], ["a", -0.02], ["b", -0.25]]
    found = list(pieces(" a, a b.", words))
    assert "".join(piece for piece, *_ in found) == " a, a b."
    assert [each for each in found if each[1] is not None] == [
        ("a", 0.5, 1.0), ("a", -0.02, 0.0), ("b", -0.25, 0.5)
    ]  # fmt: skip
    assert [strength for *_, strength in pieces("a", [["a", 0.1]])] == [pytest.approx(0.2)]
    assert list(pieces("", [])) == []


def test_few_words_are_named_the_strongest_first():
    words = [(letter, number) for number, letter in enumerate("abcdefg", -3)]
    assert strongest(words) == (
        "for: g +3.00, f +2.00, e +1.00; against: a -3.00, b -2.00, c -1.00"
    )
    assert strongest([("x", 0.0)]) == ""
    assert strongest([("x\n\x1b[1m", 1.0)]) == r"for: x \x1b[1m +1.00"
    assert shown("a\r\n\tb\u202e") == r"a b\u202e"
