"""The synthetic twin of Human3.6M: seven bodies, fifteen actions, four cameras, written in the
original's raw layout.
"""

from gsam.twin.config import TwinConfig
from gsam.twin.generate import generate

__all__ = ["TwinConfig", "generate"]
