"""Train a generator of pictures like your own.

DCGAN (Radford et al. 2015, https://arxiv.org/abs/1511.06434), with what was found since to be good
for it, or BEGAN (Berthelot et al. 2017, https://arxiv.org/abs/1703.10717).

from recipes.train_gan import train_gan

done = train_gan("faces/", size=64, epochs=100)
print(done.model, done.evaluation.likeness.fid)
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from dltk.data import check_data, read_data, split_data
from dltk.data.datasets import LabelledData, PictureData
from dltk.data.plain import check_pictures, read_pictures, split_pictures
from dltk.strategy import Placement
from dltk.weights import Report, silent
from recipes._gan_plan import plan_of
from recipes._gan_training import GanTraining, check_count
from recipes._trainings import (
    DataKind,
    Trained,
    asked_for,
    begun,
    defaults_of,
    finished,
    gone_on,
    pictures_a_step,
)

_COMMAND = "train gan"
_PLAIN = DataKind(PictureData, read_pictures, split_pictures, check_pictures)
_CLASSES = DataKind(LabelledData, read_data, split_data, check_data)


@dataclass(frozen=True, kw_only=True)
class TrainedGan(Trained):
    """A finished training, see `recipes._trainings.Trained`.

    Attributes:
        classes: names of the classes that can be asked for, if there are any.
        evaluation: a `recipes._generation_evaluation.GenerationEvaluation`; of pictures to test
            on or, as is usual for generators, of those learnt from.
    """

    classes: tuple[str, ...]


def train_gan(
    data,
    *,
    preset: str = "dcgan",
    size: int = 64,
    channels: str = "auto",
    noise: int | None = None,
    width: int = 64,
    by_class: bool = False,
    upsampling: str = "transposed",
    spectral: bool = False,
    loss: str = "cross-entropy",
    smoothing: float = 0.0,
    gradient_penalty: float | None = None,
    r1: float = 0.0,
    critics: int | None = None,
    vary: str = "none",
    balance: float = 0.5,
    epochs: int = 100,
    batch_size: int = 64,
    lr: float | None = None,
    discriminator_lr: float | None = None,
    beta: float | None = None,
    schedule: str = "constant",
    ema: float = 0.0,
    judge_every: int = 0,
    samples: int = 2000,
    flip: bool = False,
    test_share: float = 0.0,
    seed: int = 0,
    devices: str = "auto",
    strategy: str = "auto",
    precision: str = "auto",
    save_every: float = 30.0,
    run_dir: str | os.PathLike | None = None,
    resume: str | os.PathLike | None = None,
    report: Report = silent,
) -> TrainedGan:
    """Train a generator on pictures, whatever is on them.

    Args:
        data: what `dltk.data.plain.read_pictures` takes (a folder, searched to the bottom; a CSV
            file with a column path; "tfds:NAME"), or PictureData; `by_class`, what
            `dltk.data.read_data` takes, or LabelledData.
        preset: "dcgan", or "began", whose discriminator is an auto-encoder that is kept in balance
            with the generator.
        size: pixels of a side: 28, 32, 64, 128 or 256. Of each picture the square in the middle is
            taken; smaller ones are enlarged.
        channels: "grey", "colour", or "auto": grey if all pictures are.
        noise: numbers from which a picture is made; 100, of "began" 64, if None.
        width: channels of the finest hidden layer; 128 in both papers.
        by_class: of "dcgan": let the generator be asked for pictures of a class.
        upsampling: of "dcgan": "transposed" convolutions as in the paper, or "nearest", which
            leaves no checkerboard, see `dltk.models.gan.dcgan.Design`.
        spectral: of "dcgan", as all of the game but `balance`: hold the discriminator in by
            spectral normalisation (Miyato et al. 2018) in place of batch normalisation.
        loss: "cross-entropy", "hinge", "least-squares" or "wasserstein", see
            `dltk.losses.adversarial`. The last comes with a gradient penalty of 10, 5 turns of the
            discriminator, and rates of Gulrajani et al. 2017, unless others are given.
        smoothing: how far below 1 real pictures are to be scored by cross-entropy, such as 0.1.
        gradient_penalty, r1: weights of penalties on the discriminator's gradients, see
            `dltk.losses.adversarial`. Its layers are normalised picture by picture then, not by
            batch.
        critics: turns of the discriminator in a step; 1 if None.
        vary: how real and made pictures are varied alike for the discriminator, which helps where
            pictures are few: "none", "all", or some of "colour,translation,cutout", see
            `dltk.ops.diff_augment`.
        balance: of "began", γ: lower for better and less varied pictures.
        epochs: of as many steps as the pictures fill batches. The last one's networks are kept,
            unless `judge_every` finds better ones.
        batch_size: pictures in a step, over all replicas, 2 or more; 128 in the paper.
        lr: the learning rate, 0.0002, of "began" 0.0001, if None.
        discriminator_lr: that of the discriminator; the same if None.
        beta: how much of its mean of gradients Adam keeps; 0.5 if None.
        schedule: how the rate goes down, see `dltk.training.optimizers.Schedule`.
        ema: average the generator's weights over steps with this momentum, such as 0.999, for the
            pictures that are shown, measured, and made in the end; 0 for none.
        judge_every: measure FID-lite0 after so many epochs, by 1,000 pictures at most, and keep the
            best networks; 0 for never. It takes 8 pictures.
        samples: pictures made to measure the generator by in the end, by as many real ones if there
            are so many; 0 to leave that out.
        flip: whether pictures may be mirrored; not where left and right mean something.
        test_share: of the pictures to measure by at the end; without any, it is measured by those
            learnt from, as is usual for generators.
        seed: of initial weights, order, noise and variation.
        devices, strategy: see `dltk.strategy.place_training`. Each replica normalises its share of
            a batch by itself.
        precision: "float32", "bfloat16", or "auto", see
            `dltk.strategy.choose_training_precision`.
        save_every: seconds between saves of the state: both networks, both optimizers, averages.
        run_dir: exactly where to put the run folder.
        resume: a run folder to go on with; all options must be as they were.
        report: called with a line now and then, and with a warning where the networks collapse.
    Raises:
        UsageError: unknown names, options that do not go together, fewer than two pictures, data or
            options that differ from those of the run to go on with.
        DltkError: data that cannot be trained on, a loss that is no longer a number, a full disk.
        InterruptedRunError: Ctrl-C; the message has the command that goes on.
        WeightsError: a data set out of reach.
    """
    asked = asked_for(locals())
    plan = plan_of(asked, defaults_of(train_gan))
    kind = _CLASSES if by_class else _PLAIN

    def fits(data, placement: Placement) -> str:
        check_count(len(data.splits["train"]), judged=bool(judge_every))
        return pictures_a_step(batch_size, data, placement)

    about = {"slug": asked.preset, "fits": fits}
    with begun(_COMMAND, asked, data, kind, **about, report=report) as begins:
        training = GanTraining(asked, plan, *begins)
        generator = training.train()
        return finished(
            training,
            generator,
            TrainedGan,
            task="generate",
            labels=training.classes,
            metrics=lambda evaluation: evaluation.measures,
            classes=training.classes,
        )


def resume_train_gan(run: str | os.PathLike, *, report: Report = silent, **free) -> TrainedGan:
    """Go on with the run in a folder, with the data and options it was begun with.

    Args:
        free: options that may be others now: data, devices, strategy, save_every.
    """
    return gone_on(train_gan, _COMMAND, run, report, free)
