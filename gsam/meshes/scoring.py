"""Scoring mesh regressors under PARE's 3DPW protocol: overall, by subset and by sequence."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gsam.ahead import each_alone
from gsam.body.bodies import Bodies
from gsam.body.rotations import axis_angle_to_matrix
from gsam.configs import nearest
from gsam.datasets.threedpw.subsets import is_occluded
from gsam.errors import ConfigError, DataError
from gsam.images import ImageSet
from gsam.images.bodies import BodyLabels
from gsam.meshes.crops import plain_crop
from gsam.meshes.inference import MeshRegressor, Regressed, pose_body
from gsam.metrics import mesh

__all__ = [
    "FIGURES",
    "Answer",
    "Errors",
    "Truth",
    "answers_of",
    "figures",
    "per_sequence",
    "person_errors",
    "person_frames",
    "protocol",
]

FIGURES = ("mpjpe_mm", "pa_mpjpe_mm", "pve_mm", "joint_angle_deg")
BATCH = 32
_MOST_THREADS = {"cpu": 16, "cuda": 4}
"""Each holds the network's activations of a batch."""
_MM_PER_M = 1000.0

TRUTHS = ("neutral", "gendered")
Answer = Callable[[NDArray[np.int64]], Regressed]
"""From numbers of people (B,) to their bodies; called by several threads at once."""
Errors = dict[str, NDArray[np.float64]]
"""Each of FIGURES for all P people (P,)."""
Watch = Callable[[Iterable[Errors], int], Iterable[Errors]]
"""Passes on the errors of so many batches and may show how far they are."""


def _unwatched(errors: Iterable[Errors], batches: int) -> Iterable[Errors]:
    return errors


@dataclass(frozen=True)
class Truth:
    """The true meshes: the labelled poses and shapes of one split, worn by bodies of `kind`.

    "neutral" poses the neutral body for everybody (PARE's released evaluation), "gendered" each
    person's own (SPIN's script). Meshes are posed on `device`. ConfigError for another kind.
    """

    labels: BodyLabels
    bodies: Bodies
    kind: str = "neutral"
    device: str | torch.device = "cpu"

    def __post_init__(self) -> None:
        if self.kind not in TRUTHS:
            raise ConfigError(f"truth = {self.kind!r}: {nearest(self.kind, TRUTHS)}")

    @torch.inference_mode()
    def meshes(self, people: NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor]:
        """Rotations (B, 24, 3, 3), vertices (B, V, 3) and joints (B, 17, 3) as `Regressed` has
        them.

        Raises:
            LicensedDataMissing: there is no body of a person's gender.
            DataError: a body has no `J_regressor_h36m`.
        """
        labels = self.labels
        pose = torch.from_numpy(labels.poses[people]).view(-1, 24, 3).to(self.device)
        shape = torch.from_numpy(labels.shapes[people]).to(self.device)
        rotations = axis_angle_to_matrix(pose)
        worn = labels.genders[people] if self.kind == "gendered" else np.full(len(people), "n")
        parts = []
        for gender in sorted(set(worn.tolist())):
            rows = np.flatnonzero(worn == gender)
            body = self.bodies.of(gender).to(self.device)
            parts.append((rows, pose_body(body, shape[rows], rotations[rows])))
        back = torch.from_numpy(np.argsort(np.concatenate([rows for rows, _ in parts])))
        vertices, joints = (torch.cat([found[i] for _, found in parts])[back] for i in (0, 1))
        return rotations, vertices, joints


def answers_of(regressor: MeshRegressor, images: ImageSet) -> Answer:
    """A regressor's answers to the plain crops of people in `images`."""

    def answer(people: NDArray[np.int64]) -> Regressed:
        size = regressor.config.size
        return regressor.look(np.stack([plain_crop(images, int(p), size) for p in people]))

    return answer


