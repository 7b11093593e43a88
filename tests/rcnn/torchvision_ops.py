"""Give the cases of `tests/rcnn/cases.py` to torchvision's own pieces, and write what they answer.

Called under a Python that has torchvision, from the root of the repository:

    /usr/bin/python3 -m tests.rcnn.torchvision_ops OUT.npz

Maps are (B, H, W, C) on our side. `tests/golden/rcnn_ops.npz` is what torchvision 0.14 wrote.
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from torchvision import ops
from torchvision.models.detection import _utils as pieces
from torchvision.models.detection import anchor_utils, image_list
from torchvision.models.detection.roi_heads import RoIHeads, fastrcnn_loss
from torchvision.models.detection.rpn import RegionProposalNetwork

from tests.rcnn import cases


def tensor(values) -> torch.Tensor:
    return torch.from_numpy(np.array(values))


def channels_first(maps: np.ndarray) -> torch.Tensor:
    return tensor(maps).permute(0, 3, 1, 2).contiguous()


def of_boxes() -> dict:
    boxes, others = tensor(cases.made_boxes(0, 30)), tensor(cases.made_boxes(1, 30))
    found = {"iou": ops.box_iou(boxes, others), "clipped": ops.clip_boxes_to_image(boxes, (70, 90))}
    for number, weights in enumerate(cases.WEIGHTS):
        coder = pieces.BoxCoder(weights)
        found[f"encoded/{number}"] = coder.encode_single(boxes, others)
        found[f"decoded/{number}"] = coder.decode_single(
            tensor(cases.made_deltas(2, 30, 4)), others
        )
    return found


def of_matching() -> dict:
    overlaps = tensor(cases.made_overlaps()).T
    return {
        f"matched/{number}": pieces.Matcher(*numbers)(overlaps)
        for number, numbers in enumerate(cases.MATCHERS)
    }


def of_suppression() -> dict:
    boxes, scores, labels = (tensor(values) for values in cases.made_crowd())
    return {
        "nms": ops.nms(boxes, scores, 0.4),
        "batched_nms": ops.batched_nms(boxes, scores, labels, 0.4),
    }


def of_regions() -> dict:
    maps = channels_first(cases.made_map(5, 2, 9, 13, 3))
    boxes = tensor(cases.odd_boxes())
    owners = torch.arange(len(boxes)) % 2
    regions = torch.cat([owners[:, None].float(), boxes], dim=1)
    found = {}
    for stride, size, samples in cases.ALIGNED:
        for aligned in (True, False):
            found[f"align/{stride}/{size}/{samples}/{aligned}"] = ops.roi_align(
                maps, regions, size, 1 / stride, samples, aligned
            ).permute(0, 2, 3, 1)
    for stride, size in cases.POOLED:
        pooled = ops.roi_pool(maps, regions, size, 1 / stride)
        found[f"pool/{stride}/{size}"] = pooled.permute(0, 2, 3, 1)
    levels = {str(n): channels_first(each) for n, each in enumerate(cases.pyramid_of_maps())}
    pooler = ops.MultiScaleRoIAlign(list(levels), 3, 2)
    boxes = [tensor(each) for each in cases.boxes_of_all_sizes()]
    found["pyramid"] = pooler(levels, boxes, [(256, 256)] * 2).permute(0, 2, 3, 1)
    return found


def of_proposals() -> dict:
    logits, deltas = cases.rpn_answers()
    sizes = tuple(tuple(level) for level in cases.SIZES)
    generator = anchor_utils.AnchorGenerator(sizes, (cases.RATIOS,) * 2)
    pictures = image_list.ImageList(torch.zeros(2, 3, 64, 96), [(64, 96)] * 2)
    anchors = generator(pictures, [channels_first(each) for each in logits])
    codes = torch.cat([tensor(each).reshape(2, -1, 4) for each in deltas], dim=1)
    boxes = pieces.BoxCoder((1.0, 1.0, 1.0, 1.0)).decode(codes.reshape(-1, 4), anchors)
    scores = torch.cat([tensor(each).reshape(2, -1) for each in logits], dim=1)
    network = RegionProposalNetwork(
        generator, None, 0.7, 0.3, 256, 0.5,
        {"training": 0, "testing": 60}, {"training": 0, "testing": 80}, 0.6, score_thresh=0.3,
    ).eval()  # fmt: skip
    counts = [each.shape[1] * each.shape[2] * 3 for each in logits]
    chosen, _ = network.filter_proposals(
        boxes.reshape(2, -1, 4), scores, [tuple(extent) for extent in cases.EXTENTS], counts
    )
    found = {f"proposals/{number}": each for number, each in enumerate(chosen)}
    return found | {"anchors": anchors[0]}


def of_final_boxes() -> dict:
    regions, scores, deltas = (tensor(each) for each in cases.head_answers())
    heads = RoIHeads(
        None, None, None, 0.5, 0.5, 512, 0.25, (10.0, 10.0, 5.0, 5.0), 0.1, 0.4, 50
    ).eval()
    answers = heads.postprocess_detections(
        scores, deltas, list(regions), [tuple(extent) for extent in cases.EXTENTS]
    )
    return {
        f"{name}/{number}": each
        for name, both in zip(("boxes", "scores", "labels"), answers, strict=True)
        for number, each in enumerate(both)
    }


def of_losses() -> dict:
    _, scores, deltas = (tensor(each) for each in cases.head_answers())
    labels, truth = (tensor(each) for each in cases.head_truth())
    classes, boxes = fastrcnn_loss(scores, deltas, [labels], [truth])
    return {"class_loss": classes, "box_loss": boxes}


def main(out: str) -> None:
    found = {}
    for each in (
        of_boxes, of_matching, of_suppression, of_regions, of_proposals, of_final_boxes, of_losses,
    ):  # fmt: skip
        found |= each()
    np.savez_compressed(out, **{key: values.numpy() for key, values in found.items()})


if __name__ == "__main__":
    main(sys.argv[1])
