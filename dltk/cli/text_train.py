"""`dltk text train`."""

from __future__ import annotations

import inspect

import click
from click.core import ParameterSource

from dltk.cli import options, training
from dltk.cli.sections import NumberOr, SectionCommand, option, section
from dltk.errors import UsageError

TASKS = ("classify", "generate")
_PRESETS = ("textcnn", "lstm", "bilstm", "gru", "rnn", "bow")
_OPTIMIZERS = ("sgd", "momentum", "nesterov", "rmsprop", "adadelta", "adam", "adamw")
_SCHEDULES = ("constant", "step", "cosine", "poly", "linear")
_OF_COMMAND = {"as_json", "quiet"}


# Defaults are the recipes', and differ from task to task: here they are only told.
@click.command(
    cls=SectionCommand,
    short_help="Train a classifier or a generator of texts.",
    epilog="\b\nExamples:\n"
    "  dltk text train reviews.csv\n"
    "  dltk text train mails/ --preset bilstm --folds 10\n"
    "  dltk text train reviews.csv --embedding non-static --vectors vectors.bin\n"
    "  dltk text train --task generate novels/*.txt --units 512\n"
    "  dltk text train --resume runs/text-train/001-reviews-textcnn",
)
@click.argument("data", nargs=-1, metavar="[DATA]...")
@click.option("--task", type=click.Choice(TASKS), help="What to learn.  [default: classify]")
@section(
    "Network",
    option("--preset", type=click.Choice(_PRESETS),
           help="textcnn, bilstm and bow classify; lstm, gru and rnn do both.  "
           "[default: textcnn, to generate lstm]"),
    option("--units", type=training.COUNT, metavar="N",
           help="Of recurrent networks.  [default: 128, to generate 256]"),
    option("--layers", type=training.COUNT, metavar="N",
           help="Recurrent ones, of a generator.  [default: 2]"),
    option("--windows", metavar="N,N", help="Words that filters of textcnn see at once.  "
           "[default: 3,4,5]"),
    option("--maps", type=training.COUNT, metavar="N",
           help="Filters of each window.  [default: 100]"),
    option("--max-norm", type=training.NUMBER, metavar="NORM",
           help="Largest norm of a class's weights in textcnn; 0 for any.  [default: 3.0]"),
    option("--dropout", type=options.Share(0, 0.95), metavar="SHARE",
           help="Left out in training.  [default: 0.5, to generate 0.0]"),
)  # fmt: skip
@section(
    "Words",
    option("--unit", type=click.Choice(["word", "space", "character"]),
           help="What a token is; space is what stands between spaces, to classify.  "
           "[default: word, to generate character]"),
    option("--lower/--keep-case", default=None,
           help="Whether in lower case.  [default: True, to generate False]"),
    option("--marks/--no-marks", default=None,
           help="Whether commas and their like are words, to classify.  [default: True]"),
    option("--min-count", type=training.COUNT, metavar="N",
           help="How often a token must be there to be known.  [default: 2]"),
    option("--vocabulary", type=training.COUNT, metavar="N",
           help="Tokens that are known, at most.  [default: 20000; all characters]"),
    option("--size", type=training.COUNT, metavar="N",
           help="Of a token's vector.  [default: 128; to generate words 256, characters 64]"),
    option("--embedding", type=click.Choice(["random", "static", "non-static", "both"]),
           help="How vectors of words begin, and whether they are learnt, to classify.  "
           "[default: random]"),
    option("--vectors", type=click.Path(), metavar="FILE",
           help="Vectors to begin with, of word2vec or GloVe."),
    option("--length", type=NumberOr(int, "auto", open_end=True), metavar="N|auto",
           help="Tokens of a text that are looked at, auto for what 95 of 100 texts have no more "
           "than, 2000 at most; of a window of a generator.  [default: auto, to generate 100]"),
)  # fmt: skip
@section(
    "Training",
    option("--epochs", type=training.COUNT, metavar="N",
           help="At most; see --patience.  [default: 20]"),
    option("--batch-size", type=training.COUNT, metavar="N",
           help="Texts or windows in one step, over all replicas.  [default: 50, to generate 32]"),
    option("--lr", type=NumberOr(float, "auto", open_end=True), metavar="RATE|auto",
           help="The highest learning rate; auto looks for one.  [default: 0.001, to generate "
           "0.004]"),
    option("--optimizer", type=click.Choice(_OPTIMIZERS), help="[default: adam]"),
    option("--schedule", type=click.Choice(_SCHEDULES),
           help="How the learning rate goes down.  [default: cosine]"),
    option("--warmup", type=training.NUMBER, metavar="EPOCHS",
           help="How long it goes up first.  [default: 0.5, to generate 0.0]"),
    option("--weight-decay", type=training.NUMBER, metavar="SHARE",
           help="Apart from the gradient.  [default: 0.0]"),
    option("--patience", type=click.IntRange(0), metavar="N",
           help="Stop after so many epochs without progress; 0 for never.  [default: 5, to "
           "generate 3]"),
    option("--clip", type=training.NUMBER, metavar="NORM",
           help="Largest norm of the gradient; 0 for any.  [default: 5.0]"),
    option("--ema", type=training.SHARE, metavar="MOMENTUM",
           help="Average the weights over steps, such as 0.99.  [default: 0.0]"),
    option("--class-weights", type=click.Choice(["none", "balanced"]),
           help="balanced weighs texts of rare classes more.  [default: none]"),
    option("--judge", type=click.Choice(["accuracy", "macro-f1"]),
           help="What chooses a classifier's best epoch.  [default: accuracy]"),
    option("--folds", type=click.IntRange(0), metavar="K",
           help="Train K classifiers more, each measured on a part that it has not seen.  "
           "[default: 0]"),
    option("--prompt", metavar="TEXT",
           help="What a generator's samples go on from after each epoch."),
)  # fmt: skip
@section(
    "Data",
    option("--text-column", metavar="NAME|N",
           help="Of tables: its name, or its number where there is no header."),
    option("--label-column", metavar="NAME|N", help="The same, of the classes."),
    option("--val-share", type=training.SHARE, metavar="SHARE",
           help="Of the texts, to validate on; of a running text the end.  [default: 0.1, to "
           "generate 0.05]"),
    option("--test-share", type=training.SHARE, metavar="SHARE",
           help="To measure on at the end.  [default: 0.1, to generate 0.05]"),
    option("--seed", type=click.IntRange(0, 2**32 - 1), metavar="N",
           help="Of all that is random.  [default: 0]"),
)  # fmt: skip
@training.run_options("runs/text-train")
@options.offline
@options.quiet
@options.debug
@click.pass_context
def train(ctx, data, task, **choices):
    """Learn to tell texts apart, or to write more like them.

    To classify, DATA is a folder with a folder of text files for each class; a .csv, .tsv or .jsonl
    file with the columns text and label and maybe split; lines of fastText; or tfds:NAME. To
    generate, it is files or folders of running text.

    Everything goes to a run folder: best.keras with its vocabulary, report.md, curves, the worst
    mistakes or samples of each epoch. A run that was stopped, however it was, goes on with --resume
    and ends as if it had not been.
    """
    task = task or _task_of(choices["resume"])
    recipe, resume, tables, use = _of(task)
    known = inspect.signature(recipe).parameters
    for name in set(choices) - set(known) - _OF_COMMAND:
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            other = TASKS[1 - TASKS.index(task)]
            raise UsageError(f"--{name.replace('_', '-')} is about --task {other}")
    given = {
        name: value
        for name, value in choices.items()
        if name in _OF_COMMAND | {"resume"} or (name in known and value is not None)
    }
    if task == "classify" and len(data) > 1:
        raise UsageError(f"classified texts are in one place, not in {len(data)}; name one DATA")
    where = (data[0] if len(data) == 1 else list(data)) if data else None
    training.train(ctx, where, given, recipe, resume, tables=tables, use=use)


def _task_of(run: str | None) -> str:
    """Return the task of the run to go on with, as its folder tells; the usual one without any."""
    from dltk.training.run import command_of

    return "generate" if run and "generate" in command_of(run) else TASKS[0]


def _of(task: str):
    """Return recipe, what goes on with its runs, what shows its evaluation, and what it is for."""
    if task == "classify":
        from dltk.cli.evaluate import tables
        from recipes.train_text_classifier import (
            resume_train_text_classifier,
            train_text_classifier,
        )

        use = "dltk text classify TEXTS -m FILE"
        return train_text_classifier, resume_train_text_classifier, tables, use
    from dltk.cli.evaluate_text_generation import text_generation_tables
    from recipes.train_text_generator import resume_train_text_generator, train_text_generator

    use = "dltk text generate -m FILE"
    return train_text_generator, resume_train_text_generator, text_generation_tables, use
