"""Where the people lie that mesh regressors are trained on and checked by."""

from collections.abc import Sequence

from gsam.meshes.sources import SourceFiles
from stages.paths import BODIES, IMAGES

__all__ = ["LABELLED", "source_files", "training_files"]

LABELLED = "threedpw"
"""The set of images whose people have SMPL labels, in data/bodies."""


def source_files(name: str, split: str) -> SourceFiles:
    """One split of a set of images, by absolute paths: other processes read it too."""
    labels = BODIES.resolve() if name == LABELLED else None
    return SourceFiles(name, split, (IMAGES / name).resolve(), labels)


def training_files(names: Sequence[str]) -> tuple[SourceFiles, ...]:
    """The training splits of several sets."""
    return tuple(source_files(name, "train") for name in names)
