"""Maps of body parts in colour."""

import cv2
import numpy as np
from numpy.typing import NDArray

from gsam.skeletons import SMPL_24

__all__ = ["coloured_parts"]

BACKGROUND = 60


def coloured_parts(parts: NDArray[np.integer]) -> NDArray[np.uint8]:
    """A map (H, W) of 0 for background and 1 to 24 as (H, W, 3) RGB, each part in its own colour.

    Neighbours in the body's tree are far apart in hue.
    """
    count = SMPL_24.size + 1
    hues = (np.arange(count) * 67 % 180).astype(np.uint8)
    full = np.full(count, 170, np.uint8), np.full(count, 235, np.uint8)
    palette = cv2.cvtColor(np.stack([hues, *full], axis=1)[None], cv2.COLOR_HSV2RGB)[0]
    palette[0] = BACKGROUND
    return np.asarray(palette[parts], dtype=np.uint8)
