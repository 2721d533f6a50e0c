"""Score the lifters of one run on every frame of every test clip, with both averages.

    python -m stages.evaluate_lifter RUN

Reads data/plan/scoring.json, data/plan/runs/<run>.json, data/clips/<keypoints>/,
models/lifter/<run>/, train.json of results/runs/<run>/ and
results/baselines/<keypoints>/scores.json. Writes results/runs/<run>/:
metrics.json (the headline, means over seeds) and scores.json (every seed, action and metric, and
the protocol). The flip test is always on, as in the papers. A run that could not be trained for
want of its keypoints is left out, and says why.
"""

from collections.abc import Mapping
from typing import Any

from gsam.configs import build
from gsam.lifters import LifterConfig, count_parameters
from gsam.storage import read_json, write_json
from stages.common import one_argument, planned, run_stage, status_of
from stages.lifter_scores import ScoredClips, shown
from stages.paths import MODELS, RUNS


def main(arguments: list[str]) -> str:
    """Score every seed of a run; returns the summary line."""
    name = one_argument(arguments, "name of a run")
    run = planned(f"runs/{name}")
    trained = read_json(RUNS / name / "train.json")
    if trained["status"] == "missing":
        write_json(RUNS / name / "scores.json", trained)
        write_json(RUNS / name / "metrics.json", {"status": "missing"})
        return f"left out: {trained['reason']}"
    clips = ScoredClips.load(
        run["keypoints"], run["workers"], build(LifterConfig, run["lifter"], "lifter")
    )
    seeds = {}
    for seed, record in trained["seeds"].items():
        kept = {key: record[key] for key in ("status", "diverged_epoch", "weights_hash")}
        seeds[seed] = {**kept, **clips.scores_of(MODELS / name / f"seed{seed}.safetensors")}
    result = score_file(run, clips, seeds)
    metrics = clips.headline(list(seeds.values()), result["status"])
    write_json(RUNS / name / "scores.json", result)
    write_json(RUNS / name / "metrics.json", metrics)
    return shown(metrics)


def score_file(
    run: Mapping[str, Any], clips: ScoredClips, seeds: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """What scores.json holds: the numbers of every seed and all that they were measured under."""
    lifter = build(LifterConfig, run["lifter"], "lifter")
    full = build(LifterConfig, run["full_lifter"], "full_lifter")
    return {
        "run": run["name"],
        **clips.conditions(),
        "lifter": lifter.name,
        "head": lifter.head,
        "frames": run["frames"],
        "scale": run["scale"],
        "recipe": {**run["train"], **run["windows"]},
        "status": status_of(seeds),
        "parameters": {"trained": count_parameters(lifter), "full": count_parameters(full)},
        "seeds": dict(seeds),
    }


if __name__ == "__main__":
    run_stage(main)
