"""What lies on a head: hair, a beard, eyes, brows and lips, by place on the T-posed head."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gsam.render.appearance import Hair

__all__ = ["head_place", "on_head"]

Floats = NDArray[np.float32]

# Height of the top of the head above the head joint of the body that these places were read off,
# metres; other heads are scaled to it. Places are relative to the joint: y up, z to the front.
USUAL_HEAD = 0.183
# Lower border of the hair: height over z, from the nape over the ears to the forehead.
BORDER_Z = (-0.08, 0.0, 0.022, 0.04, 0.075, 0.105)
BORDER_SHORT = (-0.02, 0.01, 0.055, 0.085, 0.112, 0.136)
BORDER_FULL = (-0.045, -0.02, 0.02, 0.07, 0.105, 0.136)
# At the nape long hair falls down to between the shoulder blades.
BORDER_LONG = (-0.2, -0.17, -0.03, 0.04, 0.1, 0.136)
CAP_HEIGHT = 0.098
EYE_X, EYE_Y, BROW_Y, MOUTH_Y = 0.031, 0.07, 0.09, -0.006
FACE_Z = 0.075  # eyes, brows and lips lie further to the front


def head_place(rest: Floats, joint: Floats, top: float) -> Floats:
    """T-pose points (P, 3) relative to the head joint (3,), metres on a head of the usual size."""
    scale = USUAL_HEAD / (top - float(joint[1]))
    return (rest - joint) * np.float32(scale)


def on_head(place: Floats, hair: Hair, wave: Floats) -> dict[str, NDArray[np.bool_]]:
    """Masks (P,) of what covers points (P, 3) as `head_place` gives them, later ones over earlier.

    wave (P,): metres that the border of the hair moves.
    """
    x, y, z = place[:, 0], place[:, 1], place[:, 2]
    side, front = np.abs(x), z > FACE_Z
    off_eye = side - EYE_X
    across, above = (off_eye / 0.0145) ** 2, y - EYE_Y
    lips = ((x / 0.025) ** 2 + ((y - MOUTH_Y) / 0.0085) ** 2 < 1) & front
    return {
        "beard": _beard(x, y, z) if hair.beard else np.zeros(len(x), dtype=bool),
        "brows": (np.abs(off_eye) < 0.017) & (np.abs(y - BROW_Y + 8 * off_eye**2) < 0.004) & front,
        "lips": lips,
        "eyes": (across + (above / 0.0075) ** 2 < 1) & front,
        "irises": (off_eye**2 + above**2 < 0.0065**2) & front,
        "hair": _hair(place, hair, wave),
    }


def _beard(x: Floats, y: Floats, z: Floats) -> NDArray[np.bool_]:
    """Chin, jaw and upper lip."""
    cheek = np.where(np.abs(x) < 0.03, 0.014, 0.045 - 0.55 * z)
    return (z > 0.02) & (y < cheek) & (y > -0.06)


def _hair(place: Floats, hair: Hair, wave: Floats) -> NDArray[np.bool_]:
    x, y, z = place[:, 0], place[:, 1], place[:, 2]
    if hair.cut == "bald":
        return np.zeros(len(x), dtype=bool)
    if hair.cut == "cap":
        return y > CAP_HEIGHT
    border = {"short": BORDER_SHORT, "full": BORDER_FULL, "long": BORDER_LONG}[hair.cut]
    height = np.interp(z, BORDER_Z, border)
    forehead = np.clip((z - 0.06) / 0.03, 0, 1)
    height += forehead * (hair.parting * x - 0.25 * hair.fringe)
    on = y > height + 0.7 * wave
    # Hair hangs down the back of the neck, not down the arms or the chest.
    on &= np.abs(x) < 0.105
    if hair.cut == "short":
        ear = (np.abs(x) > 0.076) & (y > 0.01) & (y < 0.077) & (z > -0.012) & (z < 0.035)
        on &= ~ear
    return on
