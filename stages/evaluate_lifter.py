"""Score the lifters of one run on every frame of every test clip, with both averages.

    python -m stages.evaluate_lifter RUN

Reads data/plan/runs/<run>.json, data/clips/<keypoints>/, models/lifter/<run>/, train.json of
results/runs/<run>/ and results/baselines/<keypoints>/scores.json. Writes results/runs/<run>/:
metrics.json (the headline, means over seeds) and scores.json (every seed, action and metric, and
the protocol). The flip test is always on, as in the papers. A run that could not be trained for
want of its keypoints is left out, and says why.
"""

from collections.abc import Mapping
from statistics import fmean
from typing import Any

import torch

from gsam.clips import ClipSet
from gsam.configs import build
from gsam.evaluation import protocol_of, rounded, summary
from gsam.lifters import LifterConfig, count_parameters
from gsam.storage import read_json, write_json
from pipelines.evaluate import score_clips
from stages.common import one_argument, planned, run_stage, status_of
from stages.params import frames_of
from stages.paths import BASELINES, MODELS, RUNS, clips_folder

FLIP_TEST = True
HEADLINE = ("mpjpe_mm", "pa_mpjpe_mm", "n_mpjpe_mm", "mpjve_mm")


def main(arguments: list[str]) -> str:
    """Score every seed of a run; returns the summary line."""
    name = one_argument(arguments, "name of a run")
    run = planned(f"runs/{name}")
    trained = read_json(RUNS / name / "train.json")
    if trained["status"] == "missing":
        write_json(RUNS / name / "scores.json", trained)
        write_json(RUNS / name / "metrics.json", {"status": "missing"})
        return f"left out: {trained['reason']}"
    folder = clips_folder(run["keypoints"])
    device = "cuda" if run["workers"] == 0 and torch.cuda.is_available() else "cpu"
    clips = ClipSet.load(folder, "test", device)
    baselines = read_json(BASELINES / run["keypoints"] / "scores.json")
    seeds = {}
    for seed, record in trained["seeds"].items():
        weights = MODELS / name / f"seed{seed}.safetensors"
        scores = score_clips(weights, folder, clips, flip_test=FLIP_TEST, workers=run["workers"])
        kept = {key: record[key] for key in ("status", "diverged_epoch", "weights_hash")}
        seeds[seed] = {**kept, **summary(scores)}
    result = score_file(run, clips, seeds)
    metrics = headline(result, baselines)
    write_json(RUNS / name / "scores.json", result)
    write_json(RUNS / name / "metrics.json", metrics)
    beats = "beats" if metrics["beats_baselines"] else "does not beat"
    return (
        f"{metrics['status']}  MPJPE {metrics['mpjpe_mm']:.1f} mm (frame mean "
        f"{metrics['mpjpe_frame_mean_mm']:.1f})  P-MPJPE {metrics['pa_mpjpe_mm']:.1f} mm  "
        f"{beats} ridge {metrics['ridge_mpjpe_mm']:.1f} mm"
    )


def score_file(
    run: Mapping[str, Any], clips: ClipSet, seeds: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """What scores.json holds: the numbers of every seed and all that they were measured under."""
    lifter = build(LifterConfig, run["lifter"], "lifter")
    full = build(LifterConfig, run["full_lifter"], "full_lifter")
    protocol = protocol_of(
        clips, run["keypoints"], flip_test=FLIP_TEST, frames=frames_of(run["keypoints"])
    )
    return {
        "run": run["name"],
        "dataset": protocol.dataset,
        "keypoints": run["keypoints"],
        "lifter": lifter.name,
        "head": lifter.head,
        "frames": run["frames"],
        "scale": run["scale"],
        "recipe": {**run["train"], **run["windows"]},
        "protocol": protocol.as_dict(),
        "data_hash": clips.data_hash,
        "status": status_of(seeds),
        "parameters": {"trained": count_parameters(lifter), "full": count_parameters(full)},
        "seeds": dict(seeds),
    }


def headline(result: Mapping[str, Any], baselines: Mapping[str, Any]) -> dict[str, Any]:
    """metrics.json: means over seeds of the action means, and whether they beat both baselines."""
    seeds = list(result["seeds"].values())
    metrics = {key: fmean(seed["action_mean"][key] for seed in seeds) for key in HEADLINE}
    others = {key: baselines[key]["action_mean"]["mpjpe_mm"] for key in ("mean_pose", "ridge")}
    values: dict[str, Any] = rounded(
        {
            **metrics,
            "mpjpe_frame_mean_mm": fmean(seed["frame_mean"]["mpjpe_mm"] for seed in seeds),
            "ridge_mpjpe_mm": others["ridge"],
        }
    )
    beats = result["status"] == "ok" and metrics["mpjpe_mm"] < min(others.values())
    return {**values, "status": result["status"], "beats_baselines": beats}


if __name__ == "__main__":
    run_stage(main)
