"""Which joint set a file's numbers are, and the same joints as Human3.6M-17."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsam.configs import nearest
from gsam.errors import ConfigError, DataError
from gsam.skeletons import H36M_17, SKELETONS, Skeleton, conversion_sources

__all__ = ["joint_set", "to_human36m", "usable_sets"]

_USUAL = {16: "mpii_16", 17: "coco_17", 18: "openpose_18", 25: "body_25", 26: "halpe_26"}
"""What tools mean by so many joints, unless the points contradict it."""
_CLEARLY_SHORTER = 0.7
"""Another set's bones this much shorter in total: the points are that set's. Over the twin's 59
test takes, Human3.6M's joints read as COCO's have bones 1.5 to 2.6 times as long, MPI-INF-3DHP's
1.6 to 2.5 times; COCO's own are never longer than 1 / 0.79 of what another order makes of them."""


def usable_sets() -> list[str]:
    """Names of the sets that become Human3.6M-17 by name."""
    found = []
    for name, skeleton in SKELETONS.items():
        try:
            conversion_sources(skeleton, H36M_17)
        except DataError:
            continue
        found.append(name)
    return found


def joint_set(
    points: NDArray[np.float64], named: str | None, known: str | None, where: str
) -> Skeleton:
    """The set of points (T, K, 2): `named` by the user, else `known` from the file, else the usual.

    The usual one is held against the points: the order in which bones are shortest must be its.

    Raises:
        ConfigError: the user's name is of no usable set.
        DataError: another number of joints, or no set is sure.
    """
    count, usable = points.shape[1], usable_sets()
    if named is not None and named not in usable:
        raise ConfigError(f"--joints {named}: {nearest(named, usable)}")
    name = named or known or _USUAL.get(count)
    if name is None or name not in usable:
        raise DataError(
            f"{where}: {count} joints are no set that is known here; say --joints, "
            f"one of {', '.join(usable)}"
        )
    chosen = SKELETONS[name]
    if chosen.size != count:
        raise DataError(f"{where}: {count} joints, expected the {chosen.size} of {name}")
    if named is None and known is None:
        own = _bones(points, chosen)
        others = [SKELETONS[n] for n in usable if n != name and SKELETONS[n].size == count]
        for other in others:
            if _bones(points, other) < _CLEARLY_SHORTER * own:
                raise DataError(
                    f"{where}: {count} joints, usually {name}, but the points look like "
                    f"{other.name}; say which, --joints {other.name} or --joints {name}"
                )
    return chosen


def _bones(points: NDArray[np.float64], skeleton: Skeleton) -> float:
    """Median over frames of the total length of bones, px; infinite where nothing is known."""
    parents, children = np.array(skeleton.bones).T
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        lengths = np.linalg.norm(points[:, parents] - points[:, children], axis=-1)
        total = float(np.nanmedian(np.nanmean(lengths, axis=1)))
    return total if np.isfinite(total) else np.inf


def to_human36m(
    points: NDArray[Any], scores: NDArray[np.float64], source: Skeleton
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points (T, 17, C) and scores (T, 17) from (T, K, C) and (T, K), by the rules of names.

    A mean is there when all its joints are; of the eyes, one stands for both (in profile the other
    is hidden). A derived joint is as certain as its least certain source.
    """
    rows = conversion_sources(source, H36M_17)
    eyes = [joint for joint in source.joints if joint.endswith("_eye")]
    columns, certain = [], []
    for own in rows:
        part, sure = points[:, own], scores[:, own]
        if {source.joints[row] for row in own} == set(eyes):
            lost = np.isnan(part)
            # The other eye, or NaN where both are lost.
            part = np.where(lost, part[:, ::-1], part)
            sure = np.where(lost.any(axis=-1), sure[:, ::-1], sure)
        columns.append(part.mean(axis=1))
        certain.append(sure.min(axis=1))
    return np.stack(columns, axis=1), np.stack(certain, axis=1)
