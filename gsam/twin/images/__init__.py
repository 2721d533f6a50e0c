"""Pictures of the twin in the raw layouts of Human3.6M, COCO keypoints and MPII."""

from gsam.twin.images.config import TwinImagesConfig

__all__ = ["TwinImagesConfig"]
