"""Score the networks of one detector on every labelled person of its images' test split.

    python -m stages.evaluate_detector NAME

Reads data/plan/detectors/<name>.json, data/images/<images>/, models/detector/<name>/ and
results/detectors/<name>/train.json. Writes results/detectors/<name>/: scores.json (every seed's
figures and the protocol) and metrics.json (the first seed's headline). Where the images are
missing both say so.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from gsam.configs import build
from gsam.detectors.augment import AugmentConfig
from gsam.detectors.config import DetectorConfig
from gsam.detectors.parameters import count_parameters
from gsam.storage import read_json, write_json
from stages.common import one_argument, planned, run_stage, status_of
from stages.detector_scores import ScoredImages
from stages.paths import DETECTOR_MODELS, DETECTORS


def main(arguments: list[str]) -> str:
    """Score every seed of a detector; returns the summary line."""
    name = one_argument(arguments, "name of a detector")
    run = planned(f"detectors/{name}")
    trained = read_json(DETECTORS / name / "train.json")
    if trained.get("status") == "missing":
        absent = {"status": "missing", "reason": trained["reason"]}
        write_json(DETECTORS / name / "scores.json", {"detector": name, **absent})
        write_json(DETECTORS / name / "metrics.json", absent)
        return f"not scored: {trained['reason']}"
    images = ScoredImages.load(run["images"], run["detect"])
    seeds = {}
    for seed, record in trained["seeds"].items():
        weights = DETECTOR_MODELS / name / f"seed{seed}.safetensors"
        kept = {key: record[key] for key in ("status", "diverged_epoch", "weights_hash")}
        seeds[seed] = {**kept, "figures": images.figures_of(weights, f"{name} seed {seed}")}
    result = score_file(run, images, seeds)
    metrics = images.headline(next(iter(seeds.values()))["figures"], result["status"])
    write_json(DETECTORS / name / "scores.json", result)
    write_json(DETECTORS / name / "metrics.json", metrics)
    return images.shown(metrics)


def score_file(
    run: Mapping[str, Any], images: ScoredImages, seeds: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """What scores.json holds: the figures of every seed and all that they were measured under."""
    parts = {key: build(DetectorConfig, run[key], key) for key in ("detector", "full_detector")}
    counts = {key: count_parameters(config) for key, config in parts.items()}
    augment = build(AugmentConfig, run["augment"], "augment")
    return {
        "detector": run["name"],
        **images.conditions(parts["detector"]),
        "scale": run["scale"],
        "recipe": {**run["train"], **asdict(augment), **run["samples"]},
        "status": status_of(seeds),
        "parameters": {"trained": counts["detector"], "full": counts["full_detector"]},
        "seeds": dict(seeds),
    }


if __name__ == "__main__":
    run_stage(main)
