"""Write dltk/models/keras_applications.csv from the installed Keras, without downloading.

Each network is built twice: once with ImageNet weights, stopped where Keras would download, to
learn the address and the hash; once without weights, to learn the input size and the number of
parameters. Top-1 accuracies are those of https://keras.io/api/applications and, for
MobileNetV3, of the table in its docstring.
"""

import csv
import inspect
import os
from pathlib import Path
from unittest import mock

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
from keras.src.utils import file_utils

TABLE = Path(__file__).parent.parent / "dltk" / "models" / "keras_applications.csv"
TOP1 = {
    "Xception": 79.0,
    "VGG16": 71.3,
    "VGG19": 71.3,
    "ResNet50": 74.9,
    "ResNet50V2": 76.0,
    "ResNet101": 76.4,
    "ResNet101V2": 77.2,
    "ResNet152": 76.6,
    "ResNet152V2": 78.0,
    "InceptionV3": 77.9,
    "InceptionResNetV2": 80.3,
    "MobileNet": 70.4,
    "MobileNetV2": 71.3,
    "MobileNetV3Small": 68.1,
    "MobileNetV3Large": 75.6,
    "DenseNet121": 75.0,
    "DenseNet169": 76.2,
    "DenseNet201": 77.3,
    "NASNetMobile": 74.4,
    "NASNetLarge": 82.5,
    "EfficientNetB0": 77.1,
    "EfficientNetB1": 79.1,
    "EfficientNetB2": 80.1,
    "EfficientNetB3": 81.6,
    "EfficientNetB4": 82.9,
    "EfficientNetB5": 83.6,
    "EfficientNetB6": 84.0,
    "EfficientNetB7": 84.3,
    "EfficientNetV2B0": 78.7,
    "EfficientNetV2B1": 79.8,
    "EfficientNetV2B2": 80.5,
    "EfficientNetV2B3": 82.0,
    "EfficientNetV2S": 83.9,
    "EfficientNetV2M": 85.3,
    "EfficientNetV2L": 85.7,
    "ConvNeXtTiny": 81.3,
    "ConvNeXtSmall": 82.3,
    "ConvNeXtBase": 85.3,
    "ConvNeXtLarge": 86.3,
    "ConvNeXtXLarge": 86.7,
}
# How the networks expect their pixels: the `mode` of each module's `preprocess_input`, or
# "inside" where the network normalises by itself.
PIXELS = {
    "vgg16": "caffe",
    "vgg19": "caffe",
    "resnet": "caffe",
    "densenet": "torch",
    "efficientnet": "inside",
    "efficientnet_v2": "inside",
    "convnext": "inside",
    "mobilenet_v3": "inside",
}
BICUBIC = ("efficientnet", "efficientnet_v2", "convnext")


class StoppedError(Exception):
    """Raised in place of the download."""


def address_of(builder):
    with mock.patch.object(file_utils, "get_file", side_effect=StoppedError) as get_file:
        try:
            builder()
        except StoppedError:
            call = inspect.signature(keras.utils.get_file).bind(
                *get_file.call_args.args, **get_file.call_args.kwargs
            )
    asked = call.arguments
    return asked["fname"], asked["origin"], asked.get("file_hash") or asked.get("md5_hash") or ""


def rows():
    for name, builder in sorted(vars(keras.applications).items()):
        if not inspect.isfunction(builder):
            continue
        module = inspect.getmodule(builder).__name__.rsplit(".", 1)[1]
        file, address, digest = address_of(builder)
        model = builder(weights=None)
        size = model.input_shape[1] or 224
        crop = size / (size + 32) if module in ("efficientnet", "efficientnet_v2") else 0.875
        yield {
            "name": name.lower(),
            "builder": name,
            "family": module,
            "size": size,
            "parameters": model.count_params(),
            "top1": TOP1[name],
            "pixels": PIXELS.get(module, "tf"),
            "crop": round(crop, 4),
            "interpolation": "bicubic" if module in BICUBIC else "bilinear",
            "file": file,
            "address": address,
            "digest": digest,
        }


def main():
    table = list(rows())
    with TABLE.open("w", newline="") as file:
        writer = csv.DictWriter(file, table[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
    print(f"{len(table)} networks written to {TABLE}")


if __name__ == "__main__":
    main()
