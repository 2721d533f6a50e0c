"""The raw layout of 3DPW, one sequence at a time: pieces for any number of processes."""

from pathlib import Path

import numpy as np

from gsam.storage import atomic_path
from gsam.twin.video.config import TwinVideoConfig
from gsam.twin.video.python2_pickle import dumps
from gsam.twin.video.sequence_file import sequence_content
from gsam.twin.video.sequences import SequencePlan
from gsam.twin.video.shoot import open_shoot


def write_sequence(folder: Path, config: TwinVideoConfig, plan: SequencePlan) -> int:
    """Render one sequence and write it below `folder`; returns its number of pictures.

    Pictures are `imageFiles/<name>/image_%05d.jpg`, numbered from 0 by their frames, labels
    `sequenceFiles/<split>/<name>.pkl`, written last. The same config gives the same bytes.
    """
    shoot = open_shoot(config, plan)
    levels = []
    for number, frame in enumerate(range(0, config.rows, config.step)):
        jpeg, seen = shoot.film(number)
        levels.append(seen)
        _write(folder / "imageFiles" / plan.name / f"image_{frame:05d}.jpg", jpeg)
    content = sequence_content(shoot, np.stack(levels))
    _write(folder / "sequenceFiles" / plan.split / f"{plan.name}.pkl", dumps(content))
    return len(levels)


def _write(path: Path, content: bytes) -> None:
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
