"""`dltk text analogy`."""

from __future__ import annotations

import json

import click
from click.core import ParameterSource

from dltk.cli import options
from dltk.cli.sections import SectionCommand, option, section
from dltk.errors import UsageError, printable

_RESTRICT = 30_000


@click.command(
    cls=SectionCommand,
    short_help="Ask vectors of words: king - man + woman.",
    epilog="\b\nExamples:\n"
    "  dltk text analogy -m vectors.bin king - man + woman\n"
    "  dltk text analogy -m glove.6B.100d.txt frog --top 20\n"
    "  dltk text analogy -m vectors.bin --questions questions-words.txt\n"
    "  dltk text analogy -m vectors.bin --map map.png paris france rome italy",
)
@click.argument("words", nargs=-1, metavar="[WORDS]...")
@section(
    "Vectors",
    option("-m", "--model", required=True, metavar="FILE", type=click.Path(),
           help="Of word2vec, binary or text, or GloVe's text; or a .gz of these."),
    option("--restrict", type=click.IntRange(2), metavar="N",
           help="Look among the N most frequent words only.  [default: all, of --questions "
           f"{_RESTRICT}]"),
)  # fmt: skip
@section(
    "Question",
    option("--top", type=click.IntRange(1), default=10, metavar="N", help="Answers, at most."),
    option("--method", type=click.Choice(["add", "mul"]), default="add",
           help="Add cosines, or multiply them (Levy & Goldberg 2014)."),
    option("--questions", type=click.Path(), metavar="FILE",
           help="Measure on these instead: four words a line, the first two to each other as the "
           "last two; sections begin with a colon."),
    option("--map", "picture", type=click.Path(dir_okay=False), metavar="FILE",
           help="Draw WORDS in the plane to this .png file, or without any the most frequent."),
    option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, metavar="N",
           help="Of a --map of many words."),
    option("--json", "as_json", is_flag=True, help="Print the answer as one JSON object."),
)  # fmt: skip
@options.quiet
@options.debug
@click.pass_context
def analogy(ctx, words, questions, picture, seed, as_json, quiet, **choices):
    """Answer questions about words by their vectors.

    A single word has those nearest to it for an answer; with + and - between words, their
    directions are added and taken away: "paris - france + italy" asks what is to Italy as Paris is
    to France. "dltk text vectors" learns vectors.
    """
    given = {name for name in (*choices, "seed")
             if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE}  # fmt: skip
    if questions is not None and (words or picture):
        raise UsageError("--questions are asked alone, without words and --map")
    if picture is not None:
        _check_idle(given & {"top", "method", "restrict"}, "--map")
    if questions is not None:
        _check_idle(given & {"top"}, "--questions")
    if picture is None:
        _check_idle(given & {"seed"}, "an answer; it is about --map")

    def say(line: str) -> None:
        if not quiet:
            click.echo(line, err=True)

    if questions is not None:
        _evaluate(questions, choices, as_json, say)
    elif picture is not None:
        _draw(picture, words, choices["model"], seed, as_json, say)
    elif words:
        _answer(words, choices, as_json, say)
    else:
        raise UsageError("name words, such as: king - man + woman; or --questions or --map")


def _check_idle(given: set[str], what: str) -> None:
    for name in sorted(given):
        raise UsageError(f"--{name} has no meaning beside {what}")


def _answer(words, choices: dict, as_json: bool, say) -> None:
    from recipes.analogy import analogy as recipe

    def note(line: str) -> None:
        if line.startswith("note: "):  # nothing else: an answer is short
            say(line)

    quoted = len(words) == 1 and any(f" {sign} " in words[0] for sign in "+-")
    found = recipe(words[0] if quoted else words, **choices, report=note)
    if as_json:
        click.echo(json.dumps(found.to_dict(), ensure_ascii=False))
        return
    wide = max((len(printable(near.word)) for near in found.answers), default=0)
    for near in found.answers:
        click.echo(f"{printable(near.word):{wide}}  {near.score:.4f}")


def _evaluate(questions: str, choices: dict, as_json: bool, say) -> None:
    from recipes.analogy import evaluate_analogies

    del choices["top"]
    choices["restrict"] = choices["restrict"] or _RESTRICT
    measured = evaluate_analogies(questions, **choices, report=say)
    if as_json:
        click.echo(json.dumps(measured.to_dict(), ensure_ascii=False))
        return
    rows = (*measured.sections, *measured.totals)
    wide = max(len(printable(row.name)) for row in rows)
    click.echo(f"{'':{wide}}  accuracy     right     asked   unknown")
    for row in rows:
        share = "–" if row.accuracy is None else f"{row.accuracy:.1%}"
        counts = f"{row.right:8,}  {row.asked:8,}  {row.unknown:8,}"
        click.echo(f"{printable(row.name):{wide}}  {share:>8}  {counts}")


def _draw(picture: str, words, model: str, seed: int, as_json: bool, say) -> None:
    from recipes.analogy import draw_word_map

    count = draw_word_map(picture, model=model, words=words, seed=seed, report=say)
    if as_json:
        click.echo(json.dumps({"map": picture, "words": count}))
    say(f"map of {count} words in {printable(picture)}")
