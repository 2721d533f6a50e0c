"""Maps over a picture: where attention looks, where hiding something costs most."""

import cv2
import matplotlib
import numpy as np
from numpy.typing import NDArray

__all__ = ["heat_over_picture"]

PALETTE = "inferno"
OPACITY = 0.65


def heat_over_picture(
    picture: NDArray[np.uint8], values: NDArray[np.floating]
) -> NDArray[np.uint8]:
    """A map (h, w), its lowest value dark and its highest bright, over a picture (H, W, 3) uint8
    RGB whose whole area it covers.
    """
    low, high = float(values.min()), float(values.max())
    scaled = np.clip((values - low) / max(high - low, 1e-12), 0, 1).astype(np.float32)
    height, width = picture.shape[:2]
    fine = np.asarray(cv2.resize(scaled, (width, height), interpolation=cv2.INTER_LINEAR))
    colours = matplotlib.colormaps[PALETTE](fine)[..., :3] * 255
    grey = picture.mean(axis=2, keepdims=True)
    return np.rint((1 - OPACITY) * grey + OPACITY * colours).astype(np.uint8)
