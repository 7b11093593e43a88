"""A detector that is always right: of plain rectangles on grey, by their colours."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from dltk.geometry import Geometry
from dltk.modelfile import ModelCard, save_model
from dltk.models.catalog import Label
from dltk.objects import Detections

WHITE, RED = 0, 1
LABELS = (Label("white", "w1"), Label("red one", "r2"))


class Blobs:
    """Finds white and red rectangles whose sides are a fifteenth of the picture's or more.

    Scores are 0.9, 0.8 and on, from the largest to the smallest.
    """

    running = "SciPy"
    batch_size, workers, at_least = 3, 1, None

    def __init__(self, labels=LABELS, *, score=None, most=100):
        self.labels, self.batches = labels, []
        self._score, self._most = score or 0, most

    def load(self, picture: Image.Image, name: str, size=None) -> np.ndarray:
        return np.asarray(picture)

    def __call__(self, loaded: list) -> list[Detections]:
        self.batches.append(len(loaded))
        return [self._find(pixels) for pixels in loaded]

    def _find(self, pixels: np.ndarray) -> Detections:
        found = []
        for number, there in ((WHITE, pixels[..., 1] > 200), (RED, pixels[..., 1] < 60)):
            for down, across in ndimage.find_objects(ndimage.label(there)[0]):
                wide, high = across.stop - across.start, down.stop - down.start
                if 15 * min(wide, high) >= min(pixels.shape[:2]):
                    box = across.start, down.start, across.stop, down.stop
                    found.append((wide * high, number, box))
        found.sort(reverse=True)
        scores = [max(0.1, 0.9 - 0.1 * rank) for rank in range(len(found))]
        numbers, boxes = [number for _, number, _ in found], [box for *_, box in found]
        detections = Detections.of(boxes, numbers, scores)
        return detections.take(detections.scores >= self._score).take(slice(self._most))


def scene(size=(120, 80), white=(), red=()) -> Image.Image:
    """Return a grey picture with rectangles at those boxes, the red ones on top."""
    picture = Image.new("RGB", size, (128, 128, 128))
    for colour, boxes in (("white", white), ("red", red)):
        for box in boxes:
            picture.paste(colour, box)
    return picture


@pytest.fixture(scope="session")
def colours(tmp_path_factory):
    """A model file with the classes of `Blobs`, for what is read of a model without running it."""
    path = tmp_path_factory.mktemp("model") / "colours.keras"
    network = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.GlobalAveragePooling2D()])
    card = ModelCard(
        "classify",
        tuple(label.name for label in LABELS),
        Geometry(8, 8),
        label_ids=tuple(label.id for label in LABELS),
    )
    save_model(network, path, card)
    return str(path)


@pytest.fixture
def blobs(monkeypatch):
    """Let `Blobs` find the objects where a classifier would; the list of those that were made."""
    made = []

    def load(source, *, score, most, **_):
        made.append(Blobs(source.labels, score=score, most=most))
        return made[-1]

    monkeypatch.setattr("recipes._detectors._load_regions", load)
    return made
