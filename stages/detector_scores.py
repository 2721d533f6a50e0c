"""What scoring a run's detectors and a checkpoint's share: the pictures, figures, conditions."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from gsam.boxes.sources import open_boxes
from gsam.configs import build
from gsam.datasets.human36m.files import DISPLACED
from gsam.detectors.config import DetectorConfig
from gsam.detectors.inference import Detector, Joints
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
from gsam.errors import LicensedDataMissing
from gsam.images import ImageSet
from gsam.storage import read_json
from gsam.weights import load_detector
from pipelines.raw_fetch import local_file
from stages.common import progress
from stages.paths import IMAGES

DIGITS = 4
"""Decimals of reported figures, above what differs between processors."""
HEADLINE = {
    "human36m": ("pck", "mean_px", "median_px_visible", "mean_image_px"),
    "coco": ("ap", "ap50", "ap75", "mean_px", "median_px_visible"),
    "mpii": ("pckh", "pckh01", "mean_px", "median_px_visible"),
}


@dataclass(frozen=True, eq=False)
class ScoredImages:
    """The pictures that detectors are scored on, and how these look at them (a plan's `detect`)."""

    name: str
    images: ImageSet
    detect: Mapping[str, Any]

    @classmethod
    def load(cls, name: str, detect: Mapping[str, Any]) -> "ScoredImages":
        """Read the test split of data/images/<name>.

        Raises:
            LicensedDataMissing: the pictures are not among the user's files.
            DataError: a file is damaged.
        """
        folder = IMAGES / name
        if (folder / "missing.json").exists():
            raise LicensedDataMissing(str(read_json(folder / "missing.json")["reason"]))
        return cls(name, ImageSet.load(folder, TEST_SPLITS[name]), detect)

    def figures_of(self, weights: Path, where: str) -> dict[str, float]:
        """Every figure of one trained network, rounded.

        Raises:
            DataError: the weights or an image cannot be used, or an answer is not finite.
        """
        images, options = self.images, self.detect
        device = "cuda" if torch.cuda.is_available() else "cpu"
        model, notes = load_detector(weights, device)
        config = build(DetectorConfig, notes["detector"], f"{weights}: detector")
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
        if self.boxes != "truth":
            names = images.rows["image"].to_pylist()
            with local_file(self.boxes) as file:
                boxes = boxes_from(images, open_boxes(str(file), names=names, device=device))
            figures |= precision(config, images, boxes, look(boxes))
        return {key: round(value, DIGITS) for key, value in figures.items()}

    @property
    def boxes(self) -> str:
        """Where the people of AP come from; every other figure compares a person with itself, which
        takes the true boxes."""
        return str(self.detect["boxes"]) if self.name == "coco" else "truth"

    def conditions(self, config: DetectorConfig) -> dict[str, Any]:
        """What scores.json says of the data and the protocol of the figures."""
        images = self.images
        return {
            "dataset": images.dataset,
            "images": self.name,
            "protocol": {
                "dataset": images.dataset,
                "joint_set": images.skeleton.name,
                "people": _people_of(images, TEST_SPLITS[self.name]),
                "boxes": self.boxes,
                "flip_test": self.detect["flip_test"],
                "quarter_offset": self.detect["quarter_offset"],
                "input": f"{config.height} x {config.width} px",
                **DEFINITIONS[images.skeleton.name],
            },
            "data_hash": images.data_hash,
        }

    def headline(self, figures: Mapping[str, float], status: str) -> dict[str, Any]:
        """metrics.json: the figures that the dataset is known by, and the status."""
        kept = {key: figures[key] for key in HEADLINE[self.name] if key in figures}
        return {**kept, "status": status}

    def shown(self, metrics: Mapping[str, Any]) -> str:
        """The headline, for the summary line."""
        keys = [key for key in HEADLINE[self.name] if key in metrics]
        figures = "  ".join(f"{key} {metrics[key]:.1f}" for key in keys)
        return f"{metrics['status']}  {self.images.dataset}  {figures}"


def _people_of(images: ImageSet, split: str) -> str:
    """Who is scored, in words."""
    said = f"every labelled person of the split {split}"
    if images.dataset != "human36m":
        return said
    return f"{said}, without {', '.join(DISPLACED)}, whose 3D lies beside the person"
