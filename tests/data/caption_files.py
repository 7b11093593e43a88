"""Writers of the layouts in which people have pictures with captions."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from tests.data.object_files import picture, write_json

CAPTIONS = {
    "a.png": ("a cat", 'A "big" cat sits.'),
    "b.png": ("two dogs run, and bark",),
    "c.png": ("ein Bär frißt",),
}
ROWS = [(name, caption) for name, captions in CAPTIONS.items() for caption in captions]


def write_pictures(folder: Path, names=CAPTIONS) -> Path:
    for name in names:
        picture(folder / name)
    return folder


def karpathy(captions: dict, splits=()) -> dict:
    """Return Karpathy's JSON; pictures beyond those that `splits` has are of none."""
    images = []
    for at, (name, texts) in enumerate(captions.items()):
        sentences = [{"raw": text, "tokens": text.split(), "imgid": at} for text in texts]
        entry = {"sentids": [], "imgid": at, "sentences": sentences, "filename": name}
        images.append(entry | ({"split": splits[at]} if at < len(splits) else {}))
    return {"images": images, "dataset": "made"}


def write_karpathy(folder: Path) -> Path:
    write_pictures(folder / "images")
    return write_json(folder / "dataset_made.json", karpathy(CAPTIONS))


def coco(captions: dict) -> dict:
    """Return COCO's JSON of captions; pictures are numbered from 1, captions from 10."""
    names = list(captions)
    rows = [(at, text) for at, texts in enumerate(captions.values(), 1) for text in texts]
    return {
        "info": {},
        "images": [{"id": at, "file_name": name} for at, name in enumerate(names, 1)],
        "licenses": [],
        "annotations": [
            {"image_id": image, "id": at, "caption": text}
            for at, (image, text) in enumerate(rows, 10)
        ],
    }


def write_coco(folder: Path) -> Path:
    write_pictures(folder / "images")
    return write_json(folder / "captions.json", coco(CAPTIONS))


def token_lines(captions: dict) -> str:
    lines = [
        f"{name}#{at}\t{text}\n"
        for name, texts in captions.items()
        for at, text in enumerate(texts)
    ]
    return "".join(lines)


def write_tokens(folder: Path) -> Path:
    """Write as Flickr8k is unpacked: texts and pictures in folders beside one another."""
    write_pictures(folder / "Flicker8k_Dataset")
    path = folder / "Flickr8k_text" / "Flickr8k.token.txt"
    path.parent.mkdir()
    path.write_text(token_lines(CAPTIONS))
    (path.parent / "Flickr8k.lemma.token.txt").write_text(token_lines(CAPTIONS))
    (path.parent / "ExpertAnnotations.txt").write_text("a.png\tb.png#2\t1\t1\t1\n")
    return path


def write_kaggle(folder: Path) -> Path:
    write_pictures(folder / "Images")
    return write_rows(folder / "captions.txt", [("image", "caption"), *ROWS])


def write_bars(folder: Path) -> Path:
    """Write results.csv as Flickr30k has it, with a bar between cells and nothing quoted."""
    write_pictures(folder / "flickr30k_images" / "flickr30k_images")
    lines = ["image_name| comment_number| comment"]
    lines += [
        f"{name}| {at}| {text}" for name, texts in CAPTIONS.items() for at, text in enumerate(texts)
    ]
    path = folder / "flickr30k_images" / "results.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def write_table(folder: Path) -> Path:
    write_pictures(folder / "pictures")
    rows = [(f"pictures/{name}", caption) for name, caption in ROWS]
    return write_rows(folder / "data.csv", [("Path", "text"), *rows])


def write_tabs(folder: Path) -> Path:
    write_pictures(folder)
    return write_rows(folder / "data.tsv", [("filename", "caption"), *ROWS], delimiter="\t")


def write_rows(path: Path, rows, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as file:
        csv.writer(file, **options).writerows(rows)
    return path


def write_texts(folder: Path) -> Path:
    write_pictures(folder)
    for name, captions in CAPTIONS.items():
        (folder / name).with_suffix(".txt").write_text("\n".join(captions) + "\n\n")
    return folder


def write_metadata(folder: Path) -> Path:
    write_pictures(folder)
    lines = [json.dumps({"file_name": name, "text": text}) for name, text in ROWS]
    (folder / "metadata.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def write_metadata_table(folder: Path) -> Path:
    write_pictures(folder)
    write_rows(folder / "metadata.csv", [("file_name", "text"), *ROWS])
    return folder


def write_list(folder: Path) -> Path:
    write_pictures(folder)
    entries = [{"image": name, "caption": list(texts)} for name, texts in CAPTIONS.items()]
    return write_json(folder / "list.json", entries)
