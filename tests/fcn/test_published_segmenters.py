"""The segmenters that torchvision publishes, stage by stage against its own, on weights by rule."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from dltk.models.fcn.presets import second_head
from dltk.models.fcn.segmenter import Parts
from dltk.models.fcn.torchvision import build_published, build_published_aux
from dltk.objects import EXTENT, PIXELS
from tests.torchvision_peer import (
    GOLDEN,
    needs_torchvision,
    run_torchvision,
    stages_of,
    write_weights,
)
from tests.torchvision_rules import made_picture, spread

SIZES = ("96x96", "65x131", "130x71", "33x20", "1x1")


@pytest.fixture(
    scope="module", params=["fcn_resnet50", pytest.param("fcn_resnet101", marks=pytest.mark.slow)]
)
def recorded(request):
    """A name, and what torchvision gave on all sizes: some numbers of every stage."""
    with np.load(GOLDEN / f"{request.param}.npz") as arrays:
        return request.param, dict(arrays)


@pytest.fixture(scope="module")
def built(recorded, tmp_path_factory):
    """Our segmenter with the same weights, its second head, and that for seven other classes."""
    name, arrays = recorded
    path = tmp_path_factory.mktemp(name) / "made.pth"
    write_weights(name, arrays, path)
    segmenter = build_published(int(name.removeprefix("fcn_resnet")), path)
    aux = build_published_aux(segmenter, path)
    source = SimpleNamespace(task="segment", entry=name, weights=lambda: path)
    regrown = second_head(source, segmenter, 7)
    path.unlink()  # of up to 220 MB
    return segmenter, aux, regrown


def stages(segmenter, aux, size) -> dict[str, np.ndarray]:
    """What all stages of our network give for a made picture, as torchvision calls them."""
    parts = Parts.of(segmenter)
    pixels = made_picture(*map(int, size.split("x")))[None].astype(np.float32)
    maps = parts.maps(pixels, np.array([pixels.shape[1:3]], np.float32))
    found = {"body/aux": maps[0], "body/out": maps[1], "classifier": parts.head(maps)}
    found["aux_classifier"] = aux(maps[0])
    found["out"] = segmenter(inputs_of(pixels))
    found["aux"] = parts.enlarge(found["aux_classifier"], pixels)
    return {name: np.asarray(values) for name, values in found.items()}


def inputs_of(pixels):
    return {PIXELS: pixels, EXTENT: np.array([pixels.shape[1:3]] * len(pixels), np.float32)}


@pytest.mark.parametrize("size", SIZES)
def test_every_stage_gives_what_torchvision_records(recorded, built, size):
    ours, theirs = stages(*built[:2], size), stages_of(recorded[1], size)
    assert ours.keys() == theirs.keys()
    for name, values in theirs.items():
        mine = spread(ours[name], values.size)
        np.testing.assert_allclose(
            mine, values.ravel(), atol=1e-3 * np.abs(values).max(), err_msg=name
        )


def test_a_second_head_for_other_classes_knows_all_but_these(built):
    segmenter, aux, regrown = built
    assert aux.name == regrown.name == "aux_head"
    for name in ("conv", "conv_bn"):
        ours, theirs = (head.get_layer(name).get_weights() for head in (regrown, aux))
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one, other)
    maps = keras.ops.ones((1, 2, 3, 1024))
    assert aux(maps).shape == (1, 2, 3, 21) and regrown(maps).shape == (1, 2, 3, 7)
    file = SimpleNamespace(task="segment", entry=None)  # which was written without one
    fresh = second_head(file, segmenter, 7)
    assert fresh(maps).shape == (1, 2, 3, 7)
    assert (fresh.get_layer("conv").kernel != aux.get_layer("conv").kernel).numpy().any()


@needs_torchvision
@pytest.mark.slow
def test_label_maps_are_torchvisions(recorded, built, tmp_path):
    """On pictures of several sizes, 99.9 % of the pixels and more."""
    sizes = ("200x200", "120x321", "257x90")
    live = run_torchvision(recorded[0], tmp_path, sizes=sizes)
    for size in sizes:
        pixels = made_picture(*map(int, size.split("x")))[None].astype(np.float32)
        ours, theirs = built[0](inputs_of(pixels)).numpy(), stages_of(live, size)["out"]
        np.testing.assert_allclose(ours, theirs, atol=1e-3 * np.abs(theirs).max())
        assert (ours.argmax(-1) == theirs.argmax(-1)).mean() >= 0.999
        assert len(np.unique(theirs.argmax(-1))) > 2  # there is something to tell apart


def test_what_lies_beyond_a_picture_changes_nothing_far_from_it(built):
    """Around a picture on a larger canvas is the colour that is 0 to the network."""
    segmenter = built[0]
    pixels = np.zeros((1, 96, 96, 3), np.float32)
    pixels[0, :, :64] = made_picture(96, 64)
    filled = pixels.copy()
    filled[0, :, 64:] = (123.675, 116.28, 103.53)
    extent = np.array([[96, 64]], np.float32)
    np.testing.assert_array_equal(
        segmenter({PIXELS: pixels, EXTENT: extent}), segmenter(inputs_of(filled))
    )
