"""Made scenes as files, laid out as COCO's are."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from dltk.data.examples import Question
from dltk.data.scenes import (
    SCENE_KINDS,
    Scene,
    check_scene,
    jpeg,
    scene,
    scene_name,
    scene_numbers,
)
from dltk.errors import DltkError, UsageError, printable, reason
from dltk.files import whole
from dltk.images import encode
from dltk.masks import index_picture, run_lengths
from dltk.samples import FOLDER as SAMPLES

_RECORD = "scenes.json"  # what scenes a folder holds
_FORMAT = "dltk.scenes/1"  # another number once the same options make other scenes
_ATTRIBUTION = "ATTRIBUTION.md"  # of the photographs behind the shapes
_PARTS = "images", "masks", "annotations"
_FILES = "instances", "captions", "questions", "answers"
_LICENCE = {"name": f"of the photographs behind the shapes: see {_ATTRIBUTION}"}
_ABOUT = {"description": "scenes made by dltk", "version": "1"}


def write_scenes(
    folder: str | os.PathLike,
    count: int,
    *,
    val: int = 0,
    kinds: Sequence[str] = SCENE_KINDS,
    size: int | tuple[int, int] = 256,
    seed: int = 0,
    least: int = 1,
    most: int = 6,
) -> Iterator[Path]:
    """Write scenes in COCO's layout; SPLIT is train, and val if there is any to measure on.

    images/SPLIT/NUMBER.jpg; annotations/instances_SPLIT.json with boxes, areas and compressed
    run lengths; annotations/captions_SPLIT.json; annotations/questions_SPLIT.json with their
    answers in annotations/answers_SPLIT.json, as VQA has them, the answer_type being the kind of a
    question; masks/SPLIT/NUMBER.png, whose indices into the palette are 0 for the ground, or else
    the category's id, which is 1 + the label.

    Pictures that are there already are left as they are, so what was stopped can be gone on with.
    A larger set begins with the smaller one: only the annotations are written anew.

    Args:
        count: scenes to train on: numbers 0 and on.
        val: scenes to measure on: numbers VALIDATION and on.
        kinds, size, seed, least, most: see `dltk.data.scenes.scene`, which raises the same.
    Yields:
        what has been written of a split, once all of it is there: the folder of its pictures,
        that of its masks, and its four annotation files.
    Raises:
        UsageError: the folder holds other pictures, or scenes made with other options.
        DltkError: a file cannot be written, or annotations there cannot be read.
    """
    check_scene(kinds, size, least, most)
    splits = scene_numbers(count, val)
    folder = Path(folder)
    made = {"kinds": list(kinds), "size": size, "seed": seed, "least": least, "most": most}
    _claim(folder, made)
    for split, numbers in splits.items():
        yield from _write_split(folder, split, numbers, kinds, partial(scene, **made))


def _claim(folder: Path, made: dict) -> None:
    """Say in the folder what scenes it holds; raise UsageError if it holds something else."""
    record = json.loads(json.dumps({"format": _FORMAT, **made}))  # as it is read back
    path = folder / _RECORD
    if path.exists():
        there = _read(path)
        other = next((key for key in record if there.get(key) != record[key]), None)
        if other:
            raise UsageError(
                f"{printable(folder)} holds scenes made with {other} "
                f"{printable(json.dumps(there.get(other)))}, not {json.dumps(record[other])}; "
                "name another folder"
            )
        return
    for part in _PARTS:
        if (folder / part).exists():
            raise UsageError(
                f"{printable(folder / part)} is there already, and no scenes of dltk's; "
                "name another folder"
            )
    if not (folder / _ATTRIBUTION).exists():
        with whole(folder / _ATTRIBUTION) as beside:
            shutil.copyfile(SAMPLES / _ATTRIBUTION, beside)
    _write(path, record)


def _write_split(
    folder: Path, split: str, numbers: range, kinds: Sequence[str], draw: partial[Scene]
) -> Iterator[Path]:
    """Write what is missing of a split: pictures and masks first, then the annotations."""
    images, masks = folder / "images" / split, folder / "masks" / split
    files = {of: folder / "annotations" / f"{of}_{split}.json" for of in _FILES}
    short = [of for of, path in files.items() if not set(numbers) <= _pictures_in(path)]
    scenes = _Annotations(kinds, split)
    for number in numbers:
        picture, mask = images / f"{scene_name(number)}.jpg", masks / f"{scene_name(number)}.png"
        if not short and picture.exists() and mask.exists():
            continue
        made = draw(number)
        scenes.add(number, made)
        if not picture.exists():
            with whole(picture) as part:
                part.write_bytes(jpeg(made.picture))
        if not mask.exists():
            encode(index_picture(made.mask), mask)
    for of in short:
        _write(files[of], getattr(scenes, of))
    yield from (images, masks, *files.values())


class _Annotations:
    """Of the scenes of a split, as COCO writes them.

    Attributes:
        instances, captions, questions, answers: contents of the four files.
    """

    def __init__(self, kinds: Sequence[str], split: str):
        images: list[dict] = []
        self.instances = {
            "info": _ABOUT,
            "images": images,
            "categories": [
                {"id": 1 + label, "name": kind, "supercategory": "shape"}
                for label, kind in enumerate(kinds)
            ],
            "annotations": [],
        }
        self.captions = {"info": _ABOUT, "images": images, "annotations": []}
        about = {"info": _ABOUT, "license": _LICENCE, "data_type": "dltk", "data_subtype": split}
        self.questions = about | {"task_type": "Open-Ended", "questions": [], "images": images}
        self.answers = about | {"annotations": [], "images": images}  # by which they are known

    def add(self, number: int, made: Scene) -> None:
        """Add a scene: its number is the id of its picture."""
        height, width = made.mask.shape
        file_name = f"{scene_name(number)}.jpg"
        image = {"id": number, "file_name": file_name, "width": width, "height": height}
        self.instances["images"].append(image)  # the files share the list
        objects = self.instances["annotations"]
        for index, label in enumerate(made.objects.labels):
            left, top, right, bottom = made.objects.boxes[index].tolist()
            objects.append(
                {
                    "id": 1 + len(objects),  # COCO's own evaluation takes 0 for none
                    "image_id": number,
                    "category_id": 1 + int(label),
                    "bbox": [left, top, right - left, bottom - top],
                    "area": int(made.objects.areas[index]),
                    "iscrowd": 0,
                    "segmentation": run_lengths(made.instances == 1 + index),
                }
            )
        texts = self.captions["annotations"]
        for caption in made.captions:
            texts.append({"id": 1 + len(texts), "image_id": number, "caption": caption})
        for question in made.questions:
            self._ask(number, question)

    def _ask(self, number: int, question: Question) -> None:
        """Add a question about a scene, and what it is answered."""
        asked = self.questions["questions"]
        ids = {"image_id": number, "question_id": 1 + len(asked)}
        asked.append(ids | {"question": question.text})
        answers = [
            {"answer": answer, "answer_confidence": "yes", "answer_id": at}
            for at, answer in enumerate(question.answers, 1)
        ]
        kinds = {"question_type": question.kind, "answer_type": question.kind}
        first = {"multiple_choice_answer": question.answers[0]}
        self.answers["annotations"].append(ids | kinds | first | {"answers": answers})


def _pictures_in(path: Path) -> set[int]:
    """Return the ids of the pictures that an annotation file names; none if it is not there."""
    if not path.exists():
        return set()
    try:
        return {image["id"] for image in _read(path)["images"]}
    except (KeyError, TypeError):
        raise DltkError(f"{printable(path)} names no pictures; remove it to have it anew") from None


def _read(path: Path) -> dict:
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise DltkError(f"cannot read {printable(path)}: {reason(error)}") from error
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise DltkError(f"{printable(path)} is damaged; remove it to have it anew")
    return content


def _write(path: Path, content: dict) -> None:
    with whole(path) as part:
        part.write_text(json.dumps(content, allow_nan=False), encoding="utf-8")
