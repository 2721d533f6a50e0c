"""Score the networks of one detector on every labelled person of its images' test split.

    python -m stages.evaluate_detector NAME

Reads data/plan/detectors/<name>.json, data/images/<images>/, models/detector/<name>/ and
results/detectors/<name>/train.json. Writes results/detectors/<name>/: scores.json (every seed's
figures and the protocol) and metrics.json (the first seed's headline). Where the images are
missing both say so.
"""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from gsam.boxes.sources import open_boxes
from gsam.configs import build
from gsam.datasets.human36m_files import DISPLACED
from gsam.detectors.augment import AugmentConfig
from gsam.detectors.config import DetectorConfig
from gsam.detectors.inference import Detector, Joints
from gsam.detectors.parameters import count_parameters
from gsam.detectors.scoring import (
    DEFINITIONS,
    TEST_SPLITS,
    Boxes,
    boxes_from,
    look_at,
    precision,
    score,
    true_boxes,
)
from gsam.images import ImageSet
from gsam.storage import read_json, write_json
from gsam.weights import load_detector
from pipelines.raw_fetch import local_file
from stages.common import one_argument, planned, progress, run_stage, status_of
from stages.paths import DETECTOR_MODELS, DETECTORS, IMAGES

DIGITS = 4
"""Decimals of reported figures, above what differs between processors."""
HEADLINE = {
    "human36m": ("pck", "mean_px", "median_px_visible", "mean_image_px"),
    "coco": ("ap", "ap50", "ap75", "mean_px", "median_px_visible"),
    "mpii": ("pckh", "pckh01", "mean_px", "median_px_visible"),
}


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
    images = ImageSet.load(IMAGES / run["images"], TEST_SPLITS[run["images"]])
    seeds = {}
    for seed, record in trained["seeds"].items():
        weights = DETECTOR_MODELS / name / f"seed{seed}.safetensors"
        kept = {key: record[key] for key in ("status", "diverged_epoch", "weights_hash")}
        seeds[seed] = {**kept, "figures": figures_of(run, weights, images, f"{name} seed {seed}")}
    result = score_file(run, images, seeds)
    metrics = headline(run["images"], result)
    write_json(DETECTORS / name / "scores.json", result)
    write_json(DETECTORS / name / "metrics.json", metrics)
    shown = "  ".join(
        f"{key} {metrics[key]:.1f}" for key in HEADLINE[run["images"]] if key in metrics
    )
    return f"{result['status']}  {result['dataset']}  {shown}"


def figures_of(
    run: Mapping[str, Any], weights: Path, images: ImageSet, where: str
) -> dict[str, float]:
    """Every figure of one trained network, rounded.

    Raises:
        DataError: the weights or an image cannot be used, or an answer is not finite.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model, notes = load_detector(weights, device)
    config = build(DetectorConfig, notes["detector"], f"{weights}: detector")
    options = run["detect"]
    detector = Detector(
        model,
        config,
        flip_test=options["flip_test"],
        quarter_offset=options["quarter_offset"],
        batch_size=options["batch_size"],
        device=device,
    )

    def look(boxes: Boxes) -> Joints:
        return look_at(detector, images, boxes, lambda answers, n: progress(answers, where, n))

    boxes = true_boxes(images)
    figures = score(config, images, boxes, look(boxes))
    if boxes_of(run) != "truth":
        names = images.rows["image"].to_pylist()
        with local_file(boxes_of(run)) as file:
            boxes = boxes_from(images, open_boxes(str(file), names=names, device=device))
        figures |= precision(config, images, boxes, look(boxes))
    return {key: round(value, DIGITS) for key, value in figures.items()}


def boxes_of(run: Mapping[str, Any]) -> str:
    """Where the people of AP come from; every other figure compares a person with itself, which
    takes the true boxes."""
    return str(run["detect"]["boxes"]) if run["images"] == "coco" else "truth"


def score_file(
    run: Mapping[str, Any], images: ImageSet, seeds: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """What scores.json holds: the figures of every seed and all that they were measured under."""
    parts = {key: build(DetectorConfig, run[key], key) for key in ("detector", "full_detector")}
    counts = {key: count_parameters(config) for key, config in parts.items()}
    augment = build(AugmentConfig, run["augment"], "augment")
    options = run["detect"]
    return {
        "detector": run["name"],
        "dataset": images.dataset,
        "images": run["images"],
        "scale": run["scale"],
        "recipe": {**run["train"], **asdict(augment), **run["samples"]},
        "protocol": {
            "dataset": images.dataset,
            "joint_set": images.skeleton.name,
            "people": people_of(images, TEST_SPLITS[run["images"]]),
            "boxes": boxes_of(run),
            "flip_test": options["flip_test"],
            "quarter_offset": options["quarter_offset"],
            "input": f"{parts['detector'].height} x {parts['detector'].width} px",
            **DEFINITIONS[images.skeleton.name],
        },
        "data_hash": images.data_hash,
        "status": status_of(seeds),
        "parameters": {"trained": counts["detector"], "full": counts["full_detector"]},
        "seeds": dict(seeds),
    }


def people_of(images: ImageSet, split: str) -> str:
    """Who is scored, in words."""
    said = f"every labelled person of the split {split}"
    if images.dataset != "human36m":
        return said
    return f"{said}, without {', '.join(DISPLACED)}, whose 3D lies beside the person"


def headline(images: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """metrics.json: the first seed's headline figures, and the status of all."""
    figures = next(iter(result["seeds"].values()))["figures"]
    kept = {key: figures[key] for key in HEADLINE[images] if key in figures}
    return {**kept, "status": result["status"]}


if __name__ == "__main__":
    run_stage(main)
