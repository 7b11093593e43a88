"""Pictures of TensorFlow Datasets, copied once, still encoded, to where they can be indexed."""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from dltk.data.datasets import LabelledData, PictureData
from dltk.data.examples import Examples, Pictures
from dltk.data.rows import by_split
from dltk.errors import DltkError, UsageError, WeightsError, nearest, printable, reason
from dltk.files import cannot_write, locked, whole
from dltk.weights import Report, cache_folder, offline, silent

_MARKS = ("dataset_info.json", "features.json")  # of a folder that TFDS has prepared
_TIMEOUT_SECS = 30


@contextlib.contextmanager
def _quiet():
    """Keep TFDS from announcing what it does: on standard output, and in the log.

    Around TFDS's own calls only: what a caller's `report` prints is to be seen.
    """
    loggers = [logging.getLogger(name) for name in ("absl", "urllib3")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def is_prepared(folder: Path) -> bool:
    """Return whether TFDS has prepared a data set in `folder`."""
    return all((folder / name).is_file() for name in _MARKS)


def read_tfds(name: str, *, report: Report = silent) -> LabelledData:
    """Return a data set of TFDS with the features "image" and "label".

    TFDS reads in sequence only. So that any picture can be had at any time, their encoded bytes
    are copied once to dltk's cache. Splits other than train, validation and test, and examples
    without a label, are passed over.

    Args:
        name: as TFDS spells it, "mnist" or "NAME/CONFIG:1.0.0"; or a folder it has prepared.
    Raises:
        UsageError: an unknown name or folder, other features, or two splits of one meaning.
        WeightsError: not prepared yet, and it cannot be downloaded.
        DltkError: prepared, but damaged; or the copy cannot be written.
    """
    builder = builder_of(name, report)
    classes = _classes(name, builder)
    names, passed_over = splits_of(name, builder)
    folder = copied(builder, names.values(), report, _copy)
    splits = {}
    for split, its_name in names.items():
        examples, unlabelled = _examples(folder, its_name)
        if unlabelled:
            passed_over.append((its_name, f"{unlabelled} without a label"))
        if len(examples):
            splits[split] = examples
    if not splits:
        have = ", ".join(map(printable, builder.info.splits)) or "none"
        raise UsageError(
            f"tfds:{printable(name)} has no labelled train or test split; it has {have}"
        )
    if set(splits) == {"train"}:
        splits = {"all": splits["train"]}
    return LabelledData(f"tfds:{name}", classes, splits, tuple(passed_over))


def read_tfds_pictures(name: str, *, report: Report = silent) -> PictureData:
    """Return the pictures of a data set of TFDS with the feature "image", see `read_tfds`."""
    import tensorflow_datasets as tfds

    builder = builder_of(name, report)
    have = features_of(builder)
    if not isinstance(have.get("image"), tfds.features.Image):
        raise UsageError(f"tfds:{printable(name)} holds no pictures: wanted is image (Image)")
    names, passed_over = splits_of(name, builder)
    folder = copied(builder, names.values(), report, _copy_alone, "-pictures")
    splits = {}
    for split, its_name in names.items():
        ends, _ = np.load(folder / f"{its_name}.npy").T
        if len(ends):
            stored = Stored(folder / f"{its_name}.bin", ends, np.arange(len(ends)))
            splits[split] = Pictures(
                tuple(f"{its_name}/{index:05d}" for index in range(len(ends))), stored
            )
    if not splits:
        have = ", ".join(map(printable, builder.info.splits)) or "none"
        raise UsageError(f"tfds:{printable(name)} has no train or test split; it has {have}")
    if set(splits) == {"train"}:
        splits = {"all": splits["train"]}
    return PictureData(f"tfds:{name}", splits, tuple(passed_over))


class Stored(Sequence):
    """Pictures in one file, behind one another; each is read, as bytes, when indexed."""

    def __init__(self, path: Path, ends: np.ndarray, indices: np.ndarray):
        self._content = np.memmap(path, np.uint8, mode="r")
        self._ends, self._indices = ends, indices

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, index: int) -> bytes:
        at = self._indices[index]
        return self._content[self._ends[at - 1] if at else 0 : self._ends[at]].tobytes()


def _examples(folder: Path, split: str) -> tuple[Examples, int]:
    """Return what was copied of a split, and how many of it have no label."""
    ends, labels = np.load(folder / f"{split}.npy").T
    indices = np.flatnonzero(labels >= 0)
    names = tuple(f"{split}/{index:05d}" for index in indices)
    sources = Stored(folder / f"{split}.bin", ends, indices) if len(indices) else ()
    return Examples(names, sources, labels[indices]), len(labels) - len(indices)


