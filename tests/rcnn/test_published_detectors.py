"""The detectors that torchvision publishes, stage by stage against its own, on weights by rule."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from dltk.canvas import fit_sides
from dltk.layers import RegionProposals
from dltk.models.fixed import fix_kernels, fixed
from dltk.models.rcnn.detector import Parts, build_detector
from dltk.models.rcnn.torchvision import VARIANTS, build_published
from dltk.objects import EXTENT, PIXELS
from tests.rcnn.answers import check_answers
from tests.torch_files import write_pth
from tests.torchvision_peer import (
    GOLDEN,
    needs_torchvision,
    run_torchvision,
    stages_of,
    tensors_of,
    write_weights,
)
from tests.torchvision_rules import made_picture, spread

SMALLEST = "fasterrcnn_mobilenet_v3_large_320_fpn"
SIZES = ("200x200", "120x400", "400x130", "40x30")
# What most are tried with, which are published for pictures of 800 pixels and 1000 regions
SIDES, REGIONS = (128, 320), 100
OPTIONS = {"min_size": SIDES[0], "max_size": SIDES[1], "rpn_post_nms_top_n_test": REGIONS}
RECORDED = [
    ("fasterrcnn_resnet50_fpn", SIDES, REGIONS),
    pytest.param(("fasterrcnn_resnet50_fpn_v2", SIDES, REGIONS), marks=pytest.mark.slow),
    (SMALLEST, (320, 640), 150),
]


def built(name, arrays, folder, regions):
    """Our detector with the weights of a run or a golden file."""
    write_weights(name, arrays, folder / "made.pth")
    parts = Parts.of(build_published(name, folder / "made.pth"))
    (folder / "made.pth").unlink()  # of up to 170 MB
    proposals = parts.proposals.get_config() | {"after": regions}
    return build_detector(replace(parts, proposals=RegionProposals.from_config(proposals)))


def made_faster(detector):
    """The form in which a detector is run on a CPU."""
    faster = fixed(detector)
    fix_kernels(faster)
    return faster


def canvas_of(size, sides):
    """A made picture at the size that the detector looks at."""
    return fit_sides(Image.fromarray(made_picture(*map(int, size.split("x")))), *sides)


def inputs_of(canvas):
    return {PIXELS: canvas.pixels[None], EXTENT: np.array([canvas.size], np.float32)}


def answers_of(detector, canvas):
    """Boxes in pixels of the picture, COCO's numbers of categories, scores."""
    found = {name: values[0].numpy() for name, values in detector(inputs_of(canvas)).items()}
    count = int((found["scores"] > 0).sum())
    boxes = canvas.original(found["boxes"][:count])
    return boxes, found["labels"][:count] + 1, found["scores"][:count]


def maps_of(parts, inputs):
    """All that a detector makes of a picture before it chooses regions, as torchvision calls it."""
    filled = parts.fill_outside(inputs[PIXELS], inputs[EXTENT])
    found = {"batch": parts.backbone.get_layer("normalise")(filled)}
    body = parts.backbone(filled, training=False)
    *fpn, pool = pyramid = parts.pyramid(body, training=False)
    objectness, deltas = parts.answers(pyramid)
    places = {"body": body, "fpn": fpn, "objectness": objectness, "deltas": deltas}
    for place, levels in places.items():
        found |= {f"{place}/{level}": each for level, each in enumerate(levels)}
    anchors = np.concatenate(parts.proposals.anchors(filled, objectness))
    found |= {"fpn/pool": pool, "anchors": anchors}
    return {stage: np.asarray(values) for stage, values in found.items()}


def check_numbers(ours, theirs):
    """Compare what there is of each stage: of golden files, some numbers from all over."""
    for stage, values in ours.items():
        expected = theirs[stage]
        values = spread(values, expected.size) if expected.ndim == 1 else values
        error = 2e-5 * max(1, np.abs(expected).max())
        np.testing.assert_allclose(values, expected, rtol=0, atol=error, err_msg=stage)


