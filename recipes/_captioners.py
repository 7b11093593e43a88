"""Which captioner writes: found, and asked what it knows, before anything heavy is loaded."""

from __future__ import annotations

from collections.abc import Iterator

from dltk.captions import Writing
from dltk.errors import DltkError, UsageError, nearest, printable
from dltk.modelfile import read_config
from dltk.models.find import ModelSource, find_model
from dltk.text.tokens import tokens
from dltk.text.vocabulary import Vocabulary
from dltk.weights import Report, silent

_TASK = "caption"
_NONE = (
    "name a captioner with --model: there is none to download. To make one: "
    '"dltk samples scenes --scenes 3000", and then "dltk train captioner scenes"; or in place of '
    "scenes, pictures with captions of your own: Karpathy's or COCO's .json file, Flickr8k's "
    "NAME.token.txt, a .csv file with the columns path and caption, or a folder with a .txt file "
    "beside each picture"
)
_DECODER = "CaptionDecoder"


def find_captioner(model: str | None) -> ModelSource:
    """Find the model called for.

    Raises:
        UsageError: no such model, or one that says nothing; or none is named, and none can be had.
    """
    if model is None:
        raise UsageError(_NONE)
    source = find_model(model)
    if source.task == "answer":
        raise UsageError(
            f"{printable(source.name)} answers questions about pictures; ask one with --question"
        )
    if source.task != _TASK:
        raise UsageError(
            f"{printable(source.name)} is a model to {source.task}, and no captioner; train one "
            'with "dltk train captioner"'
        )
    return source


def words_of(source: ModelSource) -> Vocabulary:
    """Return the words that a captioner knows. Raises DltkError where its file has none."""
    try:
        return Vocabulary(tuple(label.name for label in source.labels))
    except UsageError as error:
        raise DltkError(f"{printable(source.name)} is damaged: {error}") from error


def known_words(option: str, text: str, vocabulary: Vocabulary) -> tuple[str, ...]:
    """Return the tokens of what an option says. Raises UsageError on words that are not known."""
    words = tuple(tokens(text))
    for word in words:
        if word not in vocabulary:
            hint = nearest(word, vocabulary.words)
            raise UsageError(f'{option}: the captioner does not know "{printable(word)}".{hint}')
    return words


def attends(source: ModelSource) -> bool:
    """Return whether a captioner looks at places, word by word, by what its file says."""
    return any(
        node.get("class_name") == _DECODER and node.get("config", {}).get("attention")
        for node in _nodes(read_config(source.path))
    )


def _nodes(tree) -> Iterator[dict]:
    """Yield all dicts in a tree of JSON."""
    if isinstance(tree, dict):
        yield tree
    if isinstance(tree, (dict, list)):
        for inner in tree.values() if isinstance(tree, dict) else tree:
            yield from _nodes(inner)


def load_captioner(
    source: ModelSource,
    writing: Writing,
    *,
    seed: int = 0,
    batch_size: int = 16,
    devices: str = "auto",
    strategy: str = "auto",
    precision: str = "auto",
    pictures: int | None = None,
    told: bool = True,
    report: Report = silent,
):
    """Make a captioner ready to write; return a `recipes._trained_captioner.NetworkCaptioner`.

    Args:
        source: from `find_captioner`.
        writing: how captions are looked for.
        seed: of words that are chosen by chance.
        batch_size, devices, strategy, precision, pictures, report: see `dltk.engine.load_engine`.
        told: see `dltk.engine.captions.CaptionNetwork`.
    Raises:
        DltkError: a model that cannot be loaded, or that gives no numbers.
    """
    from recipes._trained_captioner import NetworkCaptioner

    hardware = {"devices": devices, "strategy": strategy, "precision": precision}
    captioner = NetworkCaptioner(
        source, writing, seed=seed, batch_size=batch_size, pictures=pictures, told=told, **hardware
    )
    report(f"{printable(source.name)} on {captioner.running}")
    return captioner