def splits_of(name: str, builder) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Return TFDS's name for each split, and (name, why) of splits that are passed over.

    Raises:
        UsageError: two of them mean the same.
    """
    names = by_split(f"tfds:{name}", builder.info.splits)
    others = [its_name for its_name in builder.info.splits if its_name not in names.values()]
    return names, [(its_name, "neither train, validation nor test") for its_name in others]


def builder_of(name: str, report: Report = silent):
    """Return TFDS's object for a data set that is prepared, downloading it if need be."""
    folder = Path(name).expanduser()
    if name.startswith(("~", ".", os.sep)) or is_prepared(folder):
        return _from_folder(folder)
    _check_name(name)
    builder = _from_name(name)
    if not builder.is_prepared():
        _prepare(name, builder, report)
    return builder


@_quiet()
def _check_name(name: str) -> None:
    """Raise UsageError unless TFDS knows a data set of that name, or has one prepared."""
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.utils import file_utils

    bare = name.split("/")[0].split(":")[0]
    known = tfds.list_builders(with_community_datasets=False)
    prepared = any((Path(place) / bare).is_dir() for place in file_utils.list_data_dirs())
    if not bare or not (bare in known or prepared):
        raise UsageError(
            f'TFDS has no data set "{printable(bare)}".{nearest(bare, known)} '
            "One prepared elsewhere is named by its folder: tfds:FOLDER"
        )


@_quiet()
def _from_name(name: str):
    import tensorflow_datasets as tfds

    try:
        return tfds.builder(name, try_gcs=False)
    except Exception as error:  # an unknown version or configuration; TFDS raises many kinds
        raise UsageError(
            f"TFDS cannot make tfds:{printable(name)}: {_first_line(error)}"
        ) from error


@_quiet()
def _from_folder(folder: Path):
    import tensorflow_datasets as tfds

    if not folder.is_dir():
        raise UsageError(f"no such folder: {printable(folder)}")
    if not is_prepared(folder):
        levels = ("*", "*/*", "*/*/*")  # NAME/CONFIG/VERSION
        below = [path for level in levels for path in sorted(folder.glob(f"{level}/{_MARKS[0]}"))]
        hint = f"; did you mean tfds:{printable(below[-1].parent)}?" if below else ""
        raise UsageError(
            f"{printable(folder)} is no data set that TFDS has prepared: "
            f"it has no {' and '.join(_MARKS)}{hint}"
        )
    try:
        return tfds.builder_from_directory(folder)
    except Exception as error:  # damaged JSON, or features of a newer TFDS
        raise DltkError(f"TFDS cannot read {printable(folder)}: {_first_line(error)}") from error


def _prepare(name: str, builder, report: Report) -> None:
    """Let TFDS download and prepare a data set. Raises WeightsError with the reason if it can't."""
    import tensorflow_datasets as tfds

    elsewhere = (
        f"; prepare it where there is a network, and copy it to {printable(builder.data_dir)}, "
        "or name its folder: tfds:FOLDER"
    )
    if offline():
        why = "the network is switched off (--offline or DLTK_OFFLINE)"
        raise WeightsError(f"tfds:{printable(name)} is not here, and {why}{elsewhere}")
    size = builder.info.download_size
    report(f"downloading {builder.info.full_name} ({size}) to {printable(builder.data_dir)}")
    tfds.disable_progress_bar()
    plan = tfds.download.DownloadConfig(try_download_gcs=False)
    try:
        with _quiet():
            _knock(builder)
            builder.download_and_prepare(download_config=plan)
    except Exception as error:  # of the network, of the disk, or of a package that it lacks
        why = _first_line(error)
        raise WeightsError(
            f"TFDS cannot prepare tfds:{printable(name)}: {why}{elsewhere}"
        ) from error


def _knock(builder) -> None:
    """Raise an OSError unless the first web server answers: TFDS itself would try for minutes.

    Other servers (ftp://, gs://) are left to TFDS.
    """
    import requests

    web = [address for address in builder.url_infos if address.startswith(("http:", "https:"))]
    for address in web[:1]:
        try:
            requests.head(address, timeout=_TIMEOUT_SECS, allow_redirects=False)
        except requests.RequestException as error:
            raise OSError(f"no connection to {address.split('/')[2]}") from error


def features_of(builder) -> dict:
    """Return TFDS's features by name; nothing, where they have no names."""
    features = builder.info.features
    return dict(features.items()) if hasattr(features, "items") else {}