@pytest.fixture(scope="module", params=RECORDED, ids=lambda each: each[0])
def recorded(request, tmp_path_factory):
    """A detector, the sides of its pictures, and what torchvision's gave for two of them."""
    name, sides, regions = request.param
    with np.load(GOLDEN / f"{name}.npz") as arrays:
        arrays = dict(arrays)
    return built(name, arrays, tmp_path_factory.mktemp("recorded"), regions), sides, arrays


@pytest.mark.parametrize("size", ["120x400", "40x30"])
def test_maps_and_answers_are_those_recorded(recorded, size):
    detector, sides, arrays = recorded
    canvas, theirs = canvas_of(size, sides), stages_of(arrays, size)
    assert canvas.size == tuple(theirs["size"])
    check_numbers(maps_of(Parts.of(detector), inputs_of(canvas)), theirs)
    check_answers(answers_of(detector, canvas), theirs)


def test_made_faster_they_answer_what_is_recorded(recorded):
    detector, sides, arrays = recorded
    canvas = canvas_of("120x400", sides)
    check_answers(answers_of(made_faster(detector), canvas), stages_of(arrays, "120x400"))


@pytest.fixture(scope="module", params=VARIANTS)
def live(request, tmp_path_factory):
    """A detector, and all that torchvision's gives for four pictures."""
    folder = tmp_path_factory.mktemp("live")
    arrays = run_torchvision(request.param, folder, sizes=SIZES, options=OPTIONS)
    return built(request.param, arrays, folder, REGIONS), arrays


@pytest.mark.slow
@needs_torchvision
@pytest.mark.parametrize("size", SIZES)
def test_every_stage_is_torchvisions(live, size):
    detector, arrays = live
    canvas, theirs = canvas_of(size, SIDES), stages_of(arrays, size)
    parts, inputs = Parts.of(detector), inputs_of(canvas)
    assert canvas.size == tuple(theirs["size"])
    ours = maps_of(parts, inputs)
    assert ours.keys() == {stage for stage in theirs if "/" in stage} | {"batch", "anchors"}
    check_numbers(ours, theirs)
    fpn = parts.maps(*inputs.values())
    check_regions(parts.proposals(*inputs.values(), *parts.answers(fpn))[0].numpy(), theirs)
    # From here on with their proposals, in whose order ties may fall either way.
    features = parts.region_features(parts.levels(fpn), theirs["proposals"][None])
    logits, regression = parts.box_head(features, training=False)
    found = {"pooled": features, "logits": logits, "regression": regression}
    check_numbers({stage: values.numpy() for stage, values in found.items()}, theirs)
    check_answers(answers_of(detector, canvas), theirs)


def check_regions(ours, theirs):
    """Each proposal of theirs is one of ours, and each of ours one of theirs."""
    ours = ours[np.all(ours[:, 2:] > ours[:, :2], axis=1)]
    assert len(ours) == len(theirs["proposals"])
    gaps = np.abs(ours[None] - theirs["proposals"][:, None]).max(axis=2)
    assert gaps.min(axis=0).max() < 0.05 and gaps.min(axis=1).max() < 0.05


@pytest.mark.slow
@needs_torchvision
@pytest.mark.parametrize("size", SIZES)
def test_made_faster_they_answer_what_torchvisions_do(live, size):
    detector, arrays = live
    canvas = canvas_of(size, SIDES)
    check_answers(answers_of(made_faster(detector), canvas), stages_of(arrays, size))


def test_names_of_both_ages_load(tmp_path):
    with np.load(GOLDEN / f"{SMALLEST}.npz") as arrays:
        arrays = dict(arrays)
    write_weights(SMALLEST, arrays, tmp_path / "published.pth")
    write_pth(tensors_of(arrays), tmp_path / "newer.pth")
    published, newer = (
        build_published(SMALLEST, tmp_path / name) for name in ("published.pth", "newer.pth")
    )
    for one, other in zip(published.weights, newer.weights, strict=True):
        np.testing.assert_array_equal(one, other)
