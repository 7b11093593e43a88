"""Labelled texts in TensorFlow Datasets, with a text and a class, such as imdb_reviews."""

from __future__ import annotations

from dltk.data.texts.columns import USUAL, Asked, choose_columns
from dltk.data.texts.gathered import GatheredTexts
from dltk.data.tfds import builder_of, examples_of, features_of, splits_of
from dltk.errors import UsageError, printable
from dltk.weights import Report, silent
from dltk.wording import amount


def tfds_holds_texts(name: str, *, report: Report = silent) -> bool:
    """Return whether a data set of TFDS has texts with classes, by its features."""
    have = _features(builder_of(name, report))
    return "image" not in have and all(_kinds(have).values())


def gather_tfds(name: str, found: GatheredTexts, asked: Asked, *, report: Report = silent) -> None:
    """Add the texts of a data set of TFDS with a Text and a ClassLabel feature.

    They are called text and label, or as `dltk.data.texts.columns` has it, or are the only ones of
    their kind. Texts without a label, as in the tests of GLUE, are passed over, and so are splits
    other than train, validation and test. It is read once, in sequence.

    Raises:
        UsageError: an unknown name or folder, other features, or two splits of one meaning.
        WeightsError: not prepared yet, and it cannot be downloaded.
        DltkError: prepared, but damaged.
    """
    builder = builder_of(name, report)
    have = _features(builder)
    text, label = _wanted(name, have, asked)
    found.classes = tuple(have[label].names)
    names, passed_over = splits_of(name, builder)
    found.passed_over += passed_over
    for split, its_name in names.items():
        found.open_file(its_name)
        unlabelled = 0
        for number, example in enumerate(examples_of(builder, its_name, (text, label)), 1):
            if example[label] < 0:
                unlabelled += 1
                continue
            said = example[text].decode(errors="surrogateescape")
            found.add(split, number, said, found.classes[example[label]])
        if unlabelled:
            found.pass_over(its_name, f"{amount(unlabelled, 'text')} without a class")


def _features(builder) -> dict:
    """Return TFDS's features by name, in one order, which theirs is not."""
    return dict(sorted(features_of(builder).items()))


def _kinds(features: dict) -> dict[str, list[str]]:
    """Return the names of the features that are texts, and of those that are classes."""
    import tensorflow_datasets as tfds

    return {
        "text": [name for name, kind in features.items() if isinstance(kind, tfds.features.Text)],
        "label": [n for n, kind in features.items() if isinstance(kind, tfds.features.ClassLabel)],
    }


def _wanted(name: str, features: dict, asked: Asked) -> tuple[str, str]:
    """Return the names of the feature with the text and of that with the class."""
    kinds = _kinds(features)
    if not all(kinds.values()):
        have = ", ".join(f"{printable(n)} ({type(kind).__name__})" for n, kind in features.items())
        raise UsageError(
            f"tfds:{printable(name)} holds no texts with a class: wanted are a Text and a "
            f"ClassLabel, it has {have or 'neither'}"
        )
    sole = {
        field: names[0]
        for field, names in kinds.items()
        if len(names) == 1 and getattr(asked, field) is None
    }
    chosen = asked._replace(**sole)
    where, every = f"tfds:{name}", [each for field in USUAL for each in kinds[field]]
    columns = choose_columns(where, every, chosen, "features")
    for field in USUAL:
        if (each := getattr(columns, field)) not in kinds[field]:
            what = "Text" if field == "text" else "ClassLabel"
            raise UsageError(f"{printable(where)}: {printable(each)} is no {what}")
    return columns.text, columns.label
