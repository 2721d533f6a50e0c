"""Which of 3DPW's sequences count as occluded: the subset 3DPW-OCC, by the names of its scenes."""

__all__ = ["OCCLUDED_PREFIXES", "is_occluded", "scene_of"]

OCCLUDED_PREFIXES = (
    "courtyard_backpack",
    "courtyard_basketball",
    "courtyard_bodyScannerMotions",
    "courtyard_box",
    "courtyard_golf",
    "courtyard_jacket",
    "courtyard_laceShoe",
    "downtown_stairs",
    "flat_guitar",
    "flat_packBags",
    "outdoors_climbing",
    "outdoors_crosscountry",
    "outdoors_fencing",
    "outdoors_freestyle",
    "outdoors_golf",
    "outdoors_parcours",
    "outdoors_slalom",
)
"""Scenes in which objects or other people hide much of a person (PARE's occlusion analysis)."""


def scene_of(sequence: str) -> str:
    """A sequence's name up to its second underscore: `courtyard_golf_00` is of `courtyard_golf`."""
    return "_".join(sequence.split("_")[:2])


def is_occluded(sequence: str) -> bool:
    """Whether a sequence is one of 3DPW-OCC's: its whole scene counts, not the start of a name."""
    return scene_of(sequence) in OCCLUDED_PREFIXES
