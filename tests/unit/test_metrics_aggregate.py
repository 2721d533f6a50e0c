"""Averages over clips and the protocol that says what they mean."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsam.errors import DataError
from gsam.metrics import pose
from gsam.metrics.aggregate import METRICS, ClipScore, aggregate, frame_weighted, score_clip
from gsam.metrics.protocol import Protocol


def _clip(action, frames, value, subject="S9", camera="0"):
    return ClipScore(f"{subject}/{action}", subject, action, camera, frames, {"mpjpe_mm": value})


def _scored(rng, action, frames, camera="0"):
    target = rng.standard_normal((frames, 17, 3))
    pred = target + 0.05 * rng.standard_normal(target.shape)
    names = {"sequence": f"S9/{action}", "subject": "S9", "action": action, "camera": camera}
    return score_clip(pred, target, **names), pred, target


def test_the_two_averages_differ_and_are_named():
    result = aggregate([_clip("Walking", 300, 40.0), _clip("Sitting", 100, 80.0)])
    assert result == {
        "per_action": {"Sitting": {"mpjpe_mm": 80.0}, "Walking": {"mpjpe_mm": 40.0}},
        "action_mean": {"mpjpe_mm": 60.0},
        "frame_mean": {"mpjpe_mm": 50.0},
    }


def test_inside_an_action_frames_count_alike_whatever_the_subject():
    clips = [_clip("Sitting", 10, 10.0, "S9"), _clip("Sitting", 30, 50.0, "S11")]
    result = aggregate([*clips, _clip("SittingDown", 1, 0.0)])
    assert result["per_action"]["Sitting"]["mpjpe_mm"] == 40.0
    assert result["action_mean"]["mpjpe_mm"] == 20.0


@given(
    st.lists(
        st.tuples(st.sampled_from("ABC"), st.integers(1, 500), st.floats(0, 1000)), min_size=1
    ),
    st.randoms(use_true_random=False),
)
def test_averages_do_not_depend_on_order_or_on_how_clips_are_cut(rows, random):
    clips = [_clip(*row) for row in rows]
    result = aggregate(clips)
    shuffled = clips.copy()
    random.shuffle(shuffled)
    assert json.dumps(aggregate(shuffled)) == json.dumps(result)
    halves = [
        replace(c, frames=n) for c in clips for n in (c.frames // 3, c.frames - c.frames // 3)
    ]
    again = aggregate([c for c in halves if c.frames])
    for name in ("action_mean", "frame_mean"):
        assert again[name] == pytest.approx(result[name], rel=1e-12, abs=1e-12)


def test_frame_mean_is_the_mean_over_pooled_frames():
    rng = np.random.default_rng(0)
    scored = [_scored(rng, "Walking", 7), _scored(rng, "Eating", 31), _scored(rng, "Eating", 2)]
    preds = np.concatenate([p for _, p, _ in scored])
    targets = np.concatenate([t for _, _, t in scored])
    result = aggregate([score for score, _, _ in scored])
    expected = pose.pa_mpjpe(preds, targets) * 1000
    assert result["frame_mean"]["pa_mpjpe_mm"] == pytest.approx(expected)
    # Velocities are taken inside clips, and weighted by frames.
    weighted = sum(len(p) * pose.mpjve(p, t) for _, p, t in scored) / 40 * 1000
    assert result["frame_mean"]["mpjve_mm"] == pytest.approx(weighted)


def test_score_clip_in_millimetres_and_percent():
    target = np.random.default_rng(1).uniform(-1, 1, (4, 17, 3))
    names = {"sequence": "S9/Walking", "subject": "S9", "action": "Walking", "camera": "0"}
    score = score_clip(target + np.array([0.03, 0, 0.04]), target, **names)
    assert tuple(score.values) == METRICS
    assert score.frames == 4
    assert score.values["mpjpe_mm"] == pytest.approx(50.0)
    assert score.values["pa_mpjpe_mm"] == pytest.approx(0.0, abs=1e-9)
    assert score.values["mpjve_mm"] == pytest.approx(0.0, abs=1e-9)
    assert score.values["pck150"] == 100.0
    # 21 of the 31 thresholds (55, 60, ... 150, and 50 by rounding or not) lie above 50 mm.
    assert 100 * 20 / 31 <= score.values["auc"] <= 100 * 21 / 31


def test_the_predicted_root_counts():
    target = np.random.default_rng(2).uniform(-1, 1, (2, 17, 3))
    target[:, 0] = 0
    pred = target.copy()
    pred[:, 0, 0] = 0.17
    names = {"sequence": "s", "subject": "S9", "action": "a", "camera": "0"}
    assert score_clip(pred, target, **names).values["mpjpe_mm"] == pytest.approx(10.0)


def test_bad_clips():
    names = {"sequence": "S9/Eating", "subject": "S9", "action": "Eating", "camera": "2"}
    good = np.zeros((3, 17, 3))
    for pred, target in ((good[:0], good[:0]), (good[:, :14], good[:, :14]), (good[:2], good)):
        with pytest.raises(DataError, match=r"^S9/Eating camera 2: .*expected"):
            score_clip(pred, target, **names)
    with pytest.raises(DataError, match=r"^S9/Eating camera 2: prediction .* not finite"):
        score_clip(good * np.nan, good, **names)


def test_nothing_to_average():
    with pytest.raises(DataError, match="at least one frame"):
        aggregate([])
    with pytest.raises(DataError, match="at least one frame"):
        frame_weighted([_clip("Eating", 0, 1.0)])
    other = replace(_clip("Eating", 5, 1.0), values={"pck150": 1.0})
    with pytest.raises(DataError, match="has metrics"):
        aggregate([_clip("Eating", 5, 1.0), other])


def test_protocol_says_everything_in_one_line():
    protocol = Protocol(
        dataset="human36m",
        keypoints="cpn",
        dropped=("S11/Directions",),
        averaging="frame_mean",
        flip_test=False,
    )
    text = protocol.describe()
    assert "\n" not in text
    for word in (
        "human36m",
        "cpn",
        "S11/Directions",
        "frame_mean",
        "flip-test off",
        "human36m_17",
        "pelvis",
        "root-relative",
        "every frame",
        "mm",
    ):
        assert word in text
    assert "none dropped" in Protocol("twin", "gt").describe()


def test_protocol_survives_json():
    protocol = Protocol("human36m", "gt", dropped=("a", "b"))
    stored = json.loads(json.dumps(protocol.as_dict()))
    assert Protocol.from_dict(stored) == protocol
    with pytest.raises(DataError, match="unknown fields colour"):
        Protocol.from_dict({**stored, "colour": "red"})
    del stored["root"]
    with pytest.raises(DataError, match="fields root"):
        Protocol.from_dict(stored)
    with pytest.raises(DataError, match="expected one of action_mean, frame_mean"):
        Protocol("human36m", "gt", averaging="mean")
