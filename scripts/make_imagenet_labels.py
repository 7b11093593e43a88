"""Write dltk/models/imagenet.csv: the 1000 classes of ILSVRC 2012 in the networks' order.

The WordNet ids come from the class list of TensorFlow Datasets; sorted, they are in the order of
every network's output. The names come from WordNet 3.0 (Debian: apt install wordnet-base): each
synset's first word, as a dictionary writes it. Where two classes share it (the crane that flies
and the one that lifts), both are told apart by what they are a kind of.
"""

import csv
import itertools
from collections import Counter
from pathlib import Path

import tensorflow_datasets

TABLE = Path(__file__).parent.parent / "dltk" / "models" / "imagenet.csv"
CLASSES = (
    Path(tensorflow_datasets.__file__).parent
    / "image_classification"
    / "imagenet_resized_labels.txt"
)
NOUNS = Path("/usr/share/wordnet/data.noun")


def synset(file, offset):
    """Return the first word and the offset of the first hypernym of the synset at `offset`."""
    file.seek(offset)
    fields = file.readline().decode().split()
    words = int(fields[3], 16)
    pointers = fields[4 + 2 * words + 1 :]
    hypernyms = [int(to) for kind, to in itertools.pairwise(pointers) if kind == "@"]
    return fields[4].replace("_", " "), hypernyms[0]


def main():
    ids = sorted(CLASSES.read_text().split())
    with NOUNS.open("rb") as file:
        entries = [synset(file, int(wnid[1:])) for wnid in ids]
        count = Counter(word for word, _ in entries)
        names = [
            f"{word} ({synset(file, parent)[0]})" if count[word] > 1 else word
            for word, parent in entries
        ]
    if len(set(names)) != 1000:
        raise SystemExit(f"names are not unique: {Counter(names).most_common(5)}")
    with TABLE.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("id", "name"))
        writer.writerows(zip(ids, names, strict=True))
    print(f"{len(ids)} classes written to {TABLE}")


if __name__ == "__main__":
    main()
