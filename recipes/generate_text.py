"""Let a generator of texts write, by itself or going on with what it is given.

from recipes.generate_text import generate_text

for text in generate_text("best.keras", prompt="In the beginning", n=3, temperature=0.8):
    print(text)
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from dltk.batch import batched
from dltk.errors import UsageError, printable
from dltk.files import whole
from dltk.models.find import ModelSource
from dltk.text.language import Language
from dltk.weights import Report, silent
from dltk.wording import amount
from recipes._checks import check_number, check_text, check_whole
from recipes._text_generators import find_text_generator, language_of

_MOST_TEXTS = 100_000
_SHOWN = 8  # tokens that are not known


@dataclass(frozen=True)
class WrittenText:
    """A text that was written.

    Attributes:
        number: of the text, from 0.
        prompt: what was gone on with, as it was given.
        written: what was written behind it.
        tokens: how many that took.
        ended: whether it came to its end by itself or to what was to end it, and was not cut off.
    """

    number: int
    prompt: str
    written: str
    tokens: int
    ended: bool

    @property
    def text(self) -> str:
        """The whole text."""
        return self.prompt + self.written

    def __str__(self) -> str:
        return self.text

    def save(self, path: str | os.PathLike) -> None:
        """Write the whole text to a file, in UTF-8, a line break behind it. Raises DltkError."""
        with whole(path) as part, open(part, "w", encoding="utf-8", newline="") as file:
            file.write(self.text + "\n")

    def to_dict(self) -> dict:
        """Return the record of this text, ready for JSON."""
        names = "number", "prompt", "written", "tokens", "ended"
        return {name: getattr(self, name) for name in names}


def generate_text(
    model: str | os.PathLike,
    *,
    prompt: str = "",
    n: int = 1,
    length: int = 500,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    until: str | None = None,
    seed: int = 0,
    batch_size: int = 16,
    devices: str = "auto",
    strategy: str = "auto",
    report: Report = silent,
) -> Iterator[WrittenText]:
    """Go on with a prompt, token by token, each chosen by chance as the network finds it likely.

    Texts of one prompt and seed differ by their numbers alone: a text is the same whatever else is
    written. The whole prompt is read, however long it is. Characters or words of it that the
    network does not know are read as such, and none is ever written.

    Args:
        model: a `.keras` file of a generator of texts.
        prompt: what to go on with; "" to begin a text.
        n: texts to write.
        length: characters or words that are written, at most: tokens of the network.
        temperature: less than 1 keeps to what is likely, more is bolder; 0 takes the likeliest
            token every time, so that there is one text only.
        top_k: only so many of the likeliest tokens may come; 0 for all.
        top_p: only the fewest tokens may come whose probabilities add up to so much, in (0, 1].
        until: end a text in front of this, if it comes; None to write to the end.
        seed: of what is chosen by chance.
        batch_size: texts that are written at once, over all devices.
        devices, strategy: see `dltk.strategy.place`.
        report: called with a line when something takes long, and a note of what is not known.
    Yields:
        The texts, as they are written.
    Raises:
        UsageError: options that cannot work, a model that writes no texts.
        DltkError: a model that cannot be loaded.
    """
    _check(prompt, n, length, temperature, top_k, top_p, seed, batch_size, until)
    source = find_text_generator(model)
    language = language_of(source)
    _tell_unknown(language, prompt, report)
    writer = _load(
        source,
        language,
        {"length": length, "temperature": temperature, "top_k": top_k, "top_p": top_p},
        min(batch_size, n),
        devices,
        strategy,
        report,
    )
    beginning = language.begin(prompt)
    for numbers in batched(range(n), writer.batch_size):
        for number, written in zip(numbers, writer(beginning, numbers, seed=seed), strict=True):
            text = language.continuation(prompt, written.numbers)
            tokens, ended = len(written.numbers), written.ended
            if until and until in text:
                text, ended = text[: text.index(until)], True
                tokens = len(language.tokenizer(text))
            yield WrittenText(number, prompt, text, tokens, ended)


def _load(
    source: ModelSource, language: Language, style, batch_size: int, devices, strategy, report
):
    """Return the generator, ready to write."""
    from dltk.engine.writer import Style, Writer
    from dltk.models.text_generator.load import load_text_generator
    from dltk.strategy import place

    placement = place(devices, strategy)
    with placement.strategy.scope():
        network = load_text_generator(source)
    report(f"{printable(source.name)} on Keras, {placement.reason}")
    about = {"batch_size": batch_size, "ends": language.ends}
    return Writer(network, placement.strategy, Style(**style), **about)


def _check(prompt, n, length, temperature, top_k, top_p, seed, batch_size, until) -> None:
    """Raise UsageError for what cannot be, or does nothing."""
    check_text("prompt", prompt)
    check_whole("n", n, 1, _MOST_TEXTS)
    check_whole("length", length, 1)
    check_number("temperature", temperature)
    check_whole("top_k", top_k, 0)
    check_number("top_p", top_p, 0, 1, above=True)
    check_whole("seed", seed, 0, 2**32 - 1)
    check_whole("batch_size", batch_size, 1)
    if until == "":
        raise UsageError("--until is some text; nothing at all comes everywhere")
    if not temperature:
        for option, given in {"-n": n > 1, "--top-k": top_k, "--top-p": top_p < 1}.items():
            if given:
                raise UsageError(
                    f"{option} has no meaning here: --temperature 0 takes the likeliest token "
                    "every time, and so there is one text only"
                )


def _tell_unknown(language: Language, prompt: str, report: Report) -> None:
    if unknown := language.unknown(prompt):
        unit = language.tokenizer.unit
        named = ", ".join(f'"{printable(token)}"' for token in unknown[:_SHOWN])
        more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
        report(
            f"note: the prompt has {amount(len(unknown), unit)} that the network does not know: "
            f"{named}{more}"
        )
