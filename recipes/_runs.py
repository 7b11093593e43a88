"""What every training begins with: its run folder, its findings, its pictures, its precision."""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

from dltk.data.examples import unreadable
from dltk.errors import UsageError, printable
from dltk.models.find import is_file
from dltk.strategy import Placement, choose_training_precision, cores
from dltk.training.fit import agreed
from dltk.training.optimizers import RATES
from dltk.training.run import IN_MEMORY, RunFolder
from dltk.training.stage import Regime
from dltk.weights import Report, sha256
from dltk.wording import amount

_NOTES = 5
_PURPOSES = {"train": "to train on", "val": "to validate on", "test": "to test on"}


def begin_run(
    command: str,
    asked: SimpleNamespace,
    where: str,
    *,
    slug: str,
    files: Collection[str] = (),
    free: Collection[str],
    chief: bool,
) -> RunFolder:
    """Return the run folder of a training, new or the one to go on with.

    Args:
        asked: all options but the data.
        where: the data, as the user named it.
        slug: what follows the data's name in the folder's.
        files: options that name files, if they are not None: their content counts, too.
        free: options that a run that is gone on with may have changed.
        chief: whether this worker writes the folder.
    Raises:
        UsageError: the folder would lie in the data, a file is missing, or what
            `dltk.training.run.RunFolder.begin` raises.
    """
    name = Path(where).stem
    if not where.startswith("tfds:"):
        path = Path(where).absolute()
        where, name = str(path) if path.exists() else IN_MEMORY, path.stem
        folder = Path(asked.run_dir or asked.resume or "runs").resolve()
        if path.is_dir() and folder.is_relative_to(path.resolve()):
            raise UsageError(
                f"the run folder {printable(folder)} would lie in the data; "
                "name another place with --run-dir"
            )
    options = {n: v for n, v in vars(asked).items() if n not in ("resume", "run_dir")}
    for option in files:
        path = Path(options[option]).absolute()
        if not path.is_file():
            raise UsageError(f"--{option} {printable(options[option])}: no such file")
        options |= {option: str(path), f"{option}_sha256": sha256(path)}
    return RunFolder.begin(
        command,
        f"{name}-{slug}",
        {"data": where} | options,
        path=asked.run_dir,
        resume=asked.resume,
        free=free,
        chief=chief,
    )


def named_files(asked: SimpleNamespace, *names: str) -> list[str]:
    """Return which of the options `names` name a model file, and not a network of the catalog."""
    return [name for name in names if is_file(getattr(asked, name))]


def tell_findings(findings, report: Report) -> None:
    """Report what a check of the data found, the first few errors and warnings."""
    for found in (findings.errors, findings.warnings):
        for finding in found[:_NOTES]:
            report(f"note: {finding}")
        if found[_NOTES:]:
            report(f'note: and {len(found) - _NOTES} more, see "dltk data check"')


def unreadable_in(data, report: Report) -> dict[str, dict[int, str]]:
    """Decode all pictures; return index and reason of those that cannot be, by split."""
    unusable = {}
    for split, part in data.splits.items():
        tell_reading(split, len(part), report)
        unusable[split] = unreadable(part, threads=cores())
    return unusable


def tell_reading(split: str, count: int, report: Report) -> None:
    """Report that the pictures of a split are read."""
    report(f"reading {amount(count, 'picture')} {_PURPOSES[split]}")


def less(data, unusable: dict[str, dict[int, str]], report: Report):
    """Return `data` without pictures that cannot be read, and without splits that are then empty.

    Args:
        unusable: index and reason of each, by split.
    """
    whys = {
        data.splits[split].names[at]: why
        for split, told in unusable.items()
        for at, why in told.items()
    }
    for name, why in list(whys.items())[:_NOTES]:
        report(f"note: left out: {printable(name)}: {why}")
    if len(whys) > _NOTES:
        report(f'note: and {len(whys) - _NOTES} more, see "dltk data check"')
    data = data.without(unusable)
    return replace(data, splits={name: part for name, part in data.splits.items() if len(part)})


def keep_data(run: RunFolder, data, label: Callable[[object, int], str]) -> None:
    """Note in the run folder what is trained and measured on; or check that it is as it was.

    Args:
        label: from the pictures of a split and the place of one to what is known of it, in a few
            letters; called on several threads, as it may read files.
    """
    with ThreadPoolExecutor(cores()) as pool:
        labels = {
            split: pool.map(partial(label, part), range(len(part)))
            for split, part in data.splits.items()
        }
        run.keep_data(
            [
                {"path": name, "label": told, "split": split, "digest": digest}
                for split, part in data.splits.items()
                for name, told, digest in zip(part.names, labels[split], part.digests, strict=True)
            ]
        )


def agreed_precision(
    precision: str, model, placement: Placement, run: RunFolder, report: Report
) -> str:
    """Return the precision to train in, the same on all workers and when resumed."""

    def choose() -> str:
        chosen = choose_training_precision(precision, model, placement)
        same = agreed(placement.strategy, {"bfloat16": float(chosen == "bfloat16")})
        return chosen if same["bfloat16"] in (0.0, 1.0) else "float32"

    chosen = run.once("precision", choose)
    report(f"training in {chosen}")
    return chosen


def regime_of(asked: SimpleNamespace, **changes) -> Regime:
    """Return how weights are moved by the options `asked`, which are called as its fields are."""
    names = (name for name in Regime.__dataclass_fields__ if hasattr(asked, name))
    return Regime(**{name: getattr(asked, name) for name in names} | changes)


def rate_of(asked: SimpleNamespace) -> float | str:
    """Return the learning rate asked for, or that of the optimizer."""
    return RATES[asked.optimizer] if asked.lr is None else asked.lr
