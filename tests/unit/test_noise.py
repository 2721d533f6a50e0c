"""Simulated detectors: repeatable, as wrong as stated, persistent, with honest scores."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gsam.errors import ConfigError, DataError
from gsam.keypoints.noise import DETECTORS, autoregressive, detect

# A standing person, 400 px tall: Human3.6M-17, (x, y) px around the hip.
STANDING = (400.0 / 375.0) * np.array(
    [
        *[(0, 0), (-30, 0), (-33, 100), (-35, 200), (30, 0), (33, 100), (35, 200), (0, -60)],
        *[(0, -120), (5, -150), (0, -175), (40, -115), (55, -50), (60, 0)],
        *[(-40, -115), (-55, -50), (-60, 0)],
    ],
    dtype=float,
)
# Per detector: median, mean, 5 % and 95 % of frame means (px), share of joints beyond 28 px.
STATED = {
    "detectron": ((2.5, 3.2), (3.2, 4.4), (2.2, 7.0), (0.002, 0.015)),
    "cpn": ((2.8, 3.5), (3.7, 5.0), (2.3, 8.0), (0.003, 0.02)),
    "sh": ((4.6, 5.8), (6.3, 8.5), (3.5, 14.0), (0.01, 0.04)),
}


def turning_person(frames: int, start: float, size: float = 1.0) -> NDArray[np.float64]:
    """A person who turns on the spot: seen from the front, then from the side."""
    xy = np.repeat(size * STANDING[None], frames, axis=0)
    xy[..., 0] *= np.abs(np.cos(np.linspace(0.0, 3.0, frames) + start))[:, None]
    return xy + 500.0


def errors(detector: str, sequences: int = 120) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    people = [turning_person(250, float(k)) for k in range(sequences)]
    seen = [detect(xy, detector, f"clip {k}", 0) for k, xy in enumerate(people)]
    wrong = [np.linalg.norm(s[0] - xy, axis=-1) for s, xy in zip(seen, people, strict=True)]
    return np.concatenate(wrong), np.concatenate([s[1] for s in seen])


@pytest.mark.parametrize("detector", sorted(DETECTORS))
def test_errors_are_distributed_as_stated(detector: str) -> None:
    wrong, _ = errors(detector)
    median, mean, frames, gross = STATED[detector]
    assert median[0] < np.median(wrong) < median[1]
    assert mean[0] < wrong.mean() < mean[1]
    low, high = np.percentile(wrong.mean(axis=1), [5, 95])
    assert low > frames[0] and high < frames[1]
    assert gross[0] < (wrong > 28.0).mean() < gross[1]


def test_detectors_are_ordered_as_published() -> None:
    means = {name: errors(name)[0].mean() for name in DETECTORS}
    assert means["detectron"] < means["cpn"] < 0.75 * means["sh"]


def test_wrists_and_ankles_are_worst() -> None:
    by_joint = errors("cpn")[0].mean(axis=0)
    assert by_joint[[13, 16]].min() > by_joint[[3, 6]].max() > by_joint[[2, 5]].max()
    assert by_joint[[13, 16]].min() > 1.6 * by_joint[[0, 8]].max()


def test_scores_fall_with_the_error() -> None:
    wrong, score = errors("cpn")
    assert score.min() >= 0.0 and score.max() <= 1.0
    assert score[wrong < 5].mean() > 0.8
    assert score[wrong > 28].mean() < 0.3


def test_errors_persist_from_frame_to_frame() -> None:
    xy = turning_person(1000, 0.0)
    error = detect(xy, "cpn", "clip", 0)[0] - xy
    step = np.linalg.norm(np.diff(error, axis=0), axis=-1)
    assert np.median(step) < 0.45 * np.median(np.linalg.norm(error, axis=-1))


def test_limbs_change_places_only_when_seen_from_the_side() -> None:
    front = np.repeat(STANDING[None] + 500.0, 4000, axis=0)
    side = front.copy()
    side[..., 0] = 500.0 + 0.15 * (side[..., 0] - 500.0) + np.linspace(0, 40, 17)
    swapped = {}
    for name, xy in (("front", front), ("side", side)):
        seen = detect(xy, "sh", name, 0)[0]
        own = np.linalg.norm(seen[:, 2] - xy[:, 2], axis=-1)
        swapped[name] = int((np.linalg.norm(seen[:, 2] - xy[:, 5], axis=-1) < 0.3 * own).sum())
    assert swapped["front"] == 0
    assert swapped["side"] > 10


@settings(max_examples=20, deadline=None)
@given(
    frames=st.integers(1, 60),
    seed=st.integers(0, 2**31),
    detector=st.sampled_from(sorted(DETECTORS)),
    size=st.floats(0.2, 5.0),
)
def test_the_answer_depends_on_key_and_seed_alone_and_scales_with_the_person(
    frames: int, seed: int, detector: str, size: float
) -> None:
    xy = turning_person(frames, 0.3)
    first, score = detect(xy, detector, "S1/Walking/1", seed)
    again, _ = detect(xy, detector, "S1/Walking/1", seed)
    assert np.array_equal(first, again)
    assert first.shape == xy.shape and score.shape == xy.shape[:2]
    assert np.isfinite(first).all() and first.dtype == score.dtype == np.float32
    other, _ = detect(xy, detector, "S1/Walking/2", seed)
    assert not np.array_equal(first, other)
    larger = turning_person(frames, 0.3, size)
    scaled = detect(larger, detector, "S1/Walking/1", seed)[0]
    np.testing.assert_allclose(scaled - larger, size * (first - xy), atol=0.05 * max(1.0, size))


def test_autoregressive_noise_has_unit_variance_and_the_stated_memory() -> None:
    noise = autoregressive(np.random.default_rng(0), (4000, 200), 0.4)
    assert noise.var() == pytest.approx(1.0, abs=0.02)
    lag = 20
    assert (noise[lag:] * noise[:-lag]).mean() == pytest.approx(np.exp(-1.0), abs=0.03)


def test_bad_input_is_refused() -> None:
    good = turning_person(3, 0.0)
    with pytest.raises(ConfigError, match="hrnet"):
        detect(good, "hrnet", "clip", 0)
    with pytest.raises(DataError, match="shape"):
        detect(good[:, :16], "cpn", "clip", 0)
    good[1, 2, 0] = np.nan
    with pytest.raises(DataError, match="finite"):
        detect(good, "cpn", "clip", 0)


def test_no_frames_give_no_keypoints() -> None:
    seen, score = detect(np.zeros((0, 17, 2)), "cpn", "clip", 0)
    assert seen.shape == (0, 17, 2) and score.shape == (0, 17)
