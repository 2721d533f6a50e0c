"""Which of the people of a file is meant: one person of each frame, or a question."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from gsam.detections.people import Person
from gsam.errors import ConfigError, DataError

__all__ = ["BEST", "choose"]

BEST = "best"
"""The most certain person of every frame, as VideoPose3D takes it: may jump between people."""


def choose(people: Sequence[Person], person: str | None, where: str) -> list[Person]:
    """One person per frame, in the order of frames.

    person: a track of the file, BEST, or None where there is nothing to choose. Tracks count only
    where no frame has the same one twice: AlphaPose without tracking calls everybody 0.

    Raises:
        DataError: nobody is there, or no choice was made where there is one.
        ConfigError: no such track.
    """
    if not people:
        raise DataError(f"{where}: nobody in any frame, expected at least one person")
    if person == BEST:
        return _in_order({one.frame: one for one in sorted(people, key=_certainty)})
    crowd = Counter(one.frame for one in people)
    tracked = all(one.track is not None for one in people)
    tracked = tracked and len({(one.frame, one.track) for one in people}) == len(people)
    if not tracked:
        if person is not None:
            raise ConfigError(f"--person {person}: {where} has no tracks, expected --person {BEST}")
        frame, most = max(crowd.items(), key=lambda item: (item[1], -item[0]))
        if most > 1:
            raise DataError(
                f"{where}: {most} people in frame {frame} and no tracks; say --person {BEST} (the "
                "most certain in every frame), or track people before (AlphaPose: --pose_track)"
            )
        return _in_order({one.frame: one for one in people})
    counts = Counter(str(one.track) for one in people)
    listed = ", ".join(f"{track} ({count} frames)" for track, count in counts.most_common(6))
    if person is None and len(counts) > 1:
        raise DataError(f"{where}: {len(counts)} people; say --person, one of {listed}")
    if person is not None and person not in counts:
        raise ConfigError(f"--person {person}: {where} has no such track, expected one of {listed}")
    return _in_order({one.frame: one for one in people if person in (None, one.track)})


def _certainty(person: Person) -> float:
    """The person's own score, else the mean of the joints'; unknown ones come first."""
    if np.isfinite(person.score):
        return person.score
    known = person.scores[np.isfinite(person.scores)]
    return float(known.mean()) if len(known) else -1.0


def _in_order(by_frame: dict[int, Person]) -> list[Person]:
    return [by_frame[frame] for frame in sorted(by_frame)]
