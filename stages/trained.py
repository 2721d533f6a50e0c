"""What the training stages share: seeds trained one after another, weights, curves, summary."""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from gsam.storage import atomic_directory, digest, write_json, write_text
from gsam.training.loop import Outcome
from gsam.training.task import CurveRow
from pipelines.finished_runs import sweep
from pipelines.ray_train import training_device
from pipelines.run_storage import RunStorage
from stages.curves import curve_text, reporter, rounded

__all__ = ["Outcomes", "fewer_workers", "headline", "train_seeds", "write_curves", "write_models"]

Outcomes = Mapping[int, Outcome]
Train = Callable[[int, RunStorage, Callable[[CurveRow], None]], Outcome]
Save = Callable[[Path, Outcome, dict[str, Any]], None]


def train_seeds(
    run: Mapping[str, Any], data_hash: str, columns: Sequence[str], train: Train
) -> tuple[dict[int, Outcome], list[RunStorage]]:
    """Train every seed of a run; the storages are to be finished once everything is written."""
    outcomes: dict[int, Outcome] = {}
    storages: list[RunStorage] = []
    with training_device(run["workers"]) as device:
        for seed in run["seeds"]:
            storage = RunStorage(run, seed, data_hash, device)
            if not storages:
                sweep(storage.root)
            storages.append(storage)
            outcomes[seed] = train(seed, storage, reporter(seed, run["train"]["epochs"], columns))
    return outcomes, storages


def write_models(
    folder: Path,
    run: Mapping[str, Any],
    outcomes: Outcomes,
    save: Save,
    seen: str,
    measures: Sequence[str],
) -> dict[str, Any]:
    """Write the weights of every seed (`save`: path, outcome, notes) and what they are to `folder`.

    Returns that record by seed: status, epochs, the number of examples as `seen`, the last epoch's
    `measures` and the weights' hash.
    """
    record: dict[str, Any] = {}
    with atomic_directory(folder) as out:
        for seed, outcome in outcomes.items():
            path = out / f"seed{seed}.safetensors"
            save(path, outcome, {"run": run["name"], "seed": seed, "status": outcome.status})
            last = outcome.curve[-1]
            record[str(seed)] = {
                "status": outcome.status,
                "diverged_epoch": outcome.diverged_epoch,
                "epochs": len(outcome.curve),
                seen: outcome.seen,
                **{key: rounded(last[key]) for key in measures},
                "weights_hash": digest(path),
            }
        write_json(out / "run.json", {"run": dict(run), "seeds": record})
    return record


def write_curves(path: Path, outcomes: Outcomes, columns: Sequence[str]) -> None:
    """Write the learning curves of every seed; none: the header alone."""
    rows = [(seed, row) for seed, outcome in outcomes.items() for row in outcome.curve]
    write_text(path, curve_text(rows, columns))


def headline(
    parts: Sequence[str],
    outcomes: Outcomes,
    shown: Callable[[CurveRow], str],
    workers: int = 0,
) -> str:
    """What a person wants to see of a training, in one line; `shown` words its last epoch, and
    `workers` is how many the run was planned for."""
    line = list(parts)
    for seed, outcome in outcomes.items():
        fewer = fewer_workers(outcome.processes, workers)
        if outcome.status == "diverged":
            line.append(f"seed {seed}: diverged at epoch {outcome.diverged_epoch}{fewer}")
        else:
            last = outcome.curve[-1]
            line.append(f"seed {seed}: {len(outcome.curve)} epochs, {shown(last)}{fewer}")
    return "  ".join(line)


def fewer_workers(processes: Sequence[int], workers: int) -> str:
    """Which epochs were trained with fewer processes than workers: `, with 1 of 2 workers from
    epoch 6 on`; nothing where none was."""
    said, first = [], 1
    for count, group in groupby(processes):
        last = first + len(list(group)) - 1
        if count < workers:
            where = f"in epoch {first}" if first == last else f"in epochs {first} to {last}"
            if last == len(processes):
                where = f"from epoch {first} on"
            said.append(f"with {count} of {workers} workers {where}")
        first = last + 1
    return "".join(f", {one}" for one in said)
