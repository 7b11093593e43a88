"""What an evaluation of a masker shows: a sheet of pictures, their objects and proposals."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from dltk.data.instances import InstanceExamples
from dltk.engine.proposals import Proposals
from dltk.masks import PALETTE, run_lengths
from dltk.metrics.proposals import measure_proposals
from dltk.objects import Objects
from recipes._instance_results import MOST, index_map
from recipes._proposal_evaluation import ProposalEvaluation, under_masks

SIZE = (320, 240)  # as large as it is shown
COLOUR = (0, 90, 200)


def bar(left, right, top=40, bottom=200):
    """Return the run lengths of a rectangle."""
    shape = np.zeros(SIZE[::-1], bool)
    shape[top:bottom, left:right] = True
    return run_lengths(shape)


def evaluation(truths, proposals):
    """Return what there is to know of one picture of a single colour."""
    pixels = np.full((*SIZE[::-1], 3), COLOUR, np.uint8)
    objects = Objects.of(np.zeros((len(truths), 4)), np.zeros(len(truths)))
    examples = InstanceExamples(("a.png",), [pixels], (objects,), (tuple(truths),))
    return ProposalEvaluation(
        model="m.keras",
        data="scenes",
        split="val",
        report=measure_proposals([truths], [proposals]),
        proposals=(Proposals(proposals, np.linspace(1, 0.5, len(proposals))),),
        counts=(len(proposals),),
        covered=(0,),
        seen_in_training=0,
        examples=examples,
    )


def columns(folder):
    """Return the three pictures in the row of a sheet, uint8 (3, 240, 320, 3)."""
    sheet = np.asarray(Image.open(folder / "proposals.png").convert("RGB"))
    ground = (sheet == COLOUR).all(axis=-1)
    top = int(np.flatnonzero(ground.sum(axis=1) == 3 * SIZE[0])[0])
    starts = np.flatnonzero(np.diff(ground[top].astype(int), prepend=0) == 1)
    return np.stack([sheet[top : top + SIZE[1], left : left + SIZE[0]] for left in starts])


def test_a_row_is_a_picture_its_objects_and_the_best_proposals(tmp_path):
    truths, proposals = [bar(10, 60), bar(100, 130)], [bar(200, 260), bar(5, 30), bar(280, 300)]
    evaluation(truths, proposals).save(tmp_path)
    plain, objects, proposed = columns(tmp_path)
    assert (plain == COLOUR).all()
    for shown, shapes in ((objects, truths), (proposed, proposals)):
        index = index_map(shapes, SIZE)
        np.testing.assert_array_equal((shown != COLOUR).any(axis=-1), index > 0)
        for value in range(1, len(shapes) + 1):
            inside = np.median(shown[index == value], axis=0)  # apart from the edges
            assert np.abs(inside - (PALETTE[value] + np.array(COLOUR)) / 2).max() <= 1


def test_the_best_ten_proposals_are_shown(tmp_path):
    proposals = [bar(20 * at, 20 * at + 12) for at in range(12)]
    evaluation([bar(10, 60)], proposals).save(tmp_path)
    shown = (columns(tmp_path)[2] != COLOUR).any(axis=-1)
    np.testing.assert_array_equal(shown, index_map(proposals[:10], SIZE) > 0)


def test_of_more_objects_than_can_be_told_apart_the_first_are_shown(tmp_path):
    truths = [bar(at, at + 1) for at in range(MOST + 10)]
    evaluation(truths, [bar(300, 310)]).save(tmp_path)
    shown = (columns(tmp_path)[1] != COLOUR).any(axis=(0, 2))
    np.testing.assert_array_equal(np.flatnonzero(shown), np.arange(MOST))
    picture = Image.new("RGB", SIZE)
    assert under_masks(picture, truths[:MOST]).size == SIZE
    with pytest.raises(ValueError, match="264 masks are more than the 254 that can be told apart"):
        under_masks(picture, truths)
