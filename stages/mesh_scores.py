"""What scoring a mesh regressor, a checkpoint and the baseline share: the labelled people, the
files' fields."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from gsam.body.bodies import Bodies, read_bodies
from gsam.configs import build
from gsam.errors import LicensedDataMissing
from gsam.images import ImageSet
from gsam.images.bodies import BodyLabels
from gsam.meshes.config import MeshConfig
from gsam.meshes.inference import MeshRegressor
from gsam.meshes.scoring import (
    BATCH,
    Answer,
    Errors,
    Truth,
    answers_of,
    figures,
    per_sequence,
    person_errors,
    person_frames,
    protocol,
)
from gsam.storage import read_json
from gsam.weights import load_mesh
from stages.common import progress
from stages.paths import BODIES, IMAGES

IMAGE_FOLDER = "threedpw"
SPLITS = ("test", "validation")
"""Scored splits; the first one's errors are also given by sequence."""
DIGITS = 3
"""Decimals of reported figures, above what differs between processors."""
HEADLINE = tuple(
    f"test_{subset}{metric}"
    for subset in ("", "occluded_", "unoccluded_")
    for metric in ("mpjpe_mm", "pa_mpjpe_mm", "pve_mm")
)


@dataclass(frozen=True, eq=False)
class Labelled:
    """The people that are scored, by split, and the bodies that their labels are for."""

    images: Mapping[str, ImageSet]
    labels: Mapping[str, BodyLabels]
    bodies: Bodies
    device: str

    @classmethod
    def load(cls) -> "Labelled":
        """Read data/images/threedpw and data/bodies.

        Raises:
            LicensedDataMissing: the user has no 3DPW, or no body for it.
            DataError: a file is damaged or of other people than the images.
        """
        for folder in (BODIES, IMAGES / IMAGE_FOLDER):
            if (folder / "missing.json").exists():
                raise LicensedDataMissing(str(read_json(folder / "missing.json")["reason"]))
        images = {split: ImageSet.load(IMAGES / IMAGE_FOLDER, split) for split in SPLITS}
        labels = {split: BodyLabels.load(BODIES, split, images[split]) for split in SPLITS}
        device = "cuda" if torch.cuda.is_available() else "cpu"
        return cls(images, labels, read_bodies(BODIES / "model"), device)

    def scores_of(self, weights: Path, truth: str, where: str) -> dict[str, Any]:
        """Every figure of one trained network, rounded.

        Raises:
            DataError: the weights or an image cannot be used, or an answer is not finite.
        """
        model, notes = load_mesh(weights, self.device)
        config = build(MeshConfig, notes["mesh"], f"{weights}: mesh")
        regressor = MeshRegressor(
            model, config, self.bodies.neutral, batch_size=BATCH, device=self.device
        )
        answers = {split: answers_of(regressor, images) for split, images in self.images.items()}
        return self.score(answers, truth, where)

    def score(self, answers: Mapping[str, Answer], kind: str, where: str) -> dict[str, Any]:
        """The figures of answers (one for each split), rounded, as one seed's in scores.json.

        Raises:
            DataError, LicensedDataMissing: as `person_errors`, naming the split.
        """
        means: dict[str, float] = {}
        counts: dict[str, int] = {}
        for split in SPLITS:
            labels = self.labels[split]
            errors = self._errors(answers[split], labels, kind, f"{where} {split}")
            means |= figures(errors, labels.sequences, split)
            counts |= person_frames(labels.sequences, split)
            if split == SPLITS[0]:
                sequences = per_sequence(errors, labels.sequences)
        return {
            "figures": _rounded(means),
            "per_sequence": {name: _rounded(values) for name, values in sequences.items()},
            "person_frames": counts,
        }

    def _errors(self, answer: Answer, labels: BodyLabels, kind: str, where: str) -> Errors:
        truth = Truth(labels, self.bodies, kind, self.device)
        return person_errors(answer, truth, lambda found, count: progress(found, where, count))

    @property
    def dataset(self) -> str:
        """The name under which the people's numbers are reported."""
        return self.images[SPLITS[0]].dataset

    def conditions(self, run: Mapping[str, Any]) -> dict[str, Any]:
        """What scores.json says of the data that the figures were measured on."""
        images, labels = self.images[SPLITS[0]], self.labels[SPLITS[0]]
        both = f"{images.data_hash} {labels.data_hash}"
        return {
            "dataset": self.dataset,
            "images": IMAGE_FOLDER,
            "scale": run["scale"],
            "data_hash": hashlib.sha256(both.encode()).hexdigest(),
            "body": self.bodies.title("neutral"),
            "truth": run["truth"],
            "protocol": protocol(self.dataset, self.bodies, run["truth"]),
        }


def headline(figures: Mapping[str, float], status: str) -> dict[str, Any]:
    """metrics.json: the figures that the tables show, and the status."""
    kept = {key: figures[key] for key in HEADLINE if key in figures}
    return {**kept, "status": status}


def shown(metrics: Mapping[str, Any]) -> str:
    """The three errors over the whole test split, for the summary line."""
    names = {"MPJPE": "mpjpe_mm", "PA-MPJPE": "pa_mpjpe_mm", "PVE": "pve_mm"}
    return "  ".join(f"{label} {metrics[f'test_{key}']:.1f} mm" for label, key in names.items())


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {key: round(value, DIGITS) for key, value in values.items()}
