"""Run a network of torchvision with weights made by rule, and write what every stage of it gives.

Called under a Python that has torchvision, such as Debian's with python3-torchvision, from the
root of the repository; `tests/torchvision_peer.py` does that for tests:

    /usr/bin/python3 -m tests.torchvision_reference run NAME OUT.npz --pictures PICTURES.npz
    /usr/bin/python3 -m tests.torchvision_reference run NAME OUT.npz --sizes 200x200 120x400
    /usr/bin/python3 -m tests.torchvision_reference save NAME OUT.pth [--legacy]

NAME is one of
- fasterrcnn_resnet50_fpn, fasterrcnn_resnet50_fpn_v2, fasterrcnn_mobilenet_v3_large_fpn and
  fasterrcnn_mobilenet_v3_large_320_fpn: built as for the published weights, with their epsilons
  and their frozen normalisation, but given ours;
- fcn_resnet50, fcn_resnet101: likewise;
- resnet50, resnet101, mobilenet_v3_large: the classifiers, for what their trunks give.

`--options` takes JSON: for detectors any argument of torchvision's functions, such as
{"min_size": 128, "max_size": 320, "rpn_post_nms_top_n_test": 100}; for classifiers "epsilon" and,
for ResNets, "dilated", three booleans. Pictures are (H, W, 3), 0-255, uint8 or float32, and go in
one by one. `--numbers N` keeps N numbers of each large array, from all over it, for golden files.

`save` writes the weights in the names of the published file. `run` writes, besides "names" and
"shapes" of the tensors as torchvision 0.14 calls them, arrays named PICTURE/STAGE, float32 unless
said otherwise. A picture made by `--sizes` is called by its size, "120x400". Of a detector, with
maps as (1, H, W, C), levels from fine to coarse, and boxes as x1, y1, x2, y2:

    size              int64 (2,), height and width of the resized picture without its padding
    batch             the network's input: normalised, resized, padded with zeros
    body/0 …          maps of the trunk that go into the pyramid: ResNet's layer1 to layer4, or
                      MobileNet's features[13] and features[16], both of stride 32
    fpn/0 … fpn/pool  maps of the pyramid
    objectness/0 …    logits, a channel for each anchor
    deltas/0 …        box deltas, 4 channels for each anchor
    anchors           (N, 4), level by level, in pixels of the batch, unclipped
    proposals         (P, 4), likeliest first, with proposal_scores (P,)
    pooled            (100 at most, 7, 7, C), what RoIAlign gives for the first proposals
    hidden            (P, 1024), the box head's last layer
    logits            (P, classes), and regression (P, 4 classes), both with the background
    boxes             (D, 4) in pixels of the original picture, with labels int64 (D,) and scores
                      (D,): the answer, likeliest first

Of an FCN: body/out and body/aux (layer4, layer3), classifier and aux_classifier (their logits at
stride 8), out and aux (those logits at the picture's size). Of a classifier: layer1 to layer4, or
features.0, features.2, features.4, features.7, features.13 and features.16.
"""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torchvision
from torchvision.models import detection, segmentation
from torchvision.transforms.functional import normalize

from tests.torchvision_rules import made_picture, made_weights, published_name, spread

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_POOLED = 100
_WHOLE = ("size", "boxes", "labels", "scores")  # also in golden files
_PUBLISHED = {
    "fasterrcnn_resnet50_fpn": detection.FasterRCNN_ResNet50_FPN_Weights,
    "fasterrcnn_resnet50_fpn_v2": detection.FasterRCNN_ResNet50_FPN_V2_Weights,
    "fasterrcnn_mobilenet_v3_large_fpn": detection.FasterRCNN_MobileNet_V3_Large_FPN_Weights,
    "fasterrcnn_mobilenet_v3_large_320_fpn": (
        detection.FasterRCNN_MobileNet_V3_Large_320_FPN_Weights
    ),
    "fcn_resnet50": segmentation.FCN_ResNet50_Weights,
    "fcn_resnet101": segmentation.FCN_ResNet101_Weights,
}
_CLASSIFIERS = ("resnet50", "resnet101", "mobilenet_v3_large")


def build(name: str, options: dict):
    """Return the network as torchvision sets it up, with weights made by rule, ready to predict."""
    if name in _CLASSIFIERS:
        return _classifier(name, **options)
    module = detection if name.startswith("fasterrcnn") else segmentation
    builder, published = getattr(module, name), _PUBLISHED[name]
    extra = {} if module is detection else {"aux_loss": True}
    tensors = _made(builder(weights=None, weights_backbone=None, **extra))
    state = {published_name(key, name): values for key, values in tensors.items()}
    published.get_state_dict = lambda *_, **__: state  # in place of the download
    return builder(weights=published.DEFAULT, **options).eval()


def _classifier(name: str, epsilon: float = 1e-5, dilated=None):
    extra = {} if dilated is None else {"replace_stride_with_dilation": dilated}
    norm = partial(torch.nn.BatchNorm2d, eps=epsilon)
    network = getattr(torchvision.models, name)(weights=None, norm_layer=norm, **extra)
    network.load_state_dict(_made(network))
    return network.eval()


def _made(network) -> dict[str, torch.Tensor]:
    shapes = {key: tuple(values.shape) for key, values in network.state_dict().items()}
    return {key: torch.from_numpy(np.array(v)) for key, v in made_weights(shapes).items()}


