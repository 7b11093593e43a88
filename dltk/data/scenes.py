"""Made scenes: coloured shapes of many sizes on a ground, with boxes, masks, captions, questions.

Every scene comes from the seed and its own number alone, so a larger set begins with the smaller
one. What is learnt from scenes is measured on those numbered from VALIDATION on.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from PIL import Image

from dltk.data.datasets import CaptionData, ObjectData, QuestionData
from dltk.data.examples import (
    AnnotatedExamples,
    CaptionedExamples,
    Pictures,
    Question,
    QuestionedExamples,
)
from dltk.data.scene_canvas import SceneCanvas, scene_ground
from dltk.data.scene_captions import NUMBERS, Thing, captions
from dltk.data.scene_questions import questions
from dltk.data.shapes import KINDS, check_kind
from dltk.errors import UsageError
from dltk.objects import Objects

SCENE_KINDS = KINDS[:5]
VALIDATION = 500_000  # number of the first scene that is not for training

_PICTURE, _WORDS, _QUESTIONS = 1, 2, 3  # what the randomness is for
_LEAST_SIDE = 32
_QUALITY = 95  # of JPEG


@dataclass(frozen=True, eq=False)
class Scene:
    """A made picture and what is in it. All is in the order of the objects, front ones last.

    Attributes:
        picture: uint8 (H, W, 3).
        objects: boxes about, and areas of, the pixels that are seen of each object; labels are
            indices into the kinds asked for.
        mask: uint8 (H, W), 0 where the ground is seen, else 1 + the object's label.
        instances: uint8 (H, W), 0 where the ground is seen, else 1 + the object's index.
        colours: of each object, of `dltk.data.scene_canvas.COLOURS`.
        covers: pairs (front, back) of indices of objects; the one hides a part of the other.
        captions: three, see `dltk.data.scene_captions.captions`.
        questions: one or more, see `dltk.data.scene_questions.questions`.
    """

    picture: np.ndarray
    objects: Objects
    mask: np.ndarray
    instances: np.ndarray
    colours: tuple[str, ...]
    covers: tuple[tuple[int, int], ...]
    captions: tuple[str, ...]
    questions: tuple[Question, ...]


def scene(
    index: int,
    *,
    kinds: Sequence[str] = SCENE_KINDS,
    size: int | tuple[int, int] = 256,
    seed: int = 0,
    least: int = 1,
    most: int = 6,
) -> Scene:
    """Return scene number `index`.

    The diameters of its shapes are spread evenly on a logarithmic scale, from a tenth to somewhat
    more than half of the picture's shorter side; they may overlap, and at least half of each is
    seen. The ground is a crop of a sample photograph, or, as often, textured.

    Args:
        index: 0 or more.
        kinds: some of `dltk.data.shapes.KINDS`.
        size: pixels of a side, or (width, height); 32 or more.
        seed: 0 or more.
        least, most: how many objects, 0 to 8; any number between is as likely. Fewer only where
            there is no room for more.
    Raises:
        UsageError: an unknown kind or none, too small a size, or no such number of objects.
    """
    check_scene(kinds, size, least, most)
    width, height = _sides(size)
    random = np.random.default_rng([seed, index, _PICTURE])
    canvas, labels = SceneCanvas(scene_ground(random, width, height)), []
    for _ in range(random.integers(least, most + 1)):
        label = int(random.integers(len(kinds)))
        if canvas.add(kinds[label], random):
            labels.append(label)
    objects = canvas.objects(labels)
    things = [
        Thing(kinds[label], colour, tuple(map(float, box)), float(area))
        for label, colour, box, area in zip(
            objects.labels, canvas.colours, objects.boxes, objects.areas, strict=True
        )
    ]
    sizes = {"width": width, "height": height}
    random = np.random.default_rng([seed, index, _WORDS])
    sentences = captions(things, **sizes, covers=canvas.covers, random=random)
    random = np.random.default_rng([seed, index, _QUESTIONS])
    asked = questions(things, kinds=kinds, **sizes, random=random)
    return Scene(
        canvas.pixels,
        objects,
        np.array([0, *(objects.labels + 1)], np.uint8)[canvas.instances],
        canvas.instances,
        tuple(canvas.colours),
        tuple(canvas.covers),
        sentences,
        asked,
    )


def scene_data(
    count: int,
    *,
    val: int = 0,
    kinds: Sequence[str] = SCENE_KINDS,
    size: int | tuple[int, int] = 256,
    seed: int = 0,
    least: int = 1,
    most: int = 6,
) -> ObjectData:
    """Return scenes to train on and to measure on, drawn when they are first asked for.

    Their objects are kept, and their pictures as JPEG files in memory, the same as
    `dltk.data.scene_files.write_scenes` writes.

    Args:
        count: scenes to train on: numbers 0 and on.
        val: scenes to measure on: numbers VALIDATION and on. Without any, the data is undivided.
        kinds, size, seed, least, most: see `scene`, which raises the same.
    """
    draw = _drawing(kinds=kinds, size=size, seed=seed, least=least, most=most)
    splits = _drawn(draw, count, val, AnnotatedExamples, lambda made: made.objects)
    return ObjectData("made scenes", tuple(kinds), splits)


def scene_captions_data(
    count: int,
    *,
    val: int = 0,
    kinds: Sequence[str] = SCENE_KINDS,
    size: int | tuple[int, int] = 256,
    seed: int = 0,
    least: int = 1,
    most: int = 6,
) -> CaptionData:
    """Return scenes as `scene_data` does, with three captions of each instead of its objects."""
    draw = _drawing(kinds=kinds, size=size, seed=seed, least=least, most=most)
    splits = _drawn(draw, count, val, CaptionedExamples, lambda made: made.captions)
    return CaptionData("made scenes", splits)


def scene_questions_data(
    count: int,
    *,
    val: int = 0,
    kinds: Sequence[str] = SCENE_KINDS,
    size: int | tuple[int, int] = 256,
    seed: int = 0,
    least: int = 1,
    most: int = 6,
) -> QuestionData:
    """Return scenes as `scene_data` does, with questions about each instead of its objects."""
    draw = _drawing(kinds=kinds, size=size, seed=seed, least=least, most=most)
    splits = _drawn(draw, count, val, QuestionedExamples, lambda made: made.questions)
    return QuestionData("made scenes", splits)


def _drawing(**made) -> Callable[[int], Scene]:
    """Return what draws scenes, if there can be such."""
    check_scene(*(made[name] for name in ("kinds", "size", "least", "most")))
    return partial(scene, **made)


def _drawn(
    draw: Callable[[int], Scene],
    count: int,
    val: int,
    examples: type[Pictures],
    known_of: Callable[[Scene], object],
) -> dict[str, Pictures]:
    """Return examples of each split, drawn when they are asked for, with what is known of each."""

    @cache
    def drawn(number: int) -> tuple[bytes, object]:
        made = draw(number)
        return jpeg(made.picture), known_of(made)

    splits = {}
    for split, numbers in scene_numbers(count, val).items():
        splits[split if val else "all"] = examples(
            tuple(f"{split}/{scene_name(number)}.jpg" for number in numbers),
            _Each(numbers, lambda number: drawn(number)[0]),
            _Each(numbers, lambda number: drawn(number)[1]),
        )
    return splits


def scene_numbers(count: int, val: int) -> dict[str, range]:
    """Return the numbers of `count` scenes to train on, "train", and of any for "val"."""
    if not (0 < count <= VALIDATION and 0 <= val <= VALIDATION):
        raise UsageError(
            f"cannot make {count} scenes for training and {val} for validation: "
            f"wanted are 1 to {VALIDATION}, and 0 to {VALIDATION}"
        )
    numbers = {"train": range(count), "val": range(VALIDATION, VALIDATION + val)}
    return {split: each for split, each in numbers.items() if each}


def scene_name(number: int) -> str:
    """Return what the files of a scene are called, less their endings."""
    return f"{number:06d}"


def jpeg(picture: np.ndarray) -> bytes:
    """Return a picture, uint8 (H, W, 3), as the JPEG file that it is stored as."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()


def check_scene(kinds: Sequence[str], size: int | tuple[int, int], least: int, most: int) -> None:
    """Raise UsageError unless such scenes can be made: see `scene`."""
    for kind in kinds:
        check_kind(kind)
    if not kinds or len(set(kinds)) < len(kinds):
        raise UsageError(f"scenes need one kind of shape or more, each named once, not {kinds}")
    if min(_sides(size)) < _LEAST_SIDE:
        raise UsageError(f"scenes of {size} pixels are too small: {_LEAST_SIDE} is the least")
    if not 0 <= least <= most < len(NUMBERS):
        raise UsageError(
            f"cannot make scenes of {least} to {most} objects: wanted are two numbers "
            f"from 0 to {len(NUMBERS) - 1}, the smaller one first"
        )


class _Each(Sequence):
    """What a function returns for each number of a range, called when indexed."""

    def __init__(self, numbers: range, function: Callable[[int], object]):
        self._numbers, self._function = numbers, function

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, index: int):
        return self._function(self._numbers[index])


def _sides(size: int | tuple[int, int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else tuple(size)
