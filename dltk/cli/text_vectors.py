"""`dltk text vectors`."""

from __future__ import annotations

import click

from dltk.cli import options, training
from dltk.cli.sections import SectionCommand, option, section


@click.command(
    cls=SectionCommand,
    short_help="Learn vectors of words from running text.",
    epilog="\b\nExamples:\n"
    "  dltk text vectors corpus.txt\n"
    "  dltk text vectors wiki/ --size 300 --negatives 10 --phrases 2\n"
    "  dltk text vectors 'novels/*.txt' --preset cbow --epochs 10 --text\n"
    "  dltk text vectors --resume runs/text-vectors/001-corpus-skip-gram",
)
@click.argument("data", nargs=-1, metavar="[DATA]...")
@section(
    "Vectors",
    option("--preset", type=click.Choice(["skip-gram", "cbow"]), default="skip-gram",
           help="Each word predicts those around it; or they, together, predict it."),
    option("--size", type=training.COUNT, default=100, metavar="N", help="Numbers of a vector."),
    option("--window", type=click.IntRange(1, 100), default=5, metavar="N",
           help="Words on each side that count as near, at most."),
    option("--negatives", type=training.COUNT, default=5, metavar="N",
           help="Words drawn by chance for each that is predicted; 2 may do for very long text, "
           "short text wants up to 20."),
    option("--subsample", type=options.Share(0, 1), default=1e-3, metavar="SHARE",
           help="Words that are a larger share of the text are left out by chance; 0: none are."),
)  # fmt: skip
@section(
    "Words",
    option("--unit", type=click.Choice(["word", "space"]), default="word",
           help="What a word is; space is what stands between spaces."),
    option("--lower/--keep-case", default=True, help="Whether in lower case."),
    option("--min-count", type=training.COUNT, default=5, metavar="N",
           help="How often a word must be there to be known."),
    option("--vocabulary", type=click.IntRange(2), metavar="N",
           help="Words that are known, at most.  [default: all]"),
    option("--phrases", type=click.IntRange(0), default=0, metavar="N",
           help="Look N times for pairs that are one phrase, such as new_york; 2 finds longer "
           "ones too."),
    option("--phrase-threshold", type=training.NUMBER, default=100.0, metavar="SCORE",
           help="Higher finds fewer phrases."),
    option("--phrase-discount", type=training.NUMBER, default=5.0, metavar="N",
           help="Taken off how often a pair is there, so that rare ones are no phrases."),
)  # fmt: skip
@section(
    "Training",
    option("--epochs", type=training.COUNT, default=5, metavar="N",
           help="How often the text is learnt from."),
    option("--batch-size", type=training.COUNT, default=8192, metavar="N",
           help="Words in one step, over all replicas, at most; short text has smaller steps."),
    option("--lr", type=training.POSITIVE, metavar="RATE",
           help="The learning rate at the beginning, from which it falls.  [default: 0.025, of "
           "cbow 0.2]"),
    training.SEED,
)  # fmt: skip
@training.run_options(
    "runs/text-vectors",
    option("--text", is_flag=True, help="Write vectors.txt too, beside vectors.bin."),
    precision=False,
)
@options.quiet
@options.debug
@click.pass_context
def vectors(ctx, data, **choices):
    """Learn vectors of words, so that words that are used alike are near each other.

    DATA is running text: files, folders that are searched for .txt, .text and .md, or patterns.
    Of any size, but some millions of words at least. Windows end at the ends of lines.

    Everything goes to a run folder: vectors.bin in word2vec's format, report.md with words and
    those nearest to them, and a map of the most frequent words. A run that was stopped, however it
    was, goes on with --resume and ends as if it had not been.
    """
    from recipes.train_vectors import resume_train_vectors, train_vectors

    where = (data[0] if len(data) == 1 else list(data)) if data else None
    use = "dltk text analogy -m FILE WORD"
    about = {"tables": lambda evaluation: "", "use": use}
    training.train(ctx, where, choices, train_vectors, resume_train_vectors, **about)
