"""What scoring a mesh regressor and its baseline share: the labelled people, the files' fields."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from gsam.body.bodies import Bodies, read_bodies
from gsam.errors import LicensedDataMissing
from gsam.images import ImageSet
from gsam.images.bodies import BodyLabels
from gsam.meshes.scoring import (
    Answer,
    Errors,
    Truth,
    figures,
    per_sequence,
    person_errors,
    person_frames,
    protocol,
)
from gsam.storage import read_json
from stages.common import progress
from stages.paths import BODIES, IMAGES

IMAGE_FOLDER = "threedpw"
SPLITS = ("test", "validation")
"""Scored splits; the first one's errors are also given by sequence."""
DIGITS = 3
"""Decimals of reported figures, above what differs between processors."""


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


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {key: round(value, DIGITS) for key, value in values.items()}
