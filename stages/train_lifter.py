"""Train the lifter of one run, once per seed.

    python -m stages.train_lifter RUN

Reads data/plan/runs/<run>.json, data/clips/<keypoints>/. Writes models/lifter/<run>/: one
seed<k>.safetensors per seed and run.json; results/runs/<run>/: curve.csv and train.json.
Killed at any instant and run again, it goes on from its newest checkpoint (.gsam/runs, or
$GSAM_RUN_STORAGE) and ends with the same bits. A training that diverges is a result: it is
marked with its epoch and keeps the weights of the last good one. A row of a table whose keypoints
are not among the user's files is left out, and says why; for `main` that is an error.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gsam.clips import ClipSet
from gsam.configs import build
from gsam.errors import LicensedDataMissing
from gsam.lifters import LifterConfig, count_parameters
from gsam.storage import atomic_directory, write_json
from gsam.training.loop import Outcome
from gsam.training.task import CurveRow
from gsam.weights import save_network
from pipelines.run_storage import RunStorage
from pipelines.train_lifter import train_lifter
from stages.common import one_argument, planned, run_stage, status_of
from stages.paths import MODELS, RUNS, clips_folder
from stages.trained import headline, train_seeds, write_curves, write_models

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
    lifter = build(LifterConfig, run["lifter"], "lifter")
    clips = ClipSet.load(folder, "train", device, scores=lifter.reads_scores)

    def train(seed: int, storage: RunStorage, report: Callable[[CurveRow], None]) -> Outcome:
        return train_lifter(run, folder, clips, seed, storage, report)

    outcomes, storages = train_seeds(run, clips.data_hash, CURVE, train)

    def save(path: Path, outcome: Outcome, notes: dict[str, Any]) -> None:
        save_network(path, outcome.weights, lifter, notes)

    record = write_models(MODELS / name, run, outcomes, save, "windows", CURVE[2:])
    write_curves(RUNS / name / "curve.csv", outcomes, CURVE)
    write_results(run, clips, record)
    for storage in storages:
        storage.finish(RUNS / name / "train.json")
    parts = [
        f"{lifter.name} {run['frames']} frames",
        f"{clips.num_frames:,} frames of 2D",
    ]
    return headline(parts, outcomes, shown, run["workers"])


def write_missing(name: str, reason: str) -> str:
    """Outs that say why a run was left out; returns the summary line."""
    left_out = {"run": name, "status": "missing", "reason": reason}
    with atomic_directory(MODELS / name) as folder:
        write_json(folder / "run.json", left_out)
    write_curves(RUNS / name / "curve.csv", {}, CURVE)
    write_json(RUNS / name / "train.json", left_out)
    return f"left out: {reason}"


def write_results(run: Mapping[str, Any], clips: ClipSet, record: Mapping[str, Any]) -> None:
    """Write train.json."""
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


def shown(last: CurveRow) -> str:
    """The last epoch in words."""
    text = f"train {last['train_loss_mm']:.1f} mm"
    if last["val_mpjpe_mm"] is not None:
        text += f", held out {last['val_mpjpe_mm']:.1f} mm"
    return text


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


if __name__ == "__main__":
    run_stage(main)
