"""The images of 3DPW with their people, split by split, from whichever of its forms a folder holds.

What is not kept is counted: frames without a tracked camera, people of whom too few joints were
detected or who are out of view, and images that are missing on disk.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from gsam.datasets.threedpw.labels import LabelBody, LabelledFrame, label_frames
from gsam.datasets.threedpw.npz import label_preprocessed, preprocessed_files, read_preprocessed
from gsam.datasets.threedpw.pickles import SPLITS, image_file, read_sequence, sequence_files
from gsam.datasets.threedpw.sequence import Sequence3dpw
from gsam.errors import DataError
from gsam.images import decode_jpeg

__all__ = ["Picture", "ThreedpwSource"]

T = TypeVar("T")

_FRAMES_AT_ONCE = 64
"""Posed together: enough for the matrix products, little enough for videos of any length."""

log = logging.getLogger(__name__)


class Picture(NamedTuple):
    """An image, its people, and the file that its bytes are from."""

    frame: LabelledFrame
    jpeg: bytes
    file: Path


def _plainly(items: Iterable[T], name: str) -> Iterable[T]:
    return items


@dataclass(eq=False)
class ThreedpwSource:
    """What to read of a folder, and what was left out of it so far.

    folder: of sequenceFiles or, without it, 3dpw_train.npz and 3dpw_test.npz, and of imageFiles;
    step: every step-th frame of a sequence is taken; part_size: side of the part maps; bodies: of
    `label_bodies`; progress: wraps the files of a split, given its name. left_out: by sequence, the
    person-frames and images that were not kept, by reason.
    """

    folder: Path
    step: int
    part_size: int
    bodies: Mapping[str, LabelBody]
    progress: Callable[[Iterable[Path], str], Iterable[Path]] = _plainly
    left_out: dict[str, dict[str, int]] = field(default_factory=dict)

    def splits(self) -> dict[str, Iterator[Picture]]:
        """The images of train, validation and test that show somebody, in order of their names.

        Raises:
            LicensedDataMissing: the folder holds neither form.
            DataError: while iterating: a file cannot be used or none of a sequence's images is
                there; the message names it.
        """
        npz = preprocessed_files(self.folder)
        if npz is None or (self.folder / "sequenceFiles").is_dir():
            files = sequence_files(self.folder)
            return {split: self._of_pickles(split, files[split]) for split in SPLITS}
        people = read_preprocessed(*npz)
        return {
            split: self._of_frames(label_preprocessed(people[split], self.bodies))
            for split in SPLITS
        }

    def _of_pickles(self, split: str, files: list[Path]) -> Iterator[Picture]:
        for path in self.progress(files, split):
            yield from self._of_sequence(read_sequence(path))

    def _of_sequence(self, sequence: Sequence3dpw) -> Iterator[Picture]:
        rows = slice(None, None, self.step)
        tracked, detected = sequence.tracked[:, rows], sequence.detected[:, rows]
        kept = tracked & detected
        frames = (self.step * np.flatnonzero(kept.any(axis=0))).tolist()
        shown = [frame for frame in frames if self._file(sequence.name, frame).is_file()]
        self._miss(sequence.name, sorted(set(frames) - set(shown)), len(frames))
        people = 0
        for start in range(0, len(shown), _FRAMES_AT_ONCE):
            for picture in self._labelled(sequence, shown[start : start + _FRAMES_AT_ONCE]):
                people += len(picture.frame.labels)
                if picture.frame.labels:
                    yield picture
        self._count(
            sequence.name,
            not_tracked=int((~tracked).sum()),
            not_detected=int((tracked & ~detected).sum()),
            out_of_view=int(kept[:, np.array(shown, dtype=np.int64) // self.step].sum()) - people,
        )

    def _labelled(self, sequence: Sequence3dpw, frames: list[int]) -> Iterator[Picture]:
        """The same frames with their people, of whom there may be none."""
        files = [self._file(sequence.name, frame) for frame in frames]
        jpegs = [file.read_bytes() for file in files]
        sizes = [
            decode_jpeg(jpeg, str(file)).shape[1::-1]
            for jpeg, file in zip(jpegs, files, strict=True)
        ]
        labelled = label_frames(sequence, frames, sizes, self.bodies, self.part_size)
        yield from map(Picture, labelled, jpegs, files)

    def _of_frames(self, frames: Iterator[LabelledFrame]) -> Iterator[Picture]:
        """Preprocessed people, whose images are opened one at a time."""
        absent: dict[str, list[int]] = {}
        total: dict[str, int] = {}
        for frame in frames:
            file = self._file(frame.sequence, frame.frame)
            total[frame.sequence] = total.get(frame.sequence, 0) + 1
            if not file.is_file():
                absent.setdefault(frame.sequence, []).append(frame.frame)
                continue
            jpeg = file.read_bytes()
            decode_jpeg(jpeg, str(file))
            yield Picture(frame, jpeg, file)
        for sequence, wanted in total.items():
            self._miss(sequence, absent.get(sequence, []), wanted)

    def _file(self, sequence: str, frame: int) -> Path:
        return image_file(self.folder, sequence, frame)

    def _miss(self, sequence: str, absent: list[int], wanted: int) -> None:
        """Say once per sequence which images are missing."""
        if not absent:
            return
        first = self._file(sequence, absent[0])
        if len(absent) == wanted:
            raise DataError(f"{first}: missing, as are all {wanted} images of {sequence}")
        log.warning("%s: missing, %d of %d images of %s", first, len(absent), wanted, sequence)
        self._count(sequence, images_missing=len(absent))

    def _count(self, sequence: str, **reasons: int) -> None:
        counts = {reason: number for reason, number in reasons.items() if number}
        if counts:
            self.left_out[sequence] = self.left_out.get(sequence, {}) | counts
        if counts.get("out_of_view"):
            log.warning("%s: left out %d people out of view", sequence, counts["out_of_view"])
