"""Which words decided, in colour: as pages for a browser, or for a terminal."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from dltk.errors import printable
from dltk.files import whole
from dltk.wording import amount

Words = Sequence[tuple[str, float]]
"""Words as they are spelled in a text, in its order, and what each is worth."""
PAGES = "explanations*.html"
"""Names of what `write_pages` writes."""
_TEXTS = 500  # on a page
_STRONGEST = 4  # words that are named, for the label and against it
_FAINT = 0.5  # log-odds: where no word is worth more, none is in full colour
_LEAST = 0.05  # of the full colour: what is fainter has none

_PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Which words decided</title>
<style>
:root {{ color-scheme: light dark; --for: 220 38 38; --against: 37 99 235; }}
body {{ font: 16px/1.7 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto;
  padding: 0 1rem; }}
h1 {{ font-size: 1.4rem; }}
article {{ border-top: 1px solid rgb(128 128 128 / .4); padding: .75rem 0; }}
article p {{ white-space: pre-wrap; overflow-wrap: anywhere; margin: .35rem 0; }}
small, nav {{ opacity: .75; }}
.legend {{ display: inline-block; width: 9rem; height: .9rem; border-radius: .2rem;
  vertical-align: middle; margin: 0 .5rem; background: linear-gradient(to right,
  rgb(var(--against) / .6), transparent, rgb(var(--for) / .6)); }}
b {{ font-weight: inherit; border-radius: .2rem; padding: .1rem 0; }}
.f {{ background: rgb(var(--for) / var(--s)); }}
.a {{ background: rgb(var(--against) / var(--s)); }}
</style>
<h1>Which words decided</h1>
<p>{head}</p>
<p>speaks against the label<span class="legend"></span>speaks for it</p>
<p><small>A word is worth what the label's log-odds lose when it is left out; hold the pointer over
it for the number. The strongest word of a text is in full colour.</small></p>
{nav}{texts}{nav}</html>
"""
_TEXT = """<article>
<strong>{label} {score:.1%}</strong> <small>{place}{others}</small>
<p dir="auto">{text}</p>
<small>{strongest}</small>
</article>
"""


def write_pages(rows: Iterable[dict], folder: Path, *, model: str) -> list[Path]:
    """Write texts with their words in colour to `folder`, some hundreds a page; return the pages.

    They are explanations.html, explanations-2.html and so on, each whole in itself. Those that an
    earlier run wrote beyond them are removed.

    Args:
        rows: of a record of texts, see `recipes.classify_text.LabelledText.to_dict`; those without
            words are left out.
        model: what the model is called.
    Raises:
        DltkError: they cannot be written.
    """
    explained = (row for row in rows if "words" in row)
    pages: list[Path] = []
    some = list(islice(explained, _TEXTS))
    while some or not pages:
        following = list(islice(explained, _TEXTS))
        pages.append(folder / _page_name(len(pages)))
        with whole(pages[-1]) as part:
            page = _page(some, len(pages) - 1, model, last=not following)
            part.write_text(page, "utf-8", "backslashreplace")
        some = following
    for path in set(folder.glob(PAGES)) - set(pages):
        with suppress(OSError):
            path.unlink()
    return pages


def _page_name(number: int) -> str:
    return f"explanations-{number + 1}.html" if number else "explanations.html"


def _page(rows: Sequence[dict], number: int, model: str, *, last: bool) -> str:
    links = [(number - 1, "before", number > 0), (number + 1, "next", not last)]
    linked = [f'<a href="{_page_name(at)}">{name}</a>' for at, name, there in links if there]
    nav = f"<nav>page {number + 1} {' '.join(linked)}</nav>\n" if linked else ""
    head = f"{escaped(model)} on {amount(len(rows), 'text')}"
    return _PAGE.format(head=head, nav=nav, texts="".join(map(_article, rows)))


def _article(row: dict) -> str:
    best, *others = row["labels"]
    place = f"{row['path']}:{row['line']}" if "line" in row else row["path"]
    told = ", ".join(f"{escaped(each['label'])} {each['score']:.1%}" for each in others)
    words = [(html.escape(word), worth) for word, worth in row["words"]]
    return _TEXT.format(
        label=escaped(best["label"]),
        score=best["score"],
        place=escaped(place),
        others=f" – {told}" * bool(told),
        text=_marked(row) + " …" * row.get("cut", False),
        strongest=strongest(words, "<bdi>{}</bdi> {:+.2f}"),
    )


def _marked(row: dict) -> str:
    """Return a text with its words on grounds of their colours."""
    marked = []
    for piece, worth, strength in pieces(row["text"], row["words"]):
        shown = html.escape(piece)
        if worth is not None:
            ground = f' class="{"fa"[worth < 0]}" style="--s:{0.6 * strength:.2f}"'
            shown = f'<b{ground * (strength > 0)} title="{worth:+.2f}">{shown}</b>'
        marked.append(shown)
    return "".join(marked)


def pieces(text: str, words: Words) -> Iterator[tuple[str, float | None, float]]:
    """Yield a text piece by piece: each word with what it is worth and how strongly it is coloured,
    0 to 1; and what is between words, with None and 0.

    The strongest word of a text has its full colour.
    """
    most = max([_FAINT, *(abs(worth) for _, worth in words)])
    at = 0
    for word, worth in words:
        start = text.index(word, at)
        if start > at:
            yield text[at:start], None, 0.0
        at = start + len(word)
        strength = abs(worth) / most
        yield word, worth, strength if strength >= _LEAST else 0.0
    if at < len(text):
        yield text[at:], None, 0.0


def strongest(words: Words, form: str = "{} {:+.2f}") -> str:
    """Return the words that decided most: "for: great +2.10, fun +0.80; against: dull -1.50".

    Args:
        form: of a word and what it is worth.
    """
    told = []
    for name, sign in (("for", 1), ("against", -1)):
        speaking = sorted(
            (each for each in words if each[1] * sign > 0), key=lambda e: -sign * e[1]
        )
        named = [form.format(shown(word), worth) for word, worth in speaking[:_STRONGEST]]
        told += [f"{name}: {', '.join(named)}"] * bool(named)
    return "; ".join(told)


def shown(text: str) -> str:
    """Return a text as one line that is safe on a terminal: white space is a space each."""
    return printable(re.sub(r"\s+", " ", text))


def escaped(name: str) -> str:
    """Return a name as HTML shows it, on one line."""
    return html.escape(printable(name))
