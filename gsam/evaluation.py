"""Scoring a lifter: every frame of every clip, one protocol, both averages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gsam.clips import ClipSet
from gsam.datasets.human36m.files import DISPLACED, dropped_takes
from gsam.errors import ConfigError, DataError
from gsam.lifters import lift_clip, lift_clip_flipped
from gsam.lifters.config import METRES, PICTURE
from gsam.lifters.lifter import Lifter
from gsam.lifters.picture_units import fit_camera, to_metres
from gsam.metrics.aggregate import ClipScore, aggregate, score_clip
from gsam.metrics.protocol import DISPLACED_TAKES, NO_DISPLACED, NO_PICTURES, Protocol
from gsam.metrics.rules import rules_of

__all__ = [
    "evaluate",
    "lifting",
    "protocol_of",
    "rounded",
    "score_one",
    "scored_clips",
    "summary",
]

BENCHMARK = ("human36m", "twin")
"""Human3.6M and its twin, which has takes of the same names so that one reader serves both."""

Lift = Callable[[torch.Tensor], torch.Tensor]
"""Normalised keypoints (T, J, 2) of one clip to joints (T, J, 3), metres, root-relative."""

FROM_PICTURE = (
    ", from the picture's units by the clip's camera and the true depth of the root (2.5D)"
)

DIGITS = 4
"""Decimals of reported metrics: a tenth of a micrometre, above what differs between processors."""


@dataclass(frozen=True)
class Lifting:
    """A model as a function of one clip, in evaluation mode and float32; made by `lifting`."""

    model: Lifter
    flip_test: bool
    batch_size: int | None

    def __call__(self, keypoints: torch.Tensor) -> torch.Tensor:
        """(T, J, features) -> (T, J, 3), in the units of the model."""
        lift = lift_clip_flipped if self.flip_test else lift_clip
        return lift(self.model, keypoints, self.batch_size)


def lifting(model: Lifter, *, flip_test: bool, batch_size: int | None = None) -> Lifting:
    """The model as a function of one clip; `flip_test` averages the answers for the clip and for
    its mirror image, `batch_size` is as for `lift_clip`."""
    model.eval()
    return Lifting(model, flip_test, batch_size)


def predict_one(lift: Lift, clips: ClipSet, clip: int) -> NDArray[np.float32]:
    """The answers (n, J, 3) for the valid frames of one clip, metres: all frames are lifted.

    A model that answers in the picture's units is given the camera and the root's true depth.

    Raises:
        DataError: no frame is valid, or the picture's units cannot be brought to metres.
    """
    frames, info = clips.frames_of(clip), clips.info[clip]
    valid = clips.valid[frames]
    if not bool(valid.any()):
        raise DataError(f"{info.sequence}, camera {info.camera}: no valid frame to score")
    answers = lift(clips.keypoints[frames])
    if isinstance(lift, Lifting) and lift.model.units == PICTURE:
        answers = _in_metres(answers, clips, clip)
    return answers[valid].float().cpu().numpy()


def _in_metres(answers: torch.Tensor, clips: ClipSet, clip: int) -> torch.Tensor:
    frames, info = clips.frames_of(clip), clips.info[clip]
    if clips.roots is None:
        raise DataError(f"{info.sequence}: clips without the root's place, expected those of files")
    roots = clips.roots[frames]
    try:
        camera = fit_camera(clips.keypoints[frames], clips.targets[frames] + roots[:, None])
    except DataError as error:
        raise DataError(f"{info.sequence}, camera {info.camera}: {error}") from error
    return to_metres(answers, roots, camera)


def score_one(lift: Lift, clips: ClipSet, clip: int) -> ClipScore:
    """Score one clip's valid frames by its dataset's rules; velocities are taken between those that
    follow one another.

    Raises:
        DataError: no frame is valid, or a prediction is not finite.
    """
    frames, info = clips.frames_of(clip), clips.info[clip]
    valid = clips.valid[frames]
    return score_clip(
        predict_one(lift, clips, clip),
        clips.targets[frames][valid].cpu().numpy(),
        numbers=valid.nonzero()[:, 0].cpu().numpy(),
        sequence=info.sequence,
        subject=info.subject,
        action=info.action,
        camera=info.camera,
        rules=rules_of(info.dataset),
    )


def evaluate(lift: Lift, clips: ClipSet, order: Iterable[int] | None = None) -> list[ClipScore]:
    """Scores of all clips (or those in `order`), in that order."""
    return [
        score_one(lift, clips, clip) for clip in (range(len(clips)) if order is None else order)
    ]


def summary(scores: Sequence[ClipScore]) -> dict[str, Any]:
    """The two averages and the actions, rounded: what `scores.json` holds for one seed."""
    result: dict[str, Any] = rounded(aggregate(scores))
    return result


def rounded(values: Any) -> Any:
    """The same nested mapping with numbers rounded to DIGITS decimals."""
    if isinstance(values, Mapping):
        return {key: rounded(value) for key, value in values.items()}
    return round(values, DIGITS) if isinstance(values, float) else values


def scored_clips(clips: ClipSet, displaced: str) -> list[int]:
    """The clips that are scored: all, or with `displaced` "drop" those of takes whose 3D is where
    the person is.

    Raises:
        ConfigError: `displaced` is neither "keep" nor "drop".
    """
    if displaced not in DISPLACED_TAKES:
        raise ConfigError(f"displaced = {displaced!r}, expected {' or '.join(DISPLACED_TAKES)}")
    left_out = displaced_takes(clips) if displaced == "drop" else ()
    return [number for number, clip in enumerate(clips.info) if clip.sequence not in left_out]


def displaced_takes(clips: ClipSet) -> tuple[str, ...]:
    """The takes of Human3.6M among the clips whose 3D lies beside the person."""
    found = {clip.sequence for clip in clips.info if clip.dataset in BENCHMARK}
    return tuple(take for take in DISPLACED if take in found)


def _left_out(clips: ClipSet, displaced: str) -> tuple[tuple[str, ...], str]:
    """The benchmark's takes that are not scored, and what became of the displaced ones in words."""
    if clips.info[0].dataset not in BENCHMARK:
        return (), NO_DISPLACED
    # The twin leaves out what the benchmark's archives leave out.
    dropped, known = dropped_takes(clips.sequences()), displaced_takes(clips)
    if not known:
        return (*dropped, *DISPLACED), NO_PICTURES
    return (*dropped, *known) if displaced == "drop" else dropped, DISPLACED_TAKES[displaced]


def protocol_of(
    clips: ClipSet,
    keypoints: str,
    *,
    flip_test: bool,
    frames: str = "every frame",
    displaced: str = "keep",
    units: str = METRES,
) -> Protocol:
    """The conditions under which these clips are scored; `frames` says which ones clips hold,
    `displaced` ("keep" or "drop") what becomes of the takes whose 3D is displaced, `units` in what
    the lifter answers.

    Raises:
        DataError: clips of different datasets, whose scores may not be averaged.
    """
    datasets = sorted({clip.dataset for clip in clips.info})
    if len(datasets) != 1:
        raise DataError(f"test clips of the datasets {datasets}, expected one")
    valid = "" if bool(clips.valid.all()) else ", where valid"
    cameras = "of every test camera" if frames == "every frame" else "of test cameras"
    rules = rules_of(datasets[0])
    dropped, said = _left_out(clips, displaced)
    return Protocol(
        dataset=datasets[0],
        keypoints=keypoints,
        joint_set=rules.joint_set,
        alignment=rules.alignment + (FROM_PICTURE if units == PICTURE else ""),
        averaging=rules.averaging,
        frames=f"{frames} {cameras}{valid}",
        dropped=dropped,
        displaced=said,
        flip_test=flip_test,
    )
