"""Train a captioner on pictures of which people say something.

"Show and Tell" (Vinyals et al. 2014, https://arxiv.org/abs/1411.4555) and "Show, Attend and Tell"
(Xu et al. 2015, https://arxiv.org/abs/1502.03044), on any network of the catalog with maps of the
strides needed.

from recipes.train_captioner import train_captioner

done = train_captioner("flickr8k/", epochs=20)
print(done.model, done.evaluation.report.cider_d)
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from dltk.data.captions import check_captions, read_captions, split_captions
from dltk.data.datasets import CaptionData
from dltk.data.pipeline import fitting_batch_size
from dltk.strategy import Placement
from dltk.text.tokens import tokens
from dltk.weights import Report, silent
from recipes._captioner_plan import plan_of
from recipes._captioner_training import CaptionerTraining, check_pictures
from recipes._plans import require_words
from recipes._runs import named_files
from recipes._trainings import DataKind, Trained, asked_for, begun, defaults_of, finished, gone_on

_COMMAND = "train captioner"
_KIND = DataKind(CaptionData, read_captions, split_captions, check_captions)


@dataclass(frozen=True, kw_only=True)
class TrainedCaptioner(Trained):
    """A finished training, see `recipes._trainings.Trained`.

    Attributes:
        words: how many the captioner knows.
        evaluation: a `recipes._caption_evaluation.CaptionEvaluation`.
    """

    words: int


def train_captioner(
    data,
    *,
    preset: str = "show-attend-tell",
    cell: str = "lstm",
    units: int = 256,
    embedding: int = 256,
    vectors: str | os.PathLike | None = None,
    attention: int = 128,
    places: int = 256,
    backbone: str = "efficientnet-lite0",
    size: int = 224,
    unfreeze: str | int = "all",
    min_count: int = 2,
    longest: int = 50,
    dropout: float = 0.3,
    stochastic: float = 0.0,
    sampling: float = 0.0,
    judge: str = "cider",
    epochs: int = 20,
    tune_epochs: int = 0,
    batch_size: int = 64,
    lr: float | str | None = None,
    backbone_lr: float | None = None,
    optimizer: str = "adam",
    schedule: str = "cosine",
    warmup: float = 0.5,
    weight_decay: float = 0.0,
    augment: str = "none",
    flip: bool = False,
    patience: int = 5,
    clip: float = 5.0,
    ema: float = 0.0,
    val_share: float = 0.1,
    test_share: float = 0.1,
    seed: int = 0,
    devices: str = "auto",
    strategy: str = "auto",
    precision: str = "auto",
    save_every: float = 30.0,
    run_dir: str | os.PathLike | None = None,
    resume: str | os.PathLike | None = None,
    report: Report = silent,
) -> TrainedCaptioner:
    """Train a captioner on pictures with captions.

    First what speaks is trained, on what the backbone sees, which is worked out once and kept; and
    then, if that is asked for, both together.

    Args:
        data: what `dltk.data.captions.read_captions` takes (Karpathy's JSON, COCO's captions,
            Flickr's token files, a CSV file, texts beside pictures, "tfds:NAME"), or CaptionData.
            What is not divided is split, seeded.
        preset: "show-attend-tell" looks at the picture anew for every word, "show-tell" once.
        cell: "lstm", "gru", or "plain": h = tanh(W_i x + W_r h + b).
        units, embedding, attention: see `dltk.layers.caption_decoder.CaptionDecoder`.
        vectors: a file of word2vec's or GloVe's, see `dltk.text.vectors.read_vectors`: words that
            it has begin with its vectors, and are learnt on; `embedding` is their size.
        places: channels of a place, see `dltk.layers.places.Places`.
        backbone: a name in the catalog or a `.keras` file of a classifier, with its own weights.
        size: of the square that pictures are drawn to, in pixels; a multiple of 32.
        unfreeze: train so many top layers of the backbone in the end: a number, or "all". Only
            layers with weights count, and batch normalisation stays frozen.
        min_count: how often a word must be said to be learnt.
        longest: words of a caption, at most; what is behind is cut off.
        dropout: see `CaptionDecoder`.
        stochastic: λ of Xu et al. 2015, Eq. 14, see `dltk.models.captioner.learning.Learner`.
        sampling: how often, by the end of each stage, the captioner's own last word stands for the
            true one in training: scheduled sampling (Bengio et al. 2015), rising evenly.
        judge: "cider" or "bleu4": what of the captions written for validation pictures chooses
            the best epoch.
        epochs: at most, with the backbone as it is.
        tune_epochs: then, with the layers of the backbone that `unfreeze` names; 0 for none.
        batch_size: captions in a step, over all replicas; in the end, a quarter as many pictures.
        lr: the highest learning rate, or "auto" to look for one; None for that of the optimizer.
        backbone_lr: that of the backbone's layers; a tenth of the other if None.
        optimizer, schedule, warmup, weight_decay, clip, ema: see `dltk.training.stage.Regime`.
        augment, flip: how pictures are varied while the backbone is trained, see
            `dltk.data.augment`. Left and right mean something in most captions.
        patience: stop a stage after so many epochs without progress on validation data; 0: never.
        val_share, test_share: of data that is not divided.
        seed: of splits, order, augmentation, initial weights and dropout.
        devices, strategy: see `dltk.strategy.place_training`.
        precision: of the backbone while it is trained, see
            `dltk.strategy.choose_training_precision`.
        save_every: seconds between saves of the state.
        run_dir: exactly where to put the run folder.
        resume: a run folder to go on with; all options must be as they were.
        report: called with a line now and then.
    Raises:
        UsageError: unknown names, options that do not go together, data or options that differ
            from those of the run to go on with.
        DltkError: data that cannot be trained on, a loss that is no longer a number, a full disk.
        InterruptedRunError: Ctrl-C; the message has the command that goes on.
        WeightsError: weights, or a data set, out of reach.
    """
    asked = asked_for(locals())
    plan = plan_of(asked, defaults_of(train_captioner))

    def fits(data: CaptionData, placement: Placement) -> None:
        fitting_batch_size(batch_size, len(data.splits["train"]), placement.replicas)
        if tune_epochs:
            check_pictures(batch_size, placement.replicas)
        told = data.splits["train"].captions
        said = (tokens(caption) for captions in told for caption in captions)
        require_words(said, min_count, "training captions")

    files = named_files(asked, "backbone") + ["vectors"] * (vectors is not None)
    about = {"slug": asked.preset, "files": files, "fits": fits}
    with begun(_COMMAND, asked, data, _KIND, **about, report=report) as begins:
        training = CaptionerTraining(asked, plan, *begins)
        network = training.train()
        words = training.vocabulary.words
        about = {"task": "caption", "labels": words, "words": len(words)}
        return finished(training, network, TrainedCaptioner, **about)


def resume_train_captioner(
    run: str | os.PathLike, *, report: Report = silent, **free
) -> TrainedCaptioner:
    """Go on with the run in a folder, with the data and options it was begun with.

    Args:
        free: options that may be others now: data, devices, strategy, save_every.
    """
    return gone_on(train_captioner, _COMMAND, run, report, free)
