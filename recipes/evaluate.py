"""Measure a classifier on labelled pictures or texts, a detector on boxes, a segmenter, a
captioner, an answerer, or a generator on pictures like which its own are to be.

from recipes.evaluate import evaluate

result = evaluate("efficientnet-lite0", "photos/")  # photos/daisy/1.jpg, photos/tabby/2.jpg, …
print(result.report.top1, result.report.most_confused(3))

result = evaluate("runs/train-detector/001-boxes-faster-rcnn/best.keras", "boxes/")
print(result.report.map, result.report.map50)

result = evaluate("runs/text-train/001-reviews-textcnn/best.keras", "reviews.csv", split="test")
print(result.report.top1, result.report.macro_f1)

result = evaluate("runs/train-gan/001-faces-dcgan/best.keras", "faces/")
print(result.likeness.fid, result.likeness.recall)
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np

from dltk.data import Examples, LabelledData, read_data
from dltk.data.captions import holds_captions
from dltk.data.datasets import (
    CaptionData,
    MaskData,
    ObjectData,
    PictureData,
    QuestionData,
    TextData,
)
from dltk.data.objects import holds_objects
from dltk.data.questions import holds_questions
from dltk.data.texts import holds_texts
from dltk.engine import Network, load_engine
from dltk.errors import UsageError, printable
from dltk.geometry import Geometry
from dltk.metrics import measure
from dltk.models.find import ModelSource, find_model
from dltk.models.labels import distinct_names, find_outputs
from dltk.weights import Report, silent
from recipes._answer_evaluation import AnswerEvaluation
from recipes._caption_evaluation import CaptionEvaluation
from recipes._checks import check_idle
from recipes._detection_evaluation import DetectionEvaluation
from recipes._evaluate_answerer import evaluate_answerer
from recipes._evaluate_captioner import evaluate_captioner
from recipes._evaluate_detector import evaluate_detector
from recipes._evaluate_generator import evaluate_generator
from recipes._evaluate_segmenter import evaluate_segmenter
from recipes._evaluate_text_classifier import evaluate_text_classifier
from recipes._evaluate_text_generator import evaluate_text_generator
from recipes._evaluation import Evaluation
from recipes._feature_networks import DEFAULT as DEFAULT_FEATURES
from recipes._generation_evaluation import GenerationEvaluation
from recipes._measuring import (
    choose_split,
    examples_of,
    found_in,
    none_measured,
    seen_in_training,
    tell_left_out,
)
from recipes._segmentation_evaluation import SegmentationEvaluation
from recipes._text_classifiers import TASK as CLASSIFY_TEXTS
from recipes._text_evaluation import TextEvaluation
from recipes._text_generator_evaluation import TextGeneratorEvaluation
from recipes._text_generators import TASK as GENERATE_TEXTS
from recipes.classify import find_models

_OF_OTHERS = {"split": "auto", "batch_size": 16, "engine": "auto", "precision": "auto"}
_NOT_MEASURED = {
    "mask": "a masker, which is measured when it is trained: see report.md beside it",
    "autoencode": "an auto-encoder, which is measured when it is trained: see report.md beside it",
    "translate": "a translator, which no measure is for: see samples.gif beside it",
}


def evaluate(
    model: str | os.PathLike,
    data: str
    | os.PathLike
    | LabelledData
    | ObjectData
    | MaskData
    | CaptionData
    | QuestionData
    | PictureData
    | TextData,
    *,
    split: str = "auto",
    labels: str | os.PathLike | None = None,
    pixel_range: str = "0..255",
    regions: str | os.PathLike | None = None,
    features: str = DEFAULT_FEATURES,
    samples: int | None = None,
    text_column: str | int | None = None,
    label_column: str | int | None = None,
    batch_size: int = 16,
    engine: str = "auto",
    devices: str = "auto",
    strategy: str = "auto",
    precision: str = "auto",
    report: Report = silent,
) -> (
    Evaluation
    | DetectionEvaluation
    | SegmentationEvaluation
    | CaptionEvaluation
    | AnswerEvaluation
    | GenerationEvaluation
    | TextEvaluation
    | TextGeneratorEvaluation
):
    """Measure a classifier on labelled pictures or texts, or another model on annotated pictures.

    Args:
        model: a name in the catalog, or the path of a `.keras` file.
        data: for a classifier see `dltk.data.read_data`, for a detector
            `dltk.data.objects.read_objects`, for a segmenter `dltk.data.masks.read_masks`, for a
            captioner `dltk.data.captions.read_captions`, for an answerer
            `dltk.data.questions.read_questions`. Its classes are found among the model's by name
            or id (WordNet's, for ImageNet), first as they are spelled, then whatever the case and
            with "_" and "-" for spaces. It need not have all classes of the model. For a generator
            see `dltk.data.plain.read_pictures`: classes play no part there. For a classifier of
            texts see `dltk.data.texts.read_texts`.
        split: "train", "val", "test", "all", or "auto" for the test pictures if the data has such,
            else all.
        labels: a file of class names, for a classifier's file that has none.
        pixel_range: what a file saved by plain Keras expects: "0..255", "0..1" or "-1..1".
        regions: a file of regions to look at, for a detector that takes them from outside, such as
            Fast R-CNN, see `dltk.proposals.proposals_from_file`; None to search for them.
        features: by which a generator is measured: "lite0", "inception" or "inception-keras", see
            `recipes._feature_networks.load_features`. Only measures by "inception" are those that
            are published as FID and KID.
        samples: how many pictures a generator is to make for it, and how many real ones to take at
            most. None for as many as there are real ones, up to 2,000.
        text_column, label_column: of tables of texts, the columns with the texts and the classes;
            None for usual names.
        batch_size, engine, devices, strategy, precision: see `dltk.engine.load_engine`. All but
            classifiers of pictures run on the engine "keras" only.
        report: called with a line when something takes long, and now and then on the way.
    Returns:
        What is known of a classifier, a detector, a segmenter, a captioner, an answerer, or a
        generator.
    Raises:
        UsageError: a model that does none of this, data that is for another, classes that the model
            does not know, no such split, options of another kind of model.
        DltkError: a model that cannot be loaded, or no picture that can be read.
        WeightsError: weights or data out of reach.
    """
    options = {
        "split": split,
        "batch_size": batch_size,
        "engine": engine,
        "devices": devices,
        "strategy": strategy,
        "precision": precision,
        "report": report,
    }
    source = find_model(model, labels=labels, pixel_range=pixel_range)
    name = source.entry.name if source.entry else os.fspath(model)
    own = {
        "detect": "classes",
        "segment": "classes",
        "caption": "words",
        "answer": "answers",
        "generate": "classes, if any",
        CLASSIFY_TEXTS: "classes",
        GENERATE_TEXTS: "tokens",
    }
    if source.task in own and labels is not None:
        raise UsageError(
            f"--labels is for classifiers; {printable(name)} has its own {own[source.task]}"
        )
    if source.task != "generate":
        defaults = {"features": (features, DEFAULT_FEATURES), "samples": (samples, None)}
        for option, (given, default) in defaults.items():
            if given != default:
                raise UsageError(
                    f"--{option} is for generators of pictures; {printable(name)} is none"
                )
    columns = {"text_column": text_column, "label_column": label_column}
    for option, given in columns.items() if source.task != CLASSIFY_TEXTS else ():
        if given is not None:
            dashed = option.replace("_", "-")
            raise UsageError(f"--{dashed} is for classifiers of texts; {printable(name)} is none")
    if source.task == "detect":
        return evaluate_detector(source, data, name=name, regions=regions, **options)
    if regions is not None:
        raise UsageError(f"--regions is for detectors; {printable(name)} is none")
    if source.task == "generate":
        measured = {"features": features, "samples": samples}
        return evaluate_generator(source, data, name=name, **measured, **options)
    if why := _NOT_MEASURED.get(source.task):
        raise UsageError(f"{printable(source.name)} is {why}")
    if source.task == CLASSIFY_TEXTS:
        return evaluate_text_classifier(source, data, name=name, **columns, **options)
    if source.task == GENERATE_TEXTS:
        check_idle(_OF_OTHERS, SimpleNamespace(**options), _OF_OTHERS, "texts are read whole")
        about = {each: options[each] for each in ("devices", "strategy", "report")}
        return evaluate_text_generator(source, data, name=name, **about)
    if source.task == "segment":
        return evaluate_segmenter(source, data, name=name, **options)
    if source.task == "caption":
        return evaluate_captioner(source, data, name=name, **options)
    if source.task == "answer":
        return evaluate_answerer(source, data, name=name, **options)
    source = find_models(model, ensemble=False, labels=labels, pixel_range=pixel_range)[0]
    return _evaluate_classifier(source, data, name=name, **options)


def _evaluate_classifier(
    source: ModelSource,
    data: str | os.PathLike | LabelledData,
    *,
    name: str,
    split: str,
    report: Report,
    **hardware,
) -> Evaluation:
    """Measure a classifier on labelled pictures.

    Args:
        name: what it is called in the result.
        hardware: see `dltk.engine.load_engine`.
        Others: see `evaluate`.
    """
    classes = distinct_names(source.labels)
    data = _read(source, data, report)
    tell_left_out(data, report)
    split, chosen = choose_split(data, split)
    examples = examples_of(chosen)
    used, truth = np.unique(np.concatenate([part.labels for part in chosen]), return_inverse=True)
    wanted = [data.classes[label] for label in used]
    outputs = find_outputs(wanted, source.labels, where=data.where, model=source.name)
    truth = np.array(outputs, np.int64)[truth]
    network = load_engine(source, pictures=len(examples), report=report, **hardware)
    if network.output_shape != (len(classes),):
        raise UsageError(
            f"{printable(source.name)} has {network.output_shape[0]} outputs "
            f"but {len(classes)} class names"
        )
    report(f"{printable(source.name)} on {network.running}, {len(examples)} pictures")
    probabilities, failed = _predict_all(examples, source.geometry, network, report)
    names = [part.names[index] for part, index in examples]
    read = [index for index in range(len(examples)) if index not in failed]
    if not read:
        raise none_measured(data, names, failed)
    measured = [examples[index] for index in read]
    return Evaluation(
        model=name,
        data=data.where,
        split=split,
        report=measure(probabilities, truth[read], classes),
        classes=classes,
        names=tuple(names[index] for index in read),
        labels=truth[read],
        probabilities=probabilities,
        failed=tuple((names[index], error) for index, error in failed.items()),
        seen_in_training=seen_in_training(source.path, measured, report),
        examples=measured,
    )


def _read(source: ModelSource, data, report: Report) -> LabelledData:
    """Return the labelled pictures at `data`. Raises UsageError where they have boxes, label maps,
    captions or questions instead."""
    if isinstance(data, LabelledData):
        return data
    for kind, what, whose in (
        (MaskData, "label maps", "a segmenter"),
        (CaptionData, "captions", "a captioner"),
        (QuestionData, "questions", "an answerer"),
        (PictureData, "nothing known of them", "a generator"),
    ):
        if isinstance(data, kind):
            raise _for_another(source, data.where, what, whose)
    if isinstance(data, TextData):
        raise _for_texts(source, data.where)
    wanted = "name a folder with a folder for each class, a .csv file with the columns path and "
    wanted += "label, or tfds:NAME"
    if isinstance(data, ObjectData) or holds_objects(data, report=report):
        where = data.where if isinstance(data, ObjectData) else os.fspath(data)
        raise _for_another(source, where, "boxes", "a detector", f": {wanted}")
    for holds, what, whose in (
        (holds_captions, "captions", "a captioner"),
        (holds_questions, "questions", "an answerer"),
    ):
        if holds(data, report=report):
            raise _for_another(source, os.fspath(data), what, whose, f": {wanted}")
    try:
        return read_data(data, report=report)
    except UsageError as error:
        if os.path.exists(data) and holds_texts(data, report=report):
            raise _for_texts(source, os.fspath(data)) from error
        raise


def _for_texts(source: ModelSource, where: str) -> UsageError:
    return UsageError(
        f"{printable(where)} holds texts, and {printable(source.name)} classifies pictures; a "
        'classifier of texts is trained with "dltk text train"'
    )


def _for_another(
    source: ModelSource, where: str, what: str, whose: str, advice: str = ""
) -> UsageError:
    """Return the error for pictures with `what`, which are for another model than a classifier."""
    return UsageError(
        f"{printable(where)} holds pictures with {what}, which are for {whose}, but "
        f"{printable(source.name)} classifies{advice}"
    )


def _predict_all(
    examples: Sequence[tuple[Examples, int]], geometry: Geometry, network: Network, report: Report
) -> tuple[np.ndarray, dict[int, str]]:
    """Return float32 (N, K) of the pictures that can be read, and why each other one cannot."""
    probabilities = np.empty((len(examples), *network.output_shape), np.float32)
    count, failed = 0, {}

    def load(example: tuple[Examples, int]) -> np.ndarray:
        part, index = example
        return geometry.apply(part.decode(index, at_least=geometry.at_least))

    def run(loaded: list[np.ndarray]) -> Sequence[np.ndarray]:
        return network(np.stack(loaded))

    for index, output, error in found_in(examples, load, run, network, report):
        if error is None:
            probabilities[count] = output
            count += 1
        else:
            failed[index] = error
    return probabilities[:count], failed