def stages(network, picture: np.ndarray) -> dict[str, np.ndarray]:
    """Run the network on a picture (H, W, 3), 0-255; return the arrays listed above."""
    found: dict[str, np.ndarray] = {}
    if isinstance(network, detection.FasterRCNN):
        undo = _watch_detector(network, found)
    else:
        undo = _watch_maps(network, found)
    pixels = torch.from_numpy(picture.astype(np.float32)).permute(2, 0, 1) / 255
    with torch.no_grad():
        if isinstance(network, detection.FasterRCNN):
            (answer,) = network([pixels])
        else:
            answer = network(normalize(pixels, _MEAN, _STD)[None])
    if isinstance(answer, dict):
        found.update({key: _array(values) for key, values in answer.items()})
    for handle in undo:
        handle.remove()
    return found


def _watch_detector(network, found) -> list:
    def batch(images, _):
        found["batch"] = _array(images.tensors)
        found["size"] = np.array(images.image_sizes[0])

    def maps(place):
        def keep(output):
            found.update({f"{place}/{key}": _array(values) for key, values in output.items()})

        return keep

    def head(objectness, deltas):
        for level, (one, other) in enumerate(zip(objectness, deltas, strict=True)):
            found[f"objectness/{level}"], found[f"deltas/{level}"] = _array(one), _array(other)

    def predicted(logits, regression):
        found["logits"], found["regression"] = _array(logits), _array(regression)

    def keep(place, count=None):
        return lambda output: found.update({place: _array(output[:count])})

    def proposals(boxes, _):
        found["proposals"] = _array(boxes[0])

    _keep_scores(network.rpn, found)
    return [
        _watch(network.transform, batch, many=True),
        _watch(network.backbone.body, maps("body")),
        _watch(network.backbone.fpn, maps("fpn")),
        _watch(network.rpn.head, head, many=True),
        _watch(network.rpn.anchor_generator, lambda output: keep("anchors")(output[0])),
        _watch(network.rpn, proposals, many=True),
        _watch(network.roi_heads.box_roi_pool, keep("pooled", _POOLED)),
        _watch(network.roi_heads.box_head, keep("hidden")),
        _watch(network.roi_heads.box_predictor, predicted, many=True),
    ]


def _keep_scores(rpn, found) -> None:
    """Keep the scores of proposals, which a region proposal network has and does not give."""
    choose = type(rpn).filter_proposals

    def filter_proposals(*arguments):
        boxes, scores = choose(rpn, *arguments)
        found["proposal_scores"] = _array(scores[0])
        return boxes, scores

    rpn.filter_proposals = filter_proposals


def _watch_maps(network, found) -> list:
    def keep(place):
        def at(output):
            named = output.items() if isinstance(output, dict) else [("", output)]
            found.update({f"{place}/{key}".rstrip("/"): _array(values) for key, values in named})

        return at

    if isinstance(network, segmentation.FCN):
        modules = {"body": network.backbone}
        modules |= {key: getattr(network, key) for key in ("classifier", "aux_classifier")}
    elif isinstance(network, torchvision.models.ResNet):
        modules = {f"layer{number}": getattr(network, f"layer{number}") for number in (1, 2, 3, 4)}
    else:
        features = network.features
        modules = {f"features.{index}": features[index] for index in (0, 2, 4, 7, 13, 16)}
    return [_watch(module, keep(place)) for place, module in modules.items()]


def _watch(module, keep, *, many: bool = False):
    """Call `keep` with what the module gives, each time; with several arguments if `many`."""

    def hook(_, inputs, output):
        if many:
            keep(*output)
        else:
            keep(output)

    return module.register_forward_hook(hook)


def _array(values: torch.Tensor) -> np.ndarray:
    """Return a copy, since what comes next may overwrite it, with a map's channels last."""
    if values.dim() == 4:
        values = values.permute(0, 2, 3, 1)
    return values.numpy().copy()


def run(name: str, out: str, pictures: dict[str, np.ndarray], options: dict, count: int | None):
    """Write what all stages give for all pictures."""
    network = build(name, options)
    state = network.state_dict()
    arrays = {
        "names": np.array(list(state)),
        "shapes": np.array(["x".join(map(str, values.shape)) for values in state.values()]),
    }
    for picture, pixels in pictures.items():
        for stage, values in stages(network, pixels).items():
            kept = None if stage in _WHOLE else count
            arrays[f"{picture}/{stage}"] = spread(values, kept)
    (np.savez if count is None else np.savez_compressed)(out, **arrays)


def save(name: str, out: str, options: dict, *, legacy: bool):
    """Write the weights as PyTorch does, in the names of the published file."""
    state = build(name, options).state_dict()
    tensors = {published_name(key, name): values for key, values in state.items()}
    torch.save(tensors, out, _use_new_zipfile_serialization=not legacy)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", choices=("run", "save"))
    parser.add_argument("name", choices=(*_PUBLISHED, *_CLASSIFIERS))
    parser.add_argument("out", help="a file, .npz or .pth")
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--sizes", nargs="*", default=())
    parser.add_argument("--options", type=json.loads, default={})
    parser.add_argument("--numbers", type=int)
    parser.add_argument("--legacy", action="store_true")
    chosen = parser.parse_args()
    if chosen.task == "save":
        save(chosen.name, chosen.out, chosen.options, legacy=chosen.legacy)
        return
    pictures = dict(np.load(chosen.pictures)) if chosen.pictures else {}
    pictures |= {size: made_picture(*map(int, size.split("x"))) for size in chosen.sizes}
    run(chosen.name, chosen.out, pictures, chosen.options, chosen.numbers)


if __name__ == "__main__":
    main()
