"""Captions in the JSON of Karpathy and Li (2015), who divided COCO and Flickr into splits."""

from __future__ import annotations

from pathlib import Path

from dltk.data.captions.captioned import GatheredCaptions
from dltk.data.captions.listed import Listed
from dltk.data.objects.json_files import is_big, load_json, shown
from dltk.errors import UsageError, printable
from dltk.text.tokens import joined
from dltk.weights import Report, silent


def gather_karpathy(
    path: Path,
    root: Path,
    found: GatheredCaptions,
    *,
    split: str | None = None,
    report: Report = silent,
) -> None:
    """Add the pictures of a file {"images": [{"filename", "split", "sentences"}]}.

    Where an entry has "filepath", its picture is looked for in a folder of that name first, see
    `Listed.hand_over`. A sentence is its "raw" text, or else its "tokens". The split "restval" is
    for training, as in all that is measured on this division.

    Args:
        split: of pictures whose entries name none.
    Raises:
        UsageError: it cannot be read, or is of another kind.
    """
    if is_big(path):
        report(f"reading {printable(path)}")
    content = load_json(path, hook=_lightened)
    images = content.get("images") if isinstance(content, dict) else None
    if not isinstance(images, list):
        raise UsageError(f'{printable(path)} holds no captions: it has no list "images"')
    listed = Listed(path, root, found, split=split)
    for number, entry in enumerate(images, 1):
        where = f"image {number}"
        if isinstance(entry, dict):
            _add(listed, where, entry)
        else:
            listed.repair(where, "not an entry", f"{shown(entry)}, left out")
    listed.hand_over()


def _lightened(entry: dict) -> dict:
    """Drop tokens of what is there as text: they are most of the file."""
    if isinstance(entry.get("raw"), str):
        entry.pop("tokens", None)
    return entry


def _add(listed: Listed, where: str, entry: dict) -> None:
    name, folder, split = (entry.get(key) for key in ("filename", "filepath", "split"))
    sentences = entry.get("sentences")
    if not isinstance(sentences, list):
        sentences = [sentences] if sentences else []
    full = f"{folder}/{name}" if isinstance(folder, str) and isinstance(name, str) else name
    if isinstance(full, str) and full in listed:
        listed.repair(where, "a picture twice", f"{full}, captions taken together")
    listed.add(
        where,
        full,
        map(_text, sentences),
        split=None if split is None else str(split),
        shorter=name if full != name else None,
    )


def _text(sentence: object) -> object:
    """Return what a sentence says; as it is, if that is not known."""
    if not isinstance(sentence, dict):
        return sentence
    words = sentence.get("tokens")
    if isinstance(words, list) and all(isinstance(word, str) and word for word in words):
        return joined(words)
    return sentence.get("raw", sentence)
