"""Videos of the twin in the raw layout of 3DPW: people outdoors and in rooms, filmed by hand."""

from gsam.twin.video.config import TwinVideoConfig

__all__ = ["TwinVideoConfig"]
