"""Human3.6M in the community's files (and the synthetic twin, which is written in the same layout).

`data_3d_h36m.npz` holds `positions_3d`, {subject: {take: (T, 32 or 17, 3)}} in world metres at 50
Hz. S9's three takes whose 3D is displaced in the world (`files.DISPLACED`) are read as all others:
whether they are scored is the protocol's choice. S11's `Directions` (one camera's video is
unreadable) is absent from the files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gsam.datasets.human36m.files import (
    ACTIONS,
    POSES_FILE,
    SUBJECTS,
    TEST_SUBJECTS,
    action_of,
    canonical_take,
    require_files,
)
from gsam.datasets.human36m.joints import world_joints
from gsam.datasets.human36m.take import human36m_take
from gsam.datasets.takes import Take
from gsam.errors import ConfigError, DataError
from gsam.unpickle import load_object_npz

__all__ = ["check_test_subjects", "read_takes"]


def read_takes(
    folder: str | os.PathLike[str],
    test_subjects: Sequence[str] = TEST_SUBJECTS,
    *,
    dataset: str = "human36m",
    subjects: Sequence[str] = SUBJECTS,
) -> Iterator[Take]:
    """All takes of `data_3d_h36m.npz` in `folder`, by subject (in the order given) and take name.

    Joints are float32 world metres of Human3.6M-17; each take has its subject's four cameras;
    `test` is the split of `test_subjects`, `train` of the others.

    Raises LicensedDataMissing when the file is absent; ConfigError for test subjects that are not
    among `subjects`; DataError, naming file, subject and take, for another set of subjects, unknown
    actions, a wrong shape, no frames, values that are not finite, and units other than metres.
    """
    check_test_subjects(test_subjects, subjects)
    require_files(folder, POSES_FILE)
    path = Path(folder) / POSES_FILE
    content = _mapping(load_object_npz(path, "positions_3d"), f"{path}: positions_3d", "subjects")
    if set(content) != set(subjects):
        raise DataError(f"{path}: subjects {sorted(content)}, expected {sorted(subjects)}")
    return _takes(path, content, subjects, test_subjects, dataset)


def check_test_subjects(test_subjects: Sequence[str], subjects: Sequence[str] = SUBJECTS) -> None:
    """Raise ConfigError unless some but not all of the subjects are for tests."""
    unknown = [name for name in test_subjects if name not in subjects]
    if unknown or len(set(test_subjects)) in (0, len(subjects)):
        raise ConfigError(
            f"test_subjects: {list(test_subjects)}, expected some but not all of {list(subjects)}"
        )


def _takes(
    path: Path,
    content: Mapping[str, Any],
    subjects: Sequence[str],
    test_subjects: Sequence[str],
    dataset: str,
) -> Iterator[Take]:
    for subject in subjects:
        takes = _mapping(content[subject], f"{path}: {subject}", "takes")
        named = {canonical_take(name): name for name in takes}
        if len(named) != len(takes):
            raise DataError(f"{path}: {subject} has one take under two names among {sorted(takes)}")
        for name in sorted(named):
            where = f"{path}: {subject} {name!r}"
            if action_of(name) not in ACTIONS:
                raise DataError(f"{where}: unknown action, expected one of {', '.join(ACTIONS)}")
            joints = world_joints(takes[named[name]], where)
            yield human36m_take(subject, name, joints, dataset=dataset, test_subjects=test_subjects)


def _mapping(value: Any, where: str, of: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise DataError(f"{where}: found {type(value).__name__}, expected a dictionary of {of}")
    if not value:
        raise DataError(f"{where}: empty, expected {of}")
    return value
