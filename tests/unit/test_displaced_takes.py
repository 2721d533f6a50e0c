"""Human3.6M's displaced takes: scored or left out as the protocol says, and said either way."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gsam.clips import ClipSet
from gsam.datasets.human36m.files import DISPLACED
from gsam.errors import ConfigError
from gsam.evaluation import evaluate, protocol_of, scored_clips, summary
from gsam.metrics.protocol import Protocol
from gsam.results.measured import Scores
from gsam.results.notes import _displaced_note
from tests.synthetic_clips import training_clips

NAMES = ("S9/Waiting", "S9/Waiting 1", "S9/SittingDown 1", "S11/Waiting 1")


@pytest.fixture
def clips(tmp_path) -> ClipSet:
    found = training_clips(tmp_path / "clips")
    info = [
        replace(clip, dataset="human36m", sequence=name, action=name.split("/")[1].split(" ")[0])
        for clip, name in zip(found.info, NAMES, strict=True)
    ]
    return replace(found, info=tuple(info))


def truth_of(clips: ClipSet):
    """Answers that are 1 cm off in clip 0, 2 cm in clip 1, and so on."""

    def lift(keypoints: torch.Tensor) -> torch.Tensor:
        clip = next(
            i
            for i in range(len(clips))
            if torch.equal(clips.keypoints[clips.frames_of(i)], keypoints)
        )
        return clips.targets[clips.frames_of(clip)] + torch.tensor([0.0, 0.01 * (clip + 1), 0.0])

    return lift


def test_dropped_takes_are_neither_scored_nor_averaged(clips: ClipSet) -> None:
    assert scored_clips(clips, "keep") == [0, 1, 2, 3]
    assert scored_clips(clips, "drop") == [0, 3]
    scores = evaluate(truth_of(clips), clips, scored_clips(clips, "drop"))
    assert [score.sequence for score in scores] == ["S9/Waiting", "S11/Waiting 1"]
    frames = np.array([score.frames for score in scores])
    expected = (frames * [10, 40]).sum() / frames.sum()
    assert summary(scores)["frame_mean"]["mpjpe_mm"] == pytest.approx(expected, abs=1e-3)
    with pytest.raises(ConfigError, match="displaced = 'maybe', expected keep or drop"):
        scored_clips(clips, "maybe")


def test_a_benchmark_of_other_names_has_no_displaced_takes(clips: ClipSet) -> None:
    other = replace(clips, info=tuple(replace(clip, dataset="bvh") for clip in clips.info))
    assert scored_clips(other, "drop") == [0, 1, 2, 3]
    protocol = protocol_of(other, "gt", flip_test=True, displaced="drop")
    assert protocol.displaced == "none in this dataset" and protocol.dropped == ()


def test_the_protocol_says_which(clips: ClipSet) -> None:
    kept = protocol_of(clips, "gt", flip_test=True)
    assert kept.displaced == "kept and scored (VideoPose3D's protocol)"
    assert kept.dropped == ("S11/Directions",)
    dropped = protocol_of(clips, "gt", flip_test=True, displaced="drop")
    assert dropped.displaced == "left out (the H36M-SH line's protocol)"
    assert dropped.dropped == ("S11/Directions", "S9/SittingDown 1", "S9/Waiting 1")
    assert "displaced takes left out" in dropped.describe()
    assert Protocol.from_dict(dropped.as_dict()) == dropped


def test_clips_of_pictures_lack_the_takes_whatever_the_parameter(clips: ClipSet) -> None:
    pictured = replace(
        clips, info=(clips.info[0], clips.info[3]), offsets=torch.tensor([0, 23, 63])
    )
    for displaced in ("keep", "drop"):
        protocol = protocol_of(pictured, "hrnet", flip_test=True, displaced=displaced)
        assert protocol.displaced.startswith("left out (not among the clips")
        assert protocol.dropped == ("S11/Directions", *DISPLACED)


def test_a_table_says_that_its_figures_do_not_compare(clips: ClipSet) -> None:
    def used(displaced: str) -> list[Scores]:
        protocol = protocol_of(clips, "gt", flip_test=True, displaced=displaced).as_dict()
        return [Scores("main", "human36m", "gt", "", 9, "", "x", protocol, {}, {}, {})]

    assert _displaced_note(used("keep")) == []
    assert "do not compare" in _displaced_note([*used("keep"), *used("drop")])[0]
