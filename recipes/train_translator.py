"""Train a translator: what turns pictures of one domain into another's, and back.

CycleGAN (Zhu et al. 2017, https://arxiv.org/abs/1703.10593). It learns from pictures of both that
do not belong together: horses and zebras, photos and paintings, summer and winter.

from recipes.train_translator import train_translator

done = train_translator("horses/", "zebras/", epochs=100)
print(done.model, done.domains)
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial

import numpy as np

from dltk.data import check_data, split_data
from dltk.data.datasets import LabelledData
from dltk.data.domains import read_domains
from dltk.data.pipeline import fitting_batch_size
from dltk.data.readers import TFDS
from dltk.errors import UsageError
from dltk.strategy import Placement
from dltk.weights import Report, silent
from recipes._trainings import FREE, DataKind, Trained, asked_for, begun, finished, gone_on
from recipes._translator_plan import check_domains, plan_of
from recipes._translator_training import TranslatorTraining

_COMMAND = "train translator"


@dataclass(frozen=True, kw_only=True)
class TrainedTranslator(Trained):
    """A finished training, see `recipes._trainings.Trained`.

    Attributes:
        domains: the names of the two.
        evaluation: None: no number tells how good it is.
    """

    domains: tuple[str, str]


def train_translator(
    data,
    other: str | os.PathLike | None = None,
    *,
    size: int = 128,
    width: int = 64,
    blocks: int | None = None,
    cycle: float = 10.0,
    identity: float = 0.5,
    pool: int = 50,
    epochs: int = 200,
    batch_size: int = 1,
    lr: float = 2e-4,
    schedule: str = "linear",
    flip: bool = True,
    seed: int = 0,
    devices: str = "auto",
    strategy: str = "auto",
    precision: str = "auto",
    save_every: float = 30.0,
    run_dir: str | os.PathLike | None = None,
    resume: str | os.PathLike | None = None,
    report: Report = silent,
) -> TrainedTranslator:
    """Train a translator between two domains of pictures.

    Args:
        data, other: pictures of the first domain and of the second; or `data` alone, of both: see
            `dltk.data.domains.read_domains`, or what it returns. The domains are called after their
            folders. Pictures in splits "test" or "val" are not learnt from but shown on the sheets.
            One picture of a domain is enough to learn its colours and textures.
        size: pixels of a side of the squares that are learnt from, a multiple of 4.
        width: channels of the first layer of all networks.
        blocks: of each generator; if None, 6 up to 128 pixels, else 9.
        cycle: weight of the cycle loss: how much of a picture is to be kept.
        identity: that of the identity loss, as a share of the other: how much a picture that is of
            the domain already is to stay as it is, colours above all. 0 for none.
        pool: made pictures of each domain that are kept, for the discriminators to see again; 500
            at most, as each step goes through all of them.
        epochs: of as many steps as the larger domain has batches. The last one counts.
        batch_size: pictures of each domain in a step, over all replicas.
        lr: the highest learning rate.
        schedule: how it goes down, see `dltk.training.optimizers.Schedule`.
        flip: whether pictures may be mirrored; squares are cut by chance in any case.
        seed: of order, squares, pools and initial weights.
        devices, strategy: see `dltk.strategy.place_training`.
        precision: "float32", "bfloat16", or "auto", see
            `dltk.strategy.choose_training_precision`.
        save_every: seconds between saves of the state.
        run_dir: exactly where to put the run folder.
        resume: a run folder to go on with; all options must be as they were.
        report: called with a line now and then.
    Raises:
        UsageError: options that cannot be, not two domains, data or options that differ from those
            of the run to go on with.
        DltkError: data that cannot be trained on, a loss that is no longer a number, a full disk.
        InterruptedRunError: Ctrl-C; the message has the command that goes on.
        WeightsError: a data set out of reach.
    """
    asked = asked_for(locals())
    if isinstance(data, LabelledData) and other is not None:
        raise UsageError("data in memory are of both domains already: name no other")
    asked.other = _absolute(other)
    plan = plan_of(asked)
    kind = DataKind(LabelledData, partial(read_domains, other=asked.other), split_data, check_data)

    def fits(data: LabelledData, placement: Placement) -> str:
        check_domains(data)
        longest = int(np.bincount(data.splits["train"].labels).max())
        fitting = fitting_batch_size(batch_size, longest, placement.replicas)
        return f"{fitting // placement.replicas} pictures of each domain a replica and step"

    about = {"fits": fits, "slug": "translator", "free": FREE | {"other"}}
    with begun(_COMMAND, asked, data, kind, **about, report=report) as begins:
        training = TranslatorTraining(asked, plan, *begins)
        network = training.train()
        domains = training.data.classes
        about = {"task": "translate", "labels": domains, "domains": domains}
        return finished(training, network, TrainedTranslator, **about)


def resume_train_translator(
    run: str | os.PathLike, *, report: Report = silent, **free
) -> TrainedTranslator:
    """Go on with the run in a folder, with the data and options it was begun with.

    Args:
        free: options that may be others now: data, other, devices, strategy, save_every.
    """
    return gone_on(train_translator, _COMMAND, run, report, free)


def _absolute(other: str | os.PathLike | None) -> str | None:
    text = None if other is None else os.fspath(other)
    return text if not text or text.startswith(TFDS) else os.path.abspath(text)
