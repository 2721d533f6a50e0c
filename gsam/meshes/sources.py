"""What a mesh regressor is trained on: people of several sets of images, some with SMPL labels."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gsam.detectors.samples import usable_people
from gsam.errors import ConfigError, DataError
from gsam.images import ImageSet
from gsam.images.bodies import BodyLabels
from gsam.skeletons import COCO_17, MPII_16, SPIN_24, Skeleton
from gsam.training.sampling import SampleOrder

__all__ = ["MeshSamples", "MeshSource", "MeshSources", "SourceFiles", "spin_rows"]

# Joints of the sets that PARE is trained on, where they are called otherwise among SPIN's 24.
_NAMES: Mapping[Skeleton, Mapping[str, str]] = {
    SPIN_24: {},
    MPII_16: {"upper_neck": "neck"},
    COCO_17: {},
}


@dataclass(frozen=True, kw_only=True)
class MeshSamples:
    """The people in images that a mesh regressor is trained on."""

    mix: dict[str, float] = field(default_factory=lambda: {"threedpw": 0.6, "mpii": 0.4})
    """Part of every epoch that is from each set of images, in proportion; 0: none is. A set of
    fewer people is walked again within an epoch, varied differently."""
    epoch_samples: int = 0
    """People drawn per epoch; 0: as many as all sets have."""
    validation_samples: int = 256
    """Most people of the validation split on whom the validation curve is drawn; 0: none is."""

    def problems(self) -> list[str]:
        """Impossible values, beyond types."""
        found = [
            f"{name} = {getattr(self, name)}: expected 0 or more"
            for name in ("epoch_samples", "validation_samples")
            if getattr(self, name) < 0
        ]
        for name, share in self.mix.items():
            if isinstance(share, bool) or not isinstance(share, int | float) or not share >= 0:
                found.append(f"mix.{name} = {share!r}: expected a number of 0 or more")
        if not found and not 0 < sum(self.mix.values()) < float("inf"):
            found.append(f"mix = {self.mix}: expected a share above 0")
        return found

    @property
    def names(self) -> tuple[str, ...]:
        """The sets that are trained on, sorted."""
        return tuple(sorted(name for name, share in self.mix.items() if share > 0))


@dataclass(frozen=True)
class SourceFiles:
    """Where one source lies: the folder of its images and, where there are SMPL labels, theirs."""

    name: str
    split: str
    images: Path
    labels: Path | None = None

    def open(self) -> MeshSource:
        """Read the tables of images and labels.

        Raises:
            DataError: a table or a shard is absent or damaged, the labels are of other people, the
                joints are of no set that SPIN's 24 have, or nobody has a box and a labelled joint.
        """
        images = ImageSet.load(self.images, self.split)
        labels = BodyLabels.load(self.labels, self.split, images) if self.labels else None
        return MeshSource(self.name, images, labels)


@dataclass(frozen=True, eq=False)
class MeshSource:
    """One set of images, labelled with joints and, if `labels`, with SMPL (row p of person p)."""

    name: str
    images: ImageSet
    labels: BodyLabels | None = None

    def __post_init__(self) -> None:
        spin_rows(self.images)
        if not len(self.people):
            folder = self.images.folder
            raise DataError(f"{folder}: nobody with a box and a labelled joint to train on")

    @cached_property
    def people(self) -> NDArray[np.int64]:
        """Numbers of the people with a box and a labelled joint."""
        return usable_people(self.images)

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """Place of every joint of the images' set among SPIN's 24 (J,)."""
        return spin_rows(self.images)


def spin_rows(images: ImageSet) -> NDArray[np.int64]:
    """Place of every joint of the images' set among SPIN's 24 (J,).

    Raises:
        DataError: a joint set whose points are not those of SPIN's.
    """
    skeleton = images.skeleton
    if skeleton not in _NAMES:
        known = ", ".join(one.name for one in _NAMES)
        raise DataError(
            f"{images.folder}: joints of {skeleton.name}, expected one of {known} to train a mesh "
            "regressor on"
        )
    names = _NAMES[skeleton]
    return np.array(SPIN_24.indices([names.get(joint, joint) for joint in skeleton.joints]))


@dataclass(frozen=True, eq=False)
class MeshSources:
    """Several sources whose people are numbered through: those of the second after the first's."""

    sources: tuple[MeshSource, ...]

    @classmethod
    def open(cls, files: Sequence[SourceFiles]) -> MeshSources:
        """Read every source's tables.

        Raises:
            DataError: as `SourceFiles.open`.
        """
        return cls(tuple(one.open() for one in files))

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Number of the first person of every source, and one past the last's last (n + 1,)."""
        return np.cumsum([0, *(len(one.images.person_image) for one in self.sources)])

    @property
    def data_hash(self) -> str:
        """Identifies the images and labels of all sources."""
        parts = [
            f"{one.name} {one.images.data_hash} {one.labels.data_hash if one.labels else ''}\n"
            for one in self.sources
        ]
        return hashlib.sha256("".join(parts).encode()).hexdigest()

    def find(self, item: int) -> tuple[MeshSource, int]:
        """The source and its person of a number."""
        place = int(np.searchsorted(self.starts, item, side="right")) - 1
        return self.sources[place], item - int(self.starts[place])

    def order(self, samples: MeshSamples, seed: int, batch_size: int) -> SampleOrder:
        """Which people every epoch is made of, in the shares that `samples` states.

        Raises:
            ConfigError: the sources are not those of the mix.
        """
        names = sorted(one.name for one in self.sources)
        if names != list(samples.names):
            raise ConfigError(f"samples.mix = {samples.mix}: the sources are {', '.join(names)}")
        pools = tuple(
            one.people + start for one, start in zip(self.sources, self.starts, strict=False)
        )
        shares = tuple(float(samples.mix[one.name]) for one in self.sources)
        return SampleOrder(pools, shares, seed, batch_size, samples.epoch_samples)