def person_errors(
    answer: Answer, truth: Truth, watch: Watch = _unwatched, batch_size: int = BATCH
) -> Errors:
    """The errors of an answer for every labelled person, in the labels' order.

    Batches are worked on by several threads, each alone on a CPU: numbers then do not depend on
    how many there are.

    Raises:
        DataError: there is nobody, an image is damaged, or an answer is not finite or of a body of
            another number of vertices.
        LicensedDataMissing: as `Truth.meshes`.
    """
    people = np.arange(len(truth.labels))
    if not len(people):
        raise DataError("nobody with a labelled body to score: expected at least one person")
    batches = [people[start : start + batch_size] for start in range(0, len(people), batch_size)]

    def work(batch: NDArray[np.int64]) -> Errors:
        return _errors(answer(batch), truth.meshes(batch), truth.labels.sequences[batch])

    most = _MOST_THREADS.get(torch.device(truth.device).type, 1)
    found = each_alone(work, batches, min(os.cpu_count() or 1, most))
    parts = list(watch(found, len(batches)))
    return {name: np.concatenate([part[name] for part in parts]) for name in FIGURES}


def _errors(
    found: Regressed, true: tuple[Tensor, Tensor, Tensor], sequences: NDArray[np.str_]
) -> Errors:
    rotations, vertices, joints = (tensor.cpu().numpy() for tensor in true)
    answer = (found.rotations, found.vertices, found.joints)
    turned, surface, points = (tensor.cpu().numpy() for tensor in answer)
    for values in (points, surface, turned):
        finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
        if not finite.all():
            where = sequences[int(np.argmin(finite))]
            raise DataError(f"sequence {where}: an answer is not finite, expected a body")
    return {
        "mpjpe_mm": _MM_PER_M * mesh.mpjpe(points, joints),
        "pa_mpjpe_mm": _MM_PER_M * mesh.pa_mpjpe(points, joints),
        "pve_mm": _MM_PER_M * mesh.vertex_errors(surface, vertices),
        "joint_angle_deg": np.rad2deg(mesh.joint_angle_errors(turned, rotations)),
    }


def _subsets(sequences: NDArray[np.str_]) -> dict[str, NDArray[np.bool_]]:
    """The people of each subset that has any, by the start of its figures' names."""
    hidden = np.array([is_occluded(name) for name in sequences.tolist()], dtype=bool)
    found = {"": np.full(len(sequences), True), "occluded_": hidden, "unoccluded_": ~hidden}
    return {prefix: chosen for prefix, chosen in found.items() if chosen.any()}


def figures(errors: Errors, sequences: NDArray[np.str_], split: str) -> dict[str, float]:
    """Means over person-frames: `test_mpjpe_mm`, `test_occluded_mpjpe_mm`, ... of a split.

    "occluded" are the sequences of 3DPW-OCC, "unoccluded" the others; a subset without anybody has
    no figures.
    """
    return {
        f"{split}_{prefix}{name}": float(errors[name][chosen].mean())
        for prefix, chosen in _subsets(sequences).items()
        for name in FIGURES
    }


def person_frames(sequences: NDArray[np.str_], split: str) -> dict[str, int]:
    """How many person-frames each of `figures` is a mean of: `test`, `test_occluded`, ..."""
    subsets = _subsets(sequences).items()
    return {f"{split}_{p}".rstrip("_"): int(chosen.sum()) for p, chosen in subsets}


def per_sequence(errors: Errors, sequences: NDArray[np.str_]) -> dict[str, dict[str, float]]:
    """The means of each sequence, and its `person_frames`."""
    found = {}
    for name in sorted(set(sequences.tolist())):
        chosen = sequences == name
        means = {key: float(errors[key][chosen].mean()) for key in FIGURES}
        found[name] = {**means, "person_frames": int(chosen.sum())}
    return found


def protocol(dataset: str, bodies: Bodies, kind: str) -> dict[str, str]:
    """What the figures are and were measured on, for the words beside them."""
    worn = "each person's gendered body" if kind == "gendered" else "the neutral body"
    return {
        "dataset": dataset,
        "frames": "every person-frame of the sequences of a split; figures are means over "
        "person-frames, 'occluded' over those of 3DPW-OCC's sequences, 'unoccluded' over the rest",
        "crops": "the labelled box, made square",
        "body": bodies.title("neutral"),
        "truth": f"labelled pose and shape worn by {worn} ({kind}); the answer by the neutral one",
        "joints": "14 LSP joints, regressed from the vertices by J_regressor_h36m",
        "root": "the pelvis of that regression is subtracted (mpjpe_mm, pa_mpjpe_mm)",
        "alignment": "none (mpjpe_mm, pve_mm), Procrustes with scale (pa_mpjpe_mm)",
        "pve_mm": "mean distance of all vertices, both meshes without translation and not centred",
        "joint_angle_deg": "mean angle between rotations of 9 joints relative to their parents",
    }