def _classes(name: str, builder) -> tuple[str, ...]:
    import tensorflow_datasets as tfds

    have = features_of(builder)
    picture, label = have.get("image"), have.get("label")
    if isinstance(picture, tfds.features.Image) and isinstance(label, tfds.features.ClassLabel):
        return tuple(label.names)
    kinds = ", ".join(f"{printable(key)} ({type(kind).__name__})" for key, kind in have.items())
    raise UsageError(
        f"tfds:{printable(name)} holds no classified pictures: wanted are image (Image) and "
        f"label (ClassLabel), it has {kinds or type(builder.info.features).__name__}"
    )


def copied(
    builder,
    splits: Iterable[str],
    report: Report,
    copy: Callable[[object, str, Path], None],
    kind: str = "",
) -> Path:
    """Return the folder in the cache with a copy of the data; copies the splits not there yet.

    SPLIT.bin has the encoded pictures behind one another, SPLIT.npy, int64 (N, 2), where each
    ends, and what else `copy` notes. The folder belongs to one preparation of one data set: its
    name comes from their hash.

    Args:
        copy: writes a split of the builder to a folder, SPLIT.npy last.
        kind: of copy, where the same pictures may be copied in several ways.
    """
    place = Path(builder.data_dir)
    digest = hashlib.sha256(f"{builder.info.full_name}\n{place.resolve()}\n".encode())
    for mark in _MARKS:
        digest.update((place / mark).read_bytes())
        digest.update(str((place / mark).stat().st_mtime_ns).encode())
    name = f"{builder.info.name}{kind}-{digest.hexdigest()[:16]}"
    folder = cache_folder() / "tfds" / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder):
            for split in splits:
                if not (folder / f"{split}.npy").exists():
                    report(f"copying {builder.info.full_name}, {split}, to {printable(folder)}")
                    copy(builder, split, folder)
    except OSError as error:
        raise cannot_write(folder, error) from error
    return folder


@_quiet()
def copy_pictures(
    builder,
    split: str,
    folder: Path,
    known: dict,
    take: Callable[[dict], int],
    encoded: Iterable[str] = (),
) -> np.ndarray:
    """Write SPLIT.bin; return where each picture ends, and what `take` made of it, int64 (N, 2).

    Args:
        known: the features to read beside "image", as `tfds.decode.PartialDecoding` takes them.
        take: from an example's features to a number.
        encoded: those of `known` that are pictures too and left as their files are.
    """
    import tensorflow as tf
    import tensorflow_datasets as tfds

    decoders = tfds.decode.PartialDecoding(
        {"image": True, **known},
        decoders={name: tfds.decode.SkipDecoding() for name in ("image", *encoded)},
    )
    in_order = tfds.ReadConfig(interleave_cycle_length=1)
    rows, end = [], 0
    try:
        examples = builder.as_dataset(split=split, decoders=decoders, read_config=in_order)
        with whole(folder / f"{split}.bin") as part, part.open("wb") as file:
            for example in tfds.as_numpy(examples):
                end += file.write(example["image"])
                rows.append((end, take(example)))
    except (tf.errors.OpError, ValueError) as error:
        where = printable(builder.data_dir)
        raise DltkError(f"TFDS cannot read {split} in {where}: {_first_line(error)}") from error
    return np.array(rows, np.int64).reshape(-1, 2)


def examples_of(builder, split: str, names: Iterable[str]) -> Iterator[dict]:
    """Yield some features of the examples of a split, by name, in sequence. Raises DltkError."""
    import tensorflow as tf
    import tensorflow_datasets as tfds

    known = tfds.decode.PartialDecoding(dict.fromkeys(names, True))
    in_order = tfds.ReadConfig(interleave_cycle_length=1)
    try:
        with _quiet():
            examples = builder.as_dataset(split=split, decoders=known, read_config=in_order)
        yield from tfds.as_numpy(examples)
    except (tf.errors.OpError, ValueError) as error:
        where = printable(builder.data_dir)
        raise DltkError(f"TFDS cannot read {split} in {where}: {_first_line(error)}") from error


def save_index(folder: Path, name: str, rows: np.ndarray) -> None:
    """Write NAME.npy. That of a split is written last: where there is one, all is."""
    with whole(folder / f"{name}.npy") as part:
        np.save(part, rows)


def _copy(builder, split: str, folder: Path) -> None:
    rows = copy_pictures(builder, split, folder, {"label": True}, lambda example: example["label"])
    save_index(folder, split, rows)


def _copy_alone(builder, split: str, folder: Path) -> None:
    save_index(folder, split, copy_pictures(builder, split, folder, {}, lambda example: 0))


def _first_line(error: BaseException) -> str:
    text = re.sub(r"\{\{.*?\}\}", "", reason(error)).strip()  # which TensorFlow's begin with
    return printable(text.splitlines()[0][:200]) if text else type(error).__name__
