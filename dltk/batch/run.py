"""Run a recipe over a batch: what is done stays done, what fails is recorded and passed over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from dltk.batch.inputs import Inputs, Item
from dltk.batch.record import Record
from dltk.errors import PipeClosedError


@dataclass
class Tally:
    """How a batch went.

    Attributes:
        total: inputs of the batch; None where nobody knows.
        done: finished in this run.
        kept: finished in an earlier run.
        failed: inputs that could not be used.
        failures: (name, reason) of the first of them.
        interrupted: whether the user stopped it.
        stopped: whether it stopped at a failure, as asked.
    """

    total: int | None
    done: int = 0
    kept: int = 0
    failed: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)
    interrupted: bool = False
    stopped: bool = False

    SHOWN_FAILURES = 10

    @property
    def exit_code(self) -> int:
        """0 done; 3 finished or stopped with failures; 130 interrupted."""
        if self.interrupted:
            return 130
        return 3 if self.failed else 0

    def count(self, fields: dict, *, kept: bool) -> None:
        """Count one line of the record."""
        if fields["status"] != "ok":
            self.failed += 1
            if len(self.failures) < self.SHOWN_FAILURES:
                line = f":{fields['line']}" if "line" in fields else ""
                self.failures.append((f"{fields['path']}{line}", fields["error"]))
        elif kept:
            self.kept += 1
        else:
            self.done += 1


def run_batch(
    recipe: Callable[[list[Item]], Iterable],
    inputs: Inputs,
    *,
    record: Record | None = None,
    emit: Callable[[dict], None] | None = None,
    progress: Callable[[Tally], None] | None = None,
    on_error: str = "skip",
) -> Tally:
    """Run `recipe` over what of `inputs` is not done yet, and record every input in order.

    Args:
        recipe: called with the items to do; yields one result for each, in their order, with
            `to_dict()`: "path", "status" ("ok" or "failed"), "error" where failed, and more.
        record: the record of the output folder, or None to keep none.
        emit: called with the fields of every input, kept ones included.
        progress: called with the tally after every input.
        on_error: "skip" a failed input, or "stop" after recording it.

    Ctrl-C ends the batch and is told in the tally. The record is finished only when the batch has
    come to its end.
    """
    tally = Tally(len(inputs))
    items = inputs.items
    kept = {item.name for item in items if record and record.finished(item)}
    todo = [item for item in items if item.name not in kept]
    if record:
        record.keep_others(items)
    results: Iterator = iter(())
    try:
        results = iter(recipe(todo)) if todo else results
        for item in items:
            if item.name in kept:
                fields = record.read(item)
            else:
                fields = _fields(next(results), item, record)
            if record:
                record.write(fields)
            tally.count(fields, kept=item.name in kept)
            emit = emitted(emit, record, fields)
            if progress:
                progress(tally)
            if on_error == "stop" and fields["status"] != "ok":
                tally.stopped = True
                break
    except KeyboardInterrupt:
        tally.interrupted = True
        if record:
            record.interrupted = True
    finally:
        if hasattr(results, "close"):
            results.close()
    if record and not (tally.interrupted or tally.stopped):
        record.finish()
    return tally


def _fields(result, item: Item, record: Record | None) -> dict:
    """Return what the record tells of a new result."""
    fields = result.to_dict()
    if record is None:
        return fields
    fields |= item.seen or item.stamp()
    if "files" in fields:
        fields["files"] = record.relative(fields["files"])
    record.discard_replaced(fields)
    return fields


def emitted(emit: Callable | None, record, *given) -> Callable | None:
    """Emit what is given; return what emits what comes next, None once nobody reads it any more.

    Raises:
        PipeClosedError: nobody reads it, and there is no record to be written for.
    """
    try:
        if emit:
            emit(*given)
    except PipeClosedError:
        if record is None:
            raise
        return None
    return emit
