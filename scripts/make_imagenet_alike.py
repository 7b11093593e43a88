"""Write dltk/models/imagenet_alike.csv: which of ImageNet's classes are nearly the same.

Two classes are alike as far as the weights are by which a network tells them: the cosine between
those of EfficientNet-Lite0's last layer, from which the mean over classes is taken first. Of
1,000 classes 2,720 pairs have more than 0.15, missile and projectile the most: 0.75.
"""

import csv
import os
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np

from dltk.models.build import build_network
from dltk.models.catalog import imagenet_labels, lookup

TABLE = Path(__file__).parent.parent / "dltk" / "models" / "imagenet_alike.csv"
LEAST = 0.15

entry = lookup("efficientnet-lite0")
network = build_network(entry, weights=entry.weights.get())
kernel = network.get_layer("predictions").get_weights()[0]
kernel -= kernel.mean(axis=1, keepdims=True)
kernel /= np.linalg.norm(kernel, axis=0)
cosines = np.triu(kernel.T @ kernel, k=1)
ids = [label.id for label in imagenet_labels()]
with TABLE.open("w", newline="") as file:
    table = csv.writer(file, lineterminator="\n")
    table.writerow(["one", "other", "cosine"])
    for one, other in zip(*np.nonzero(cosines > LEAST), strict=True):
        table.writerow([ids[one], ids[other], f"{cosines[one, other]:.2f}"])
