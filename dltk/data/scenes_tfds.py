"""Made scenes as a data set of TensorFlow Datasets, which is imported with this module.

Once it is, `tfds.load("dltk_scenes/256")` knows them; `prepare_scenes` makes those of any other
size and number. What has been prepared is read without this module, as any other data set is.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

from dltk.data.scene_canvas import COLOURS
from dltk.data.scenes import SCENE_KINDS, Scene, check_scene, jpeg, scene, scene_numbers
from dltk.data.tfds import _quiet
from dltk.errors import DltkError, printable, reason
from dltk.samples import FOLDER as SAMPLES

_DESCRIPTION = """\
Coloured shapes of many sizes on textured or photographic ground, which may overlap, with their
boxes, a mask, and captions. Every scene comes from the seed and its own number alone.
"""


@dataclass
class SceneConfig(tfds.core.BuilderConfig):
    """Which scenes, and how many: see `dltk.data.scenes.scene_data`."""

    train: int = 2000
    val: int = 300
    kinds: tuple[str, ...] = SCENE_KINDS
    size: int | tuple[int, int] = 256
    seed: int = 0
    least: int = 1
    most: int = 6


class DltkScenes(tfds.core.GeneratorBasedBuilder):
    """Made scenes; objects are named and placed as in TFDS's own "coco" and "voc".

    A picture's id is the scene's number. A box is that of the pixels that are seen of an object,
    in shares of height and width; an area is the number of those pixels. The mask is 0 where the
    ground is seen, else 1 + the label.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: dict[str, str] = {"1.0.0": "The first."}  # noqa: RUF012  as TFDS wants it
    BUILDER_CONFIGS: list[SceneConfig] = [  # noqa: RUF012
        SceneConfig(name=str(size), size=size, description=f"Scenes of {size} × {size} pixels.")
        for size in (256, 64)
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        kinds = list(self.builder_config.kinds)
        objects = {
            "bbox": tfds.features.BBoxFeature(),
            "label": tfds.features.ClassLabel(names=kinds),
            "colour": tfds.features.ClassLabel(names=list(COLOURS)),
            "area": np.int64,
        }
        features = {
            "image": tfds.features.Image(encoding_format="jpeg"),
            "image/id": np.int64,
            "objects": tfds.features.Sequence(objects),
            "mask": tfds.features.LabeledImage(labels=["ground", *kinds], encoding_format="png"),
            "captions": tfds.features.Sequence(tfds.features.Text()),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            description=_DESCRIPTION,
            features=tfds.features.FeaturesDict(features),
            license=(SAMPLES / "ATTRIBUTION.md").read_text(encoding="utf-8"),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        numbers = scene_numbers(self.builder_config.train, self.builder_config.val)
        names = {"train": tfds.Split.TRAIN, "val": tfds.Split.VALIDATION}
        return {names[split]: self._generate_examples(each) for split, each in numbers.items()}

    def _generate_examples(self, numbers: range) -> Iterator[tuple[int, dict]]:
        config = self.builder_config
        draw = partial(
            scene,
            kinds=config.kinds,
            size=config.size,
            seed=config.seed,
            least=config.least,
            most=config.most,
        )
        for number in numbers:
            made = draw(number)
            yield (
                number,
                {
                    "image": io.BytesIO(jpeg(made.picture)),
                    "image/id": number,
                    "objects": _objects(made),
                    "mask": made.mask[..., None],
                    "captions": list(made.captions),
                },
            )


def prepare_scenes(
    data_dir: str | os.PathLike,
    count: int,
    *,
    val: int = 0,
    kinds: Sequence[str] = SCENE_KINDS,
    size: int | tuple[int, int] = 256,
    seed: int = 0,
    least: int = 1,
    most: int = 6,
) -> Path:
    """Let TFDS prepare scenes below `data_dir`, unless it has; return their folder.

    The folder is data for dltk ("tfds:FOLDER") and for `tfds.builder_from_directory`.

    Args:
        count, val, kinds, size, seed, least, most: see `dltk.data.scenes.scene_data`.
    Raises:
        UsageError: as `scene_data` does.
        DltkError: the files cannot be written.
    """
    check_scene(kinds, size, least, most)
    scene_numbers(count, val)
    config = SceneConfig(
        name=_config_name(count, val, kinds, size, seed, least, most),
        train=count,
        val=val,
        kinds=tuple(kinds),
        size=size,
        seed=seed,
        least=least,
        most=most,
    )
    tfds.disable_progress_bar()
    try:
        with _quiet():
            builder = DltkScenes(config=config, data_dir=os.fspath(data_dir))
            builder.download_and_prepare()
    except OSError as error:
        raise DltkError(f"TFDS cannot write to {printable(data_dir)}: {reason(error)}") from error
    return Path(builder.data_dir)


def _objects(made: Scene) -> list[dict]:
    """Return the objects of a scene as the features are declared."""
    height, width = made.mask.shape
    shares = made.objects.boxes.astype(np.float64) / [width, height, width, height]
    return [
        {
            "bbox": tfds.features.BBox(ymin=top, xmin=left, ymax=bottom, xmax=right),
            "label": int(made.objects.labels[index]),
            "colour": made.colours[index],
            "area": int(made.objects.areas[index]),
        }
        for index, (left, top, right, bottom) in enumerate(shares.tolist())
    ]


def _config_name(count, val, kinds, size, seed, least, most) -> str:
    """Return a name that no other scenes have: TFDS takes what is prepared by its name."""
    pixels = size if isinstance(size, int) else "x".join(map(str, size))
    return f"{pixels}-{'-'.join(kinds)}-{least}to{most}-seed{seed}-{count}and{val}"
