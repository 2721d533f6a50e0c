"""A take of Human3.6M, whichever of its files the joints are from."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from gsam.datasets.human36m.cameras import human36m_cameras
from gsam.datasets.human36m.files import FPS, action_of
from gsam.datasets.takes import Take

__all__ = ["human36m_take"]


def human36m_take(
    subject: str,
    name: str,
    joints: NDArray[np.float32],
    *,
    dataset: str,
    test_subjects: Collection[str],
) -> Take:
    """The take `name` (as the community spells it) with its subject's four cameras.

    joints (T, 17, 3) float32, world metres; DataError, as of `Take`, for joints that are not.
    """
    return Take(
        dataset=dataset,
        subject=subject,
        action=action_of(name),
        name=name,
        fps=FPS,
        split="test" if subject in test_subjects else "train",
        joints=joints,
        cameras=human36m_cameras()[subject],
    )
