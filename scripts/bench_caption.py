"""Beam search in one compiled graph against a loop over pictures: seconds for 100 pictures.

The same captioner, the same pictures in memory, the same five beams. The loop is what one would
write in Keras: a picture at a time, its beams together in a step, all of it eager. It is timed with
the backbone inside, and for places that are worked out already; and how many captions are equal
is told. The captioner is named with --model; else it has weights of chance, which find few ends, so
that both write as many words as they may.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

BEAMS = 5
ASKED = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="a captioner's .keras file")
    parser.add_argument("--pictures", type=int, default=100)
    parser.add_argument("--longest", type=int, default=20, help="words of a caption")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    captioner, vocabulary, geometry = captioner_of(chosen.model)
    pixels = pictures(chosen.pictures, geometry)
    for what, ours, loop in ways(captioner, vocabulary, pixels, chosen):
        mine, theirs = ours(), loop()  # compiled, and warm
        same = np.mean([a == b for a, b in zip(mine, theirs, strict=True)])
        times = [(timed(ours), timed(loop)) for _ in range(chosen.rounds)]
        fast, slow = (statistics.median(each) for each in zip(*times, strict=True))
        print(
            f"{what}: {fast:.2f} s, loop {slow:.2f} s: {slow / fast:.1f} times as fast; "
            f"{same:.0%} of the captions are equal"
        )
    print(f"asked: {ASKED} times")


def captioner_of(path: str | None) -> tuple:
    """Return a captioner, its words, and how pictures become its input."""
    from dltk.geometry import Geometry
    from dltk.models.captioner.load import load_captioner
    from dltk.models.captioner.network import new_captioner
    from dltk.models.find import find_model
    from dltk.text.vocabulary import FIRST, Vocabulary
    from recipes._captioners import find_captioner, words_of

    if path:
        source = find_captioner(path)
        return load_captioner(source), words_of(source), source.geometry
    vocabulary = Vocabulary(tuple(f"word{at}" for at in range(2000 - FIRST)))
    captioner = new_captioner(
        find_model("efficientnet-lite0"), len(vocabulary), units=512, embedding=512, attention=512
    )
    return captioner, vocabulary, Geometry(224, 224, fit="squash")


def pictures(count: int, geometry) -> np.ndarray:
    """Return made scenes, float32 (count, H, W, 3)."""
    from PIL import Image

    from dltk.data.scenes import VALIDATION, scene

    made = (Image.fromarray(scene(VALIDATION + at).picture) for at in range(count))
    return np.stack([geometry.apply(picture) for picture in made]).astype(np.float32)


def ways(captioner, vocabulary, pixels: np.ndarray, chosen):
    """Yield what is timed, and two functions that return the words of each picture."""
    import tensorflow as tf

    from dltk.captions import Writing
    from dltk.engine.captions import CaptionNetwork
    from dltk.models.captioner.network import Parts
    from dltk.models.sight import map_names
    from dltk.objects import PIXELS
    from dltk.strategy import place

    parts, strategy = Parts.of(captioner), place("cpu").strategy
    writing = Writing(beams=BEAMS, longest=chosen.longest, shortest=0)
    many = tf.data.Dataset.from_tensor_slices(pixels).batch(chosen.batch_size)
    maps = [np.concatenate(each) for each in zip(*(parts.backbone(x) for x in many), strict=True)]
    of_maps = dict(zip(map_names(len(maps)), maps, strict=True))
    for what, inputs in {"pictures": {PIXELS: pixels}, "backbone's maps": of_maps}.items():
        network = CaptionNetwork(
            captioner, vocabulary, strategy, chosen.batch_size, writing, told=True
        )

        def ours(network=network, inputs=inputs):
            return [captions[0].words for captions in network(inputs)]

        def loop(inputs=inputs):
            each = ({n: a[at : at + 1] for n, a in inputs.items()} for at in range(len(pixels)))
            return [written(parts, vocabulary, one, chosen.longest) for one in each]

        yield f"{len(pixels)} {what}", ours, loop


def written(parts, vocabulary, inputs: dict, longest: int) -> tuple[str, ...]:
    """Return the words of one picture by an eager beam search."""
    import tensorflow as tf

    from dltk.text.vocabulary import END, PADDING, START, UNKNOWN

    decoder = parts.decoder
    places = tf.repeat(parts.look(inputs), BEAMS, axis=0)
    state, memory = decoder.begin(places)
    beams = [[START]] + [[START]] * (BEAMS - 1)
    totals = np.array([0.0] + [-np.inf] * (BEAMS - 1))
    done: list[tuple[float, list[int]]] = []
    for _ in range(longest + 1):
        last = tf.constant([beam[-1] for beam in beams])
        told, state, _ = decoder.step(last, state, memory)
        chances = tf.nn.log_softmax(decoder.scores(told)).numpy()
        chances[:, [PADDING, START, UNKNOWN]] = -np.inf
        ways_on = (totals[:, None] + chances).ravel()
        order = np.argsort(-ways_on)[: 2 * BEAMS]
        parents, words = np.divmod(order, chances.shape[1])
        going = []
        for way, parent, word in zip(order, parents, words, strict=True):
            if word == END:
                done.append((ways_on[way], beams[parent]))
            else:
                going.append((ways_on[way], parent, [*beams[parent], word]))
        done = sorted(done, key=lambda each: -each[0])[:BEAMS]
        going = going[:BEAMS]
        if len(done) == BEAMS and going[0][0] <= done[-1][0]:
            break
        if max(len(beam) for _, _, beam in going) > longest + 1:
            break
        totals = np.array([total for total, _, _ in going])
        beams = [beam for _, _, beam in going]
        rows = [parent for _, parent, _ in going]
        state = [tf.gather(each, rows) for each in state]
    best = done[0][1] if done else beams[0]
    return tuple(vocabulary.decode(best[1:]))


def timed(run) -> float:
    began = time.monotonic()
    run()
    return time.monotonic() - began


if __name__ == "__main__":
    main()
