"""Measures of one body that the motion needs: bone vectors, foot geometry and the size of its
steps.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gsam.twin.blocks import Array

# SMPL-24 indices, left then right.
HIPS, KNEES, ANKLES, TOES = (1, 2), (4, 5), (7, 8), (10, 11)
COLLARS, SHOULDERS, ELBOWS, WRISTS, HANDS = (13, 14), (16, 17), (18, 19), (20, 21), (22, 23)
SPINE = (3, 6, 9)
NECK, HEAD = 12, 15
# SMPL axes (x left, y up, z forward) -> person axes (x forward, y left, z up).
TO_PERSON = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
# Lengths of the body that the recipes' metres were written for.
USUAL_ARM, USUAL_LEG = 0.52, 0.87


@dataclass(frozen=True)
class Figure:
    """Rest pose of one body in the person's frame (x forward, y left, z up), metres.

    joints: (24, 3); sole: height of the sole (negative); parents: SMPL's tree.
    """

    joints: Array
    sole: float
    parents: tuple[int, ...]

    @classmethod
    def from_rest(
        cls, joints: NDArray[np.floating], lowest: float, parents: tuple[int, ...]
    ) -> "Figure":
        """From SMPL rest joints (24, 3) and the height of the body's lowest vertex, SMPL axes."""
        return cls(np.asarray(joints, dtype=float) @ TO_PERSON.T, float(lowest), parents)

    def bone(self, child: int) -> Array:
        """Rest vector (3,) from a joint's parent to the joint."""
        return self.joints[child] - self.joints[self.parents[child]]

    def length(self, *children: int) -> float:
        """Summed length of the bones that end at `children`."""
        return float(sum(np.linalg.norm(self.bone(child)) for child in children))

    @property
    def leg(self) -> float:
        """Thigh plus shank."""
        return self.length(KNEES[0], ANKLES[0])

    @property
    def arm_scale(self) -> float:
        """Arm length relative to the body the recipes were written for."""
        return self.length(ELBOWS[0], WRISTS[0]) / USUAL_ARM

    @property
    def leg_scale(self) -> float:
        """Leg length relative to the body the recipes were written for."""
        return self.leg / USUAL_LEG

    @property
    def ankle_height(self) -> float:
        """Height of the ankle joint above the sole."""
        return float(self.joints[ANKLES[0], 2] - self.sole)

    @property
    def ball(self) -> float:
        """Distance from below the ankle forward to the ball of the foot."""
        return float(self.joints[TOES[0], 0] - self.joints[ANKLES[0], 0])

    @property
    def heel(self) -> float:
        """Distance from below the ankle back to the heel's edge."""
        return 0.4 * self.ball

    @property
    def hip_height(self) -> float:
        """Height of the pelvis joint above the sole with straight legs."""
        return float(self.joints[0, 2] - self.sole)

    @property
    def seat(self) -> float:
        """Height of the pelvis joint above the surface it sits on."""
        return 0.11 * self.leg_scale
