"""The conditions a number was measured under, stored and printed beside every number."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from gsam.errors import DataError

ACTION_MEAN = "action_mean"
FRAME_MEAN = "frame_mean"
AVERAGES = {
    ACTION_MEAN: "unweighted mean of the per-action means",
    FRAME_MEAN: "mean over all frames",
}


DISPLACED_TAKES = {
    "keep": "kept and scored (VideoPose3D's protocol)",
    "drop": "left out (the H36M-SH line's protocol)",
}
"""What may become of the test takes whose 3D is displaced; figures of the two do not compare."""
NO_DISPLACED = "none in this dataset"
NO_PICTURES = "left out (not among the clips: their pictures cannot be labelled)"


@dataclass(frozen=True)
class Protocol:
    """What was scored, how it was aligned and how it was averaged.

    ``dropped`` names the takes left out, ``displaced`` says what became of Human3.6M's three test
    takes with displaced 3D, ``averaging`` the headline average (both are always reported),
    ``keypoints`` the 2D source; ``pck_joints`` the joints of PCK and AUC. Raises DataError for an
    unknown average.
    """

    dataset: str
    keypoints: str
    joint_set: str = "human36m_17"
    root: str = "pelvis"
    alignment: str = "root-relative"
    frames: str = "every frame of every test camera"
    dropped: tuple[str, ...] = ()
    displaced: str = NO_DISPLACED
    averaging: str = ACTION_MEAN
    flip_test: bool = True
    pck_joints: str = "mpi_inf_3dhp_14"
    units: str = "mm, mm per frame (mpjve_mm), percent (pck150, auc)"

    def __post_init__(self) -> None:
        if self.averaging not in AVERAGES:
            raise DataError(
                f"protocol averaging {self.averaging!r}: expected one of {', '.join(AVERAGES)}"
            )
        object.__setattr__(self, "dropped", tuple(self.dropped))

    def as_dict(self) -> dict[str, Any]:
        """All fields with JSON types; inverse of :meth:`from_dict`."""
        return {**asdict(self), "dropped": list(self.dropped)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Protocol":
        """The protocol stored by :meth:`as_dict`; DataError for a missing or unknown field."""
        expected = {field.name for field in fields(cls)}
        if set(values) != expected:
            wrong = ", ".join(sorted(set(values) ^ expected))
            raise DataError(f"protocol has missing or unknown fields {wrong}: expected {expected}")
        return cls(**values)

    def describe(self) -> str:
        """One line for people."""
        dropped = f" without {', '.join(self.dropped)}" if self.dropped else ", none dropped"
        return (
            f"{self.dataset}, {self.joint_set} joints relative to {self.root}, "
            f"alignment {self.alignment}, {self.frames}{dropped}, "
            f"displaced takes {self.displaced}, "
            f"headline {self.averaging} ({AVERAGES[self.averaging]}), "
            f"flip-test {'on' if self.flip_test else 'off'}, 2D from {self.keypoints}, "
            f"PCK over {self.pck_joints}, {self.units}"
        )
