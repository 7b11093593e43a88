"""How fast generators of texts write: characters a second, beside a loop as one would write it.

The network has random weights and the default size, which takes as long as a trained one. The loop
calls the Keras model for each character, with the states it gave before, and draws by NumPy.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

KNOWN = 96  # characters
ASKED = "1,000 characters a second, one text on two cores"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--length", type=int, default=2000, help="characters of a text")
    parser.add_argument("--texts", type=int, nargs="*", default=[1, 16], help="at once")
    parser.add_argument("--cell", default="lstm", choices=["lstm", "gru", "rnn"])
    chosen = parser.parse_args()

    import keras

    from dltk.engine.writer import Style, Writer
    from dltk.models.text_generator.network import new_text_generator
    from dltk.strategy import place

    placement = place("cpu")
    with placement.strategy.scope():
        keras.utils.set_random_seed(0)
        network = new_text_generator(KNOWN, cell=chosen.cell)
    for style in (
        Style(chosen.length),
        Style(chosen.length, temperature=0.0),
        Style(chosen.length, temperature=0.8, top_k=40, top_p=0.9),
    ):
        for count in chosen.texts:
            how = {"batch_size": count, "ends": False}
            writer = Writer(network, placement.strategy, style, **how)
            told = f"temperature {style.temperature:g}, top-k {style.top_k}, top-p {style.top_p:g}"
            rate = rate_of(
                lambda writer=writer, count=count: writer([5], range(count)), count * chosen.length
            )
            print(f"{told}, {count} at once: {rate:,.0f} characters a second", flush=True)
    few = min(chosen.length, 300)
    rate = rate_of(lambda: loop(network, few), few)
    print(f"a loop that calls the model: {rate:,.0f} characters a second")
    print(f"asked: {ASKED}")


def rate_of(run: Callable[[], object], characters: int) -> float:
    """Return characters a second, once all is compiled."""
    run()
    began = time.monotonic()
    run()
    return characters / (time.monotonic() - began)


def loop(network, length: int) -> list[int]:
    """Write as one would who has the model only."""
    from dltk.models.text_generator.network import LOGITS
    from dltk.text.vocabulary import TOKENS

    random = np.random.default_rng(0)
    states = {
        name: np.zeros((1, *each.shape[1:]), np.float32)
        for name, each in network.input.items()
        if name != TOKENS
    }
    written = [5]
    for _ in range(length):
        found = network({TOKENS: np.array([written[-1:]], np.int32)} | states)
        scores = np.float64(found[LOGITS][0, -1])
        chances = np.exp(scores - scores.max())
        written.append(int(random.choice(len(chances), p=chances / chances.sum())))
        states = {name: found[name].numpy() for name in states}
    return written


if __name__ == "__main__":
    main()
