"""Train the lifter of one run, once per seed.

    python -m stages.train_lifter RUN

Reads data/plan/runs/<run>.json, data/clips/<keypoints>/. Writes models/lifter/<run>/: one
seed<k>.safetensors per seed and run.json; results/runs/<run>/: curve.csv and train.json.
Killed at any instant and run again, it goes on from its newest checkpoint (.gsam/runs, or
$GSAM_RUN_STORAGE) and ends with the same bits. A training that diverges is a result: it is
marked with its epoch and keeps the weights of the last good one. A row of a table whose keypoints
are not among the user's files is left out, and says why; for `main` that is an error.
"""

from collections.abc import Mapping
from typing import Any

from gsam.clips import ClipSet
from gsam.configs import build
from gsam.errors import LicensedDataMissing
from gsam.lifters import LifterConfig, count_parameters
from gsam.storage import atomic_directory, digest, write_json, write_text
from gsam.training.loop import Outcome
from gsam.weights import save_lifter
from pipelines.run_storage import RunStorage
from pipelines.train_lifter import train_lifter
from stages.common import one_argument, planned, run_stage, status_of
from stages.curves import curve_text, reporter, rounded
from stages.paths import MODELS, RUNS, clips_folder

CURVE = ("epoch", "lr", "train_loss_mm", "val_mpjpe_mm")


def main(arguments: list[str]) -> str:
    """Train every seed of a run; returns the summary line."""
    name = one_argument(arguments, "name of a run")
    run = planned(f"runs/{name}")
    try:
        folder = clips_folder(run["keypoints"])
    except LicensedDataMissing as missing:
        if name == "main":
            raise
        return write_missing(name, str(missing))
    device = "cuda" if run["workers"] == 0 and _has_gpu() else "cpu"
    clips = ClipSet.load(folder, "train", device)
    outcomes, storages = {}, []
    for seed in run["seeds"]:
        storage = RunStorage(run, seed, clips.data_hash)
        storages.append(storage)
        show = reporter(seed, run["train"]["epochs"], CURVE)
        outcomes[seed] = train_lifter(run, folder, clips, seed, storage, show)
    record = write_models(run, outcomes)
    write_results(run, clips, outcomes, record)
    for storage in storages:
        storage.clear()
    return headline(run, clips, outcomes)


def write_missing(name: str, reason: str) -> str:
    """Outs that say why a run was left out; returns the summary line."""
    left_out = {"run": name, "status": "missing", "reason": reason}
    with atomic_directory(MODELS / name) as folder:
        write_json(folder / "run.json", left_out)
    write_text(RUNS / name / "curve.csv", curve_text([], CURVE))
    write_json(RUNS / name / "train.json", left_out)
    return f"left out: {reason}"


def write_models(run: Mapping[str, Any], outcomes: Mapping[int, Outcome]) -> dict[str, Any]:
    """Write the weights of every seed and what they are; returns that record by seed."""
    lifter = build(LifterConfig, run["lifter"], "lifter")
    record: dict[str, Any] = {}
    with atomic_directory(MODELS / run["name"]) as folder:
        for seed, outcome in outcomes.items():
            path = folder / f"seed{seed}.safetensors"
            notes = {"run": run["name"], "seed": seed, "status": outcome.status}
            save_lifter(path, outcome.weights, lifter, notes)
            last = outcome.curve[-1]
            record[str(seed)] = {
                "status": outcome.status,
                "diverged_epoch": outcome.diverged_epoch,
                "epochs": len(outcome.curve),
                "windows": outcome.seen,
                "train_loss_mm": rounded(last["train_loss_mm"]),
                "val_mpjpe_mm": rounded(last["val_mpjpe_mm"]),
                "weights_hash": digest(path),
            }
        write_json(folder / "run.json", {"run": dict(run), "seeds": record})
    return record


def write_results(
    run: Mapping[str, Any],
    clips: ClipSet,
    outcomes: Mapping[int, Outcome],
    record: Mapping[str, Any],
) -> None:
    """Write the learning curves and train.json."""
    rows = [(seed, row) for seed, outcome in outcomes.items() for row in outcome.curve]
    write_text(RUNS / run["name"] / "curve.csv", curve_text(rows, CURVE))
    trained = {
        "run": run["name"],
        "status": status_of(record),
        "lifter": run["lifter"],
        "recipe": run["train"],
        "windows": run["windows"],
        "parameters": count_parameters(build(LifterConfig, run["lifter"], "lifter")),
        "data_hash": clips.data_hash,
        "clips": len(clips),
        "frames": clips.num_frames,
        "seeds": record,
    }
    write_json(RUNS / run["name"] / "train.json", trained)


def headline(run: Mapping[str, Any], clips: ClipSet, outcomes: Mapping[int, Outcome]) -> str:
    """What a person wants to see of a training, in one line."""
    parts = [
        f"{run['lifter']['name']} {run['frames']} frames",
        f"{clips.num_frames:,} frames of 2D",
    ]
    for seed, outcome in outcomes.items():
        last = outcome.curve[-1]
        if outcome.status == "diverged":
            parts.append(f"seed {seed}: diverged at epoch {outcome.diverged_epoch}")
            continue
        held_out = last["val_mpjpe_mm"]
        shown = f"train {last['train_loss_mm']:.1f} mm"
        if held_out is not None:
            shown += f", held out {held_out:.1f} mm"
        parts.append(f"seed {seed}: {len(outcome.curve)} epochs, {shown}")
    return "  ".join(parts)


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


if __name__ == "__main__":
    run_stage(main)
