"""The synthetic twin of MPI-INF-3DHP: eight training and six test people, fourteen cameras, written
in the original's layout or as P-STMO's archives of arrays.
"""

from gsam.twin.threedhp.config import TwinThreedhpConfig
from gsam.twin.threedhp.generate import LAYOUTS, generate

__all__ = ["LAYOUTS", "TwinThreedhpConfig", "generate"]
