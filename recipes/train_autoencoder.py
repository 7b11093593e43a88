"""Train an auto-encoder: what brings pictures down to a few numbers, and back.

Hinton & Salakhutdinov 2006, "Reducing the Dimensionality of Data with Neural Networks",
https://doi.org/10.1126/science.1127647; what is done otherwise is told in
`dltk.models.autoencoder`. Principal components stand beside it in all that is measured.

from recipes.train_autoencoder import train_autoencoder

done = train_autoencoder("digits/", codes=2)
print(done.model, done.evaluation.report.own)
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from dltk.errors import UsageError
from dltk.strategy import Placement
from dltk.weights import Report, silent
from recipes._autoencoder_data import KIND
from recipes._autoencoder_plan import plan_of
from recipes._autoencoder_training import AutoencoderTraining
from recipes._trainings import (
    Trained,
    asked_for,
    begun,
    finished,
    gone_on,
    pictures_a_step,
)

_COMMAND = "train autoencoder"


@dataclass(frozen=True, kw_only=True)
class TrainedAutoencoder(Trained):
    """A finished training, see `recipes._trainings.Trained`.

    Attributes:
        evaluation: a `recipes._autoencoder_evaluation.AutoencoderEvaluation`.
    """


def train_autoencoder(
    data,
    *,
    preset: str = "deep",
    codes: int = 2,
    size: int = 28,
    channels: str = "auto",
    compare: str | None = None,
    epochs: int = 40,
    batch_size: int = 32,
    loss: str = "squared",
    lr: float | str | None = None,
    optimizer: str = "adam",
    schedule: str = "cosine",
    warmup: float = 0.5,
    weight_decay: float = 0.0,
    patience: int = 0,
    clip: float = 5.0,
    ema: float = 0.0,
    val_share: float = 0.15,
    test_share: float = 0.15,
    seed: int = 0,
    devices: str = "auto",
    strategy: str = "auto",
    precision: str = "auto",
    save_every: float = 30.0,
    run_dir: str | os.PathLike | None = None,
    resume: str | os.PathLike | None = None,
    report: Report = silent,
) -> TrainedAutoencoder:
    """Train an auto-encoder on pictures.

    Args:
        data: what `dltk.data.plain.read_pictures` takes, or `dltk.data.read_data`: classes play no
            part in training, but where they are known, they are used to look at the codes. Or what
            these return. What is not divided is split, seeded.
        preset: "deep", the paper's dense layers; or "conv", convolutions.
        codes: numbers that a picture is brought down to.
        size: pixels of a side that pictures are brought to; of what is not square, the middle.
            For "conv" a multiple of 4 up to 32, of 8 up to 64, of 16 up to 128, of 32 up to 256.
        channels: "grey", "colour", or "auto": grey if all pictures are.
        compare: other numbers of codes, such as "2-8" or "2,4,8": networks of these are trained
            too, one after the other, and their errors drawn in one diagram.
        epochs: at most, see `patience`.
        batch_size: pictures in a step, over all replicas.
        loss: "squared", the squared error that is measured; or "cross-entropy", as in the paper.
        lr: the highest learning rate, or "auto" to look for one; None for that of the optimizer.
        optimizer, schedule, warmup, weight_decay, clip, ema: see `dltk.training.stage.Regime`.
        patience: stop after so many epochs without progress on validation data; 0: never.
        val_share, test_share: of data that is not divided.
        seed: of splits, order and initial weights.
        devices, strategy: see `dltk.strategy.place_training`.
        precision: "float32", "bfloat16", "float16", or "auto", see
            `dltk.strategy.choose_training_precision`.
        save_every: seconds between saves of the state.
        run_dir: exactly where to put the run folder.
        resume: a run folder to go on with; all options must be as they were.
        report: called with a line now and then.
    Raises:
        UsageError: unknown names, options that do not go together, fewer than two pictures, data
            or options that differ from those of the run to go on with.
        DltkError: a loss that is no longer a number, a full disk.
        InterruptedRunError: Ctrl-C; the message has the command that goes on.
        WeightsError: a data set out of reach.
    """
    asked = asked_for(locals())
    plan = plan_of(asked)

    def fits(data, placement: Placement) -> str:
        if len(data.splits["train"]) < 2:
            raise UsageError(
                "one picture is too few: codes are learnt from what pictures differ in"
            )
        return pictures_a_step(batch_size, data, placement)

    about = {"fits": fits, "slug": f"{preset}-{codes}"}
    with begun(_COMMAND, asked, data, KIND, **about, report=report) as begins:
        training = AutoencoderTraining(asked, plan, *begins)
        network = training.train()
        return finished(training, network, TrainedAutoencoder, task="autoencode", labels=())


def resume_train_autoencoder(
    run: str | os.PathLike, *, report: Report = silent, **free
) -> TrainedAutoencoder:
    """Go on with the run in a folder, with the data and options it was begun with.

    Args:
        free: options that may be others now: data, devices, strategy, save_every.
    """
    return gone_on(train_autoencoder, _COMMAND, run, report, free)
