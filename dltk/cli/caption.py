"""`dltk caption`."""

from __future__ import annotations

import click

from dltk.cli import options
from dltk.cli.batch import Outputs, relative_to, run_command
from dltk.cli.progress import Reporter
from dltk.cli.results import Table
from dltk.cli.sections import SectionCommand, option, section
from dltk.errors import printable

_COLUMNS = ("path", "status", "error", "rank", "caption", "score", "cut_off")
_ANSWER_COLUMNS = ("path", "status", "error", "rank", "question", "answer", "score")
_COPIES = ("attention", "animation")
_OF_WRITING = (
    "beams", "best", "longest", "shortest", "length_penalty", "no_repeat", "prefix", "temperature",
    "top_k", "top_p", "seed",
)  # fmt: skip
_WHAT = ("question", *_OF_WRITING, "sidecar", "precision")


@click.command(
    cls=SectionCommand,
    short_help="Say what is in pictures, or answer a question about them.",
    epilog="\b\nExamples:\n"
    "  dltk caption photos/ -m mine.keras\n"
    "  dltk caption photos/ -m mine.keras -o out --attention out/looked --format csv\n"
    "  dltk caption photos/ -m mine.keras --sidecar --best 3\n"
    "  dltk caption cat.jpg -m mine.keras --temperature 0.8 --top-p 0.9 --best 5 --seed 7\n"
    "  dltk caption photos/ --question 'how many dogs are there?' -m answerer.keras",
)
@options.inputs
@section(
    "Model",
    option("-m", "--model", type=click.Path(), metavar="FILE",
           help='A captioner that "dltk train captioner" wrote, or for --question an answerer of '
           '"dltk train answerer". There is none to download.'),
)  # fmt: skip
@section(
    "Question",
    option("--question", metavar="TEXT",
           help="Answer this about each picture. --best, --attention and what follows below go "
           "with it, and no other options."),
)  # fmt: skip
@section(
    "Captions",
    option("--best", type=click.IntRange(1, 100), default=1, metavar="N",
           help="Captions of each picture, or answers, the best first."),
    option("--beams", type=click.IntRange(1, 100), default=3, metavar="N",
           help="Captions that are gone on with at a time; 1 takes the likeliest word every time."),
    option("--longest", type=click.IntRange(1, 200), default=40, metavar="WORDS",
           help="Of a caption."),
    option("--shortest", type=click.IntRange(0), default=1, metavar="WORDS",
           help="Of a caption."),
    option("--length-penalty", type=options.Share(0, 10), default=0.0, metavar="STRENGTH",
           help="More makes captions longer, such as 0.7."),
    option("--no-repeat", type=click.IntRange(0), default=0, metavar="N",
           help="So many words in a row never come twice; 0 for no such rule."),
    option("--prefix", default="", metavar="WORDS",
           help="What every caption begins with, in words that the captioner knows."),
)  # fmt: skip
@section(
    "Chance",
    option("--temperature", type=options.Share(0, 100), default=0.0, metavar="T",
           help="Choose words by chance; less than 1 makes likely words likelier, 0 is no chance."),
    option("--top-k", type=click.IntRange(0, 2**31 - 1), default=0, metavar="K",
           help="Among the K likeliest only; 0 for all."),
    option("--top-p", type=options.Share(0, 1, min_open=True), default=1.0, metavar="P",
           help="Among the fewest whose probabilities add up to P."),
    option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, metavar="N",
           help="Of chance, which depends on this and the picture's name."),
)  # fmt: skip
@section(
    "Files",
    option("--attention", type=options.Folder(), metavar="DIR",
           help="Write sheets of where it looked for each word, or for the answer."),
    option("--animation", type=options.Folder(), metavar="DIR",
           help="Write the same as animated GIFs."),
    option("--sidecar", is_flag=True,
           help="Write NAME.txt beside each picture, a caption a line; never over another text."),
)  # fmt: skip
@options.outputs
@options.keras_hardware
@options.common
@click.pass_context
def caption(ctx, images, **choices):
    """Say what is in pictures: files, folders, 'patterns', @list.txt, or - for standard input.

    With --question, answer that about each of them instead.

    No captioner comes with dltk, and there is none to download. To make one: "dltk samples scenes
    --scenes 3000", and then "dltk train captioner scenes"; or "dltk train answerer scenes" for one
    that answers. It knows what it learnt from and nothing else: one that saw made scenes finds
    circles and stars in everything.
    """
    from recipes._caption_copies import discard_texts
    from recipes.caption import caption as recipe

    outputs = Outputs.take(choices)
    reporter = Reporter(
        verbose=outputs.verbose, quiet=outputs.quiet, bar=outputs.output is not None
    )
    places = [choices[name] for name in _COPIES]
    folder = outputs.output or next((place for place in places if place is not None), None)
    source, copies = _planned(choices)
    asks = choices["question"] is not None
    table = Table(_ANSWER_COLUMNS if asks else _COLUMNS, _rows, _cells)

    def check(inputs):
        from dltk.batch import check_unowned, has_record

        copies.check(inputs.items)
        if not outputs.overwrite and not has_record(folder):
            for place in places:
                check_unowned(place, ["*"])

    def describe() -> dict:
        return {
            "model": [source.describe(reporter.say)],
            "options": {name: choices[name] for name in _WHAT}
            | {name: relative_to(choices[name], folder) for name in _COPIES},
        }

    def run(items, record):
        results = recipe(items, **choices, report=reporter.say)
        if choices["sidecar"] and record is not None:  # and not before all is known to go well
            discard_texts(items, record)
        return results

    ctx.exit(
        run_command(
            run,
            images,
            outputs,
            name="caption",
            describe=describe,
            reporter=reporter,
            table=table,
            folder=folder,
            products=places,
            check=check,
        )
    )


def _planned(choices: dict):
    """Return the model called for, and which files it is asked for. Raises UsageError."""
    if choices["question"] is None:
        from recipes._captioners import find_captioner
        from recipes.caption import copies_of, writing_of

        source = find_captioner(choices["model"])
        writing_of(source, **{name: choices[name] for name in _OF_WRITING})
        names = (*_COPIES, "sidecar")
        return source, copies_of(source, **{name: choices[name] for name in names})
    from recipes._answer import refuse_of_captions
    from recipes._answer_copies import AnswerCopies
    from recipes._answerers import check_question, find_answerer

    refuse_of_captions(choices)
    source = find_answerer(choices["model"])
    check_question(choices["question"], source)
    return source, AnswerCopies(attention=choices["attention"])


def _rows(fields: dict) -> list[dict]:
    """Return a row for each caption or answer; one with empty cells for a picture that failed."""
    about = {name: fields.get(name, "") for name in _COLUMNS[:3]}
    if fields["status"] != "ok":
        return [about]
    names = ("caption", "score", "cut_off")
    if "question" in fields:
        about |= {"question": fields["question"]}
        names = ("answer", "score")
    return [
        about | {"rank": rank} | {name: each.get(name, "") for name in names}
        for rank, each in enumerate(_said(fields), 1)
    ]


def _cells(fields: dict) -> tuple[str, str]:
    if "question" in fields:
        told = [f"{printable(each['answer'])} {each['score']:.2f}" for each in _said(fields)]
        return told[0], "  ".join(told[1:])
    others = (printable(each["caption"]) for each in fields.get("others", ()))
    return printable(fields["caption"]), " | ".join(others)


def _said(fields: dict) -> list[dict]:
    return [fields, *fields.get("others", ())]
