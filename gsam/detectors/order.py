"""Which people a detector is trained on, in what order: a function of seed and step alone.

Every worker computes the same order and takes its own slice of each batch, so one worker or eight
see the same batches, and an interrupted training finds its place again from the number of the step.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gsam.detectors.samples import usable_people
from gsam.images import ImageSet
from gsam.training.holdout import TAKES, kept_back
from gsam.training.order import stream
from gsam.training.task import shares

__all__ = ["PeopleOrder", "Slice", "held_out_people"]

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Slice:
    """One process's part of one batch: its people (n,), in which epoch (from 0). `spare`: the batch
    has none for this process, which is lent its first person to be computed without weight."""

    epoch: int
    people: tuple[int, ...]
    spare: bool


@dataclass(frozen=True, eq=False)
class PeopleOrder:
    """The batches of every epoch, for the process number `rank` of `world`.

    people (n,): whom to train on. limit: only the first so many of an epoch's permutation; 0: all.
    """

    people: Numbers
    seed: int
    batch_size: int
    limit: int = 0
    rank: int = 0
    world: int = 1

    @property
    def size(self) -> int:
        """People per epoch, over all processes."""
        return min(self.limit or len(self.people), len(self.people))

    @cached_property
    def cuts(self) -> list[tuple[int, int]]:
        """Start and stop of every batch of an epoch."""
        return shares(self.size, self.batch_size)

    def for_rank(self, rank: int, world: int) -> PeopleOrder:
        """The same order for another process."""
        return replace(self, rank=rank, world=world)

    def epoch(self, epoch: int) -> Numbers:
        """The people of an epoch in their order, for all processes together."""
        generator = np.random.default_rng(stream("people", self.seed, epoch))
        return self.people[generator.permutation(len(self.people))[: self.size]]

    def slices(self, epoch: int) -> list[Slice]:
        """This process's part of every batch of an epoch."""
        order = self.epoch(epoch)
        parts = []
        for start, stop in self.cuts:
            mine = order[start + self.rank : stop : self.world]
            lent = order[start : start + 1]
            people = mine if len(mine) else lent
            parts.append(Slice(epoch, tuple(people.tolist()), not len(mine)))
        return parts


def held_out_people(images: ImageSet, samples: int) -> tuple[Numbers, Numbers]:
    """Numbers of the people to train on and, at most `samples`, to validate on.

    Whole takes with all their cameras are held out where images come from takes (one of ten, at
    most four), else whole images (one of ten). None are when `samples` is 0.
    """
    people = usable_people(images)
    names = [str(name) for name in images.rows["image"].to_pylist()]
    takes = images.rows["sequence"].to_pylist()
    whole = all(take is not None for take in takes)
    if whole:
        names = takes
    held = kept_back(sorted(set(names)), min(TAKES, samples) if whole else samples)
    out = np.array([name in held for name in names], bool)[images.person_image[people]]
    validated = people[out]
    if len(validated) > samples:
        validated = validated[np.arange(samples) * len(validated) // samples]
    return people[~out], validated
