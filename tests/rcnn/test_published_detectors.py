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
from dltk.objects import AREA, PIXELS
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
# What the others are tried with, which were published for pictures of 800 pixels
SMALL = {"min_size": 128, "max_size": 320, "rpn_post_nms_top_n_test": 100}
RECORDED = [
    pytest.param("fasterrcnn_resnet50_fpn"),
    pytest.param("fasterrcnn_resnet50_fpn_v2", marks=pytest.mark.slow),
    pytest.param(SMALLEST),
]


def canvas_of(name, size):
    """A made picture at the size that the detector looks at."""
    picture = Image.fromarray(made_picture(*map(int, size.split("x"))))
    return fit_sides(picture, *((320, 640) if name == SMALLEST else (128, 320)))


def inputs_of(canvas):
    return {PIXELS: canvas.pixels[None], AREA: np.array([canvas.size], np.float32)}


def built(name, arrays, folder):
    """Our detector with the weights of a run or a golden file."""
    write_weights(name, arrays, folder / "made.pth")
    detector = build_published(name, folder / "made.pth")
    (folder / "made.pth").unlink()  # of up to 170 MB
    return detector if name == SMALLEST else with_fewer_regions(detector)


def with_fewer_regions(detector):
    parts = Parts.of(detector)
    fewer = parts.proposals.get_config() | {"after": SMALL["rpn_post_nms_top_n_test"]}
    return build_detector(replace(parts, proposals=RegionProposals.from_config(fewer)))


def detections(detector, canvas):
    """Boxes in pixels of the picture, COCO's numbers of categories, scores."""
    found = {name: values[0].numpy() for name, values in detector(inputs_of(canvas)).items()}
    count = int((found["scores"] > 0).sum())
    boxes = canvas.original(found["boxes"][:count])
    return boxes, found["labels"][:count] + 1, found["scores"][:count]


def maps_of(parts, inputs):
    """All that a detector makes of pictures before it chooses regions, by torchvision's names."""
    filled = parts.fill_outside(inputs[PIXELS], inputs[AREA])
    normalised = parts.backbone.get_layer("normalise")(filled)
    body = parts.backbone(filled, training=False)
    fpn = parts.pyramid(body, training=False)
    objectness, deltas = parts.answers(fpn)
    found = {"batch": normalised}
    for place, maps in (
        ("body", body), ("fpn", fpn), ("objectness", objectness), ("deltas", deltas),
    ):  # fmt: skip
        found |= {f"{place}/{level}": each for level, each in enumerate(maps)}
    found["fpn/pool"] = found.pop(f"fpn/{len(fpn) - 1}")
    found["anchors"] = np.concatenate(parts.proposals.anchors(filled, objectness))
    return {stage: np.asarray(values) for stage, values in found.items()}, fpn, objectness, deltas


def check_maps(ours, theirs):
    """Compare numbers of all stages, of golden files those that are there."""
    for stage, values in ours.items():
        expected = theirs[stage]
        values = spread(values, expected.size) if expected.ndim == 1 else values
        error = 2e-5 * max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(values, expected, rtol=0, atol=error, err_msg=stage)


@pytest.fixture(scope="module", params=RECORDED)
def recorded(request, tmp_path_factory):
    """A detector, and what torchvision's gave for two pictures."""
    with np.load(GOLDEN / f"{request.param}.npz") as arrays:
        arrays = dict(arrays)
    folder = tmp_path_factory.mktemp("recorded")
    return request.param, built(request.param, arrays, folder), arrays


@pytest.mark.parametrize("size", ["120x400", "40x30"])
def test_recorded_maps_and_answers_are_ours(recorded, size):
    name, detector, arrays = recorded
    canvas, theirs = canvas_of(name, size), stages_of(arrays, size)
    assert canvas.size == tuple(theirs["size"])
    check_maps(maps_of(Parts.of(detector), inputs_of(canvas))[0], theirs)
    check_answers(detections(detector, canvas), theirs)


def test_recorded_answers_are_ours_with_kernels_fixed(recorded):
    name, detector, arrays = recorded
    faster = fixed(detector)
    fix_kernels(faster)
    canvas = canvas_of(name, "120x400")
    check_answers(detections(faster, canvas), stages_of(arrays, "120x400"))


@pytest.fixture(scope="module", params=VARIANTS)
def live(request, tmp_path_factory):
    """A detector, and all that torchvision's gives for four pictures."""
    folder = tmp_path_factory.mktemp("live")
    options = {} if request.param == SMALLEST else SMALL
    arrays = run_torchvision(request.param, folder, sizes=SIZES, options=options)
    return request.param, built(request.param, arrays, folder), arrays


@pytest.mark.slow
@needs_torchvision
@pytest.mark.parametrize("size", SIZES)
def test_every_stage_is_torchvisions(live, size):
    name, detector, arrays = live
    canvas, theirs = canvas_of(name, size), stages_of(arrays, size)
    assert canvas.size == tuple(theirs["size"])
    parts, inputs = Parts.of(detector), inputs_of(canvas)
    maps, fpn, objectness, deltas = maps_of(parts, inputs)
    assert set(theirs) - set(maps) == {
        "size", "proposals", "proposal_scores", "pooled", "hidden", "logits", "regression",
        "boxes", "labels", "scores",
    }  # fmt: skip
    check_maps(maps, theirs)
    check_proposals(parts.proposals(*inputs.values(), objectness, deltas)[0].numpy(), theirs)
    # What follows depends on the order of proposals, in which ties may fall either way.
    regions = theirs["proposals"][None]
    features = parts.region_features(parts.levels(fpn), regions)
    check_maps({"pooled": features[: len(theirs["pooled"])].numpy()}, theirs)
    logits, regression = parts.box_head(features, training=False)
    check_maps({"logits": logits.numpy(), "regression": regression.numpy()}, theirs)
    check_answers(detections(detector, canvas), theirs)


def check_proposals(ours, theirs):
    """Each of theirs is one of ours, and there are no more."""
    areas = np.prod(ours[:, 2:] - ours[:, :2], axis=1)
    assert np.count_nonzero(areas) == len(theirs["proposals"])
    gaps = np.abs(ours[None] - theirs["proposals"][:, None]).max(axis=2)
    assert gaps.min(axis=1).max() < 0.05 and gaps.min(axis=0)[areas > 0].max() < 0.05


@pytest.mark.slow
@needs_torchvision
@pytest.mark.parametrize("size", SIZES)
def test_every_answer_is_torchvisions_with_kernels_fixed(live, size):
    name, detector, arrays = live
    faster = fixed(detector)
    fix_kernels(faster)
    check_answers(detections(faster, canvas_of(name, size)), stages_of(arrays, size))


def test_names_of_both_ages_load(recorded, tmp_path):
    name, detector, arrays = recorded
    write_pth(tensors_of(arrays), tmp_path / "newer.pth")
    newer = build_published(name, tmp_path / "newer.pth")
    for one, other in zip(newer.weights, detector.weights, strict=True):
        np.testing.assert_array_equal(one, other)
