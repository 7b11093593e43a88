"""Time a network of torchvision on a picture made by rule; the peer's half of benchmarks.

Called under a Python that has torchvision, from the root of the repository:

    PYTHON -m scripts.time_torchvision fasterrcnn_resnet50_fpn 800x1066 --repeats 3
    PYTHON -m scripts.time_torchvision fcn_resnet50 520x520 --form bfloat16 --photo PHOTO.jpg

It prints a line of JSON. Of a detector: "seconds" (the median of the repeats) and what it answers.
Of a segmenter: seconds from a "picture" in memory and from the "photo" to a label map, and the
"mask" of the picture.

torchvision's compiled operators do not load beside a build of PyTorch other than their own. Then
plain ones stand in for NMS and RoIAlign, and what they take is left out of "seconds" and told as
"stood in": torchvision gets both for nothing.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time

import torch

FORMS = ("float32", "channels-last", "bfloat16")
_OPERATORS = ("nms", "qnms", "roi_align", "roi_pool", "ps_roi_align", "ps_roi_pool")
_OPERATORS += ("deform_conv2d", *(f"_{name}_backward" for name in _OPERATORS[2:]))
_OPERATORS += ("_deform_conv2d_backward",)

_stood_in = 0.0


def has_compiled_operators() -> bool:
    try:
        import torchvision

        torchvision.ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
    except RuntimeError:
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        return False
    return True


def stand_in() -> torch.library.Library:
    """Import torchvision without its compiled operators; what is returned must be kept."""
    library = torch.library.Library("torchvision", "DEF")
    for name in _OPERATORS:
        library.define(f"{name}(Tensor a) -> Tensor")  # never called: only its name is looked for
    from torchvision.ops import boxes, poolers

    boxes.batched_nms = _timed(batched_nms)
    poolers.roi_align = _timed(roi_align)
    return library


def _timed(function):
    def call(*args, **kwargs):
        global _stood_in
        began = time.perf_counter()
        result = function(*args, **kwargs)
        _stood_in += time.perf_counter() - began
        return result

    return call


def batched_nms(boxes, scores, labels, threshold):
    """Return the indices of boxes (N, 4) that no likelier one of their label overlaps."""
    x1, y1, x2, y2 = (boxes + (labels * (boxes.max() + 1))[:, None]).T
    areas = (x2 - x1) * (y2 - y1)
    order, kept = scores.argsort(descending=True, stable=True), []
    while len(order):
        best, order = order[0], order[1:]
        kept.append(best)
        width = torch.minimum(x2[best], x2[order]) - torch.maximum(x1[best], x1[order])
        height = torch.minimum(y2[best], y2[order]) - torch.maximum(y1[best], y1[order])
        both = width.clamp(min=0) * height.clamp(min=0)
        order = order[both <= threshold * (areas[best] + areas[order] - both)]
    return torch.stack(kept) if kept else torch.empty(0, dtype=torch.long)


def roi_align(maps, regions, output_size, spatial_scale, sampling_ratio):
    """Return RoIAlign's features of regions (R, 5) of one picture's map (1, C, H, W)."""
    (rows, columns), channels = output_size, maps.shape[1]
    x1, y1, x2, y2 = (regions[:, 1:] * spatial_scale).T
    top, bottom, down, above = _samples(y1, y2, rows * sampling_ratio, maps.shape[2])
    left, right, over, beside = _samples(x1, x2, columns * sampling_ratio, maps.shape[3])
    pixels = maps[0].permute(1, 2, 0)

    def at(y, x):
        return pixels[y[:, :, None], x[:, None, :]]

    down, over = down[:, :, None, None], over[:, None, :, None]
    mixed = (at(top, left) * (1 - over) + at(top, right) * over) * (1 - down)
    mixed += (at(bottom, left) * (1 - over) + at(bottom, right) * over) * down
    mixed[above[:, :, None] | beside[:, None, :]] = 0
    shape = (len(regions), rows, sampling_ratio, columns, sampling_ratio, channels)
    return mixed.reshape(shape).mean((2, 4)).permute(0, 3, 1, 2)


def _samples(low, high, count, side):
    """Return the pixels before and after `count` places in each interval, and how far between."""
    places = low[:, None] + (torch.arange(count) + 0.5) / count * (high - low).clamp(min=1)[:, None]
    outside = (places < -1) | (places > side)
    places = places.clamp(0, side - 1)
    before = places.long()
    return before, (before + 1).clamp(max=side - 1), places - before, outside


def timed(name: str, picture, repeats: int) -> dict:
    """Run a network on a picture, uint8 (H, W, 3), once more than is timed."""
    global _stood_in
    from tests.torchvision_reference import build

    network, took = build(name, {}), []
    with torch.inference_mode():
        for _ in range(repeats + 1):
            _stood_in, began = 0.0, time.perf_counter()
            pixels = torch.from_numpy(picture).permute(2, 0, 1).float() / 255
            (found,) = network([pixels])
            took.append((time.perf_counter() - began - _stood_in, _stood_in))
    seconds, stood_in = sorted(took[1:])[repeats // 2]
    answer = {key: values.tolist() for key, values in found.items()}
    return {"seconds": seconds, "stood in": stood_in, **answer}


def timed_segmenter(name: str, picture, photo: str, form: str, repeats: int) -> dict:
    """Run a network on a picture and on a file, each once more than is timed.

    Its second head, which only training needs, is left out.

    Args:
        picture: uint8 (H, W, 3), taken at its own size.
        photo: path of a picture, made as large as torchvision's transforms make it.
        form: "float32", "channels-last" (in float32 too) or "bfloat16" (with channels last).
    """
    from PIL import Image
    from torchvision.models import segmentation
    from torchvision.transforms.functional import normalize

    from tests.torchvision_reference import build

    network = build(name, {})
    network.aux_classifier = None
    layout = torch.contiguous_format if form == "float32" else torch.channels_last
    kind = torch.bfloat16 if form == "bfloat16" else torch.float32
    network = network.to(kind, memory_format=layout)
    prepare = segmentation.FCN_ResNet50_Weights.DEFAULT.transforms()

    def found(pixels):
        return network(pixels[None].to(kind, memory_format=layout))["out"][0].argmax(0)

    def of_picture():
        pixels = torch.from_numpy(picture).permute(2, 0, 1).float() / 255
        return found(normalize(pixels, prepare.mean, prepare.std))

    def of_photo():
        with Image.open(photo) as opened:
            return found(prepare(opened.convert("RGB")))

    seconds = {}
    with torch.inference_mode():
        for what, run in {"photo": of_photo, "picture": of_picture}.items():
            took = []
            for _ in range(repeats + 1):
                began = time.perf_counter()
                mask = run()
                took.append(time.perf_counter() - began)
            seconds[what] = statistics.median(took[1:])
    return {**seconds, "mask": mask.tolist()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "name", help="a detector or segmenter, as tests/torchvision_reference.py names it"
    )
    parser.add_argument("size", help="height x width, such as 800x1066")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--form", choices=FORMS, default=FORMS[0])
    parser.add_argument("--photo", help="of a segmenter: a file to label too")
    chosen = parser.parse_args()
    library = None if has_compiled_operators() else stand_in()  # noqa: F841
    from tests.torchvision_rules import made_picture

    picture = made_picture(*map(int, chosen.size.split("x")))
    if chosen.photo:
        answer = timed_segmenter(chosen.name, picture, chosen.photo, chosen.form, chosen.repeats)
    else:
        answer = timed(chosen.name, picture, chosen.repeats)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
