"""Simulated 2D detectors: projected joints in, keypoints with a detector's errors and scores out.

The twin and real-motion clips have no images, so the errors of three fine-tuned detectors are
modelled. Every length below is a fraction of the person's size in the image (the longer side of the
joints' bounding box), so that a person twice as near gets errors twice as large in pixels. Per
joint and axis the error is `spread x joint weight x (bias + drift + jitter)`:

* bias: one Gaussian draw per joint for the whole sequence and camera (what fine-tuning left over),
  45 % of the variance;
* drift: AR(1) with a 0.8 s memory (errors that follow the pose), 30 %;
* jitter: AR(1) with a 0.08 s memory (frame to frame), 25 %.

The sum is multiplied by `exp(tail x v - tail^2 / 2)`, `v` a unit AR(1) with a 0.4 s memory per
joint: tails heavier than Gaussian that come in bursts, not in single frames. Wrists weigh 1.6,
ankles 1.35, hips and trunk 0.75 to 0.9 (`JOINT_WEIGHT`). On top come two kinds of gross error, each
lasting a random (exponential) dwell time:

* stray limb: a wrist (ankle) jumps away by `stray_size` and drags elbow (knee) along by half;
* swap: the left and right arms or legs change places, begun only where the image hardly tells them
  apart (the two sides closer than 0.35 of the trunk's length: side views).

Both lower the score. Stated error distribution for a 400 px person, over all joints and frames,
which a unit test holds:

| detector  | median px | mean px   | frame means, 5 % to 95 % | joints beyond 28 px |
|-----------|-----------|-----------|--------------------------|---------------------|
| detectron | 2.5 - 3.2 | 3.2 - 4.4 | 2.2 - 7                  | 0.2 - 1.5 %         |
| cpn       | 2.8 - 3.5 | 3.7 - 5.0 | 2.3 - 8                  | 0.3 - 2 %           |
| sh        | 4.6 - 5.8 | 6.3 - 8.5 | 3.5 - 14                 | 1 - 4 %             |

Anchors: CPN on four real Human3.6M frames differs from the truth by 2.9 px in the median, 2.0 to
7.9 px in per-frame means, 28 px at most; the paper's Table IV orders the detectors detectron < cpn
< sh by the lifter's error.
"""

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gsam.errors import ConfigError, DataError

FPS = 50.0
JOINT_WEIGHT = np.array(
    [0.75, 0.85, 0.95, 1.35, 0.85, 0.95, 1.35, 0.9, 0.8, 0.8, 0.85, 0.9, 1.15, 1.6, 0.9, 1.15, 1.6],
    dtype=np.float32,
)
# (joint that follows by half, joint that jumps) and the three joints that change places.
STRAY_LIMBS = ((2, 3), (5, 6), (12, 13), (15, 16))
SWAP_LIMBS = (((1, 2, 3), (4, 5, 6)), ((14, 15, 16), (11, 12, 13)))
SHARES = ((0.45, None), (0.30, 0.8), (0.25, 0.08))
BURST_MEMORY = 0.4
SWAP_CLOSENESS, SWAP_END = 0.35, 0.6


@dataclass(frozen=True, kw_only=True)
class DetectorNoise:
    """Error model of one detector; lengths are fractions of the person's size, rates are per
    second.

    spread: standard deviation per axis of the smooth error of a joint with weight 1. tail:
    log-standard deviation of the bursts; stray_rate: per limb; stray_size: mean jump; swap_rate:
    per pair of limbs, before the closeness gate; dwell: mean duration of a gross error in seconds.
    """

    spread: float
    tail: float
    stray_rate: float
    stray_size: float
    swap_rate: float
    dwell: float


DETECTORS: dict[str, DetectorNoise] = {
    "cpn": DetectorNoise(
        spread=0.0079, tail=0.45, stray_rate=0.10, stray_size=0.075, swap_rate=0.06, dwell=0.25
    ),
    "detectron": DetectorNoise(
        spread=0.0073, tail=0.45, stray_rate=0.07, stray_size=0.075, swap_rate=0.05, dwell=0.25
    ),
    "sh": DetectorNoise(
        spread=0.0130, tail=0.50, stray_rate=0.18, stray_size=0.095, swap_rate=0.12, dwell=0.30
    ),
}


def detect(
    xy: NDArray[np.floating], detector: str, key: str, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Keypoints (T, 17, 2) px and scores (T, 17) in [0, 1] that `detector` would report for the
    true `xy`.

    xy: (T, 17, 2) px, Human3.6M-17 order, 50 Hz. `key` names sequence and camera (any text); the
    same (key, detector, seed) always gives the same answer. Raises ConfigError for an unknown
    detector and DataError for a wrong shape or values that are not finite.
    """
    if detector not in DETECTORS:
        raise ConfigError(f"detector '{detector}': expected one of {', '.join(sorted(DETECTORS))}")
    if xy.ndim != 3 or xy.shape[1:] != (17, 2):
        raise DataError(f"{key}: keypoints of shape {xy.shape}, expected (frames, 17, 2)")
    if not np.isfinite(xy).all():
        raise DataError(f"{key}: keypoints are not finite")
    noise = DETECTORS[detector]
    rng = np.random.default_rng([zlib.crc32(f"{detector}:{key}".encode()), seed])
    true = xy.astype(np.float32)
    if len(true) == 0:
        return true, np.zeros(true.shape[:2], dtype=np.float32)
    size = _person_size(true)
    error = _smooth_error(rng, len(true), noise) * size
    gross = _stray_limbs(rng, error, size[:, 0], noise)
    seen = true + error
    gross |= _swap_limbs(rng, seen, true, noise)
    distance = np.linalg.norm(seen - true, axis=-1) / size[..., 0]
    return seen, _scores(rng, distance, gross)


def autoregressive(
    rng: np.random.Generator, shape: tuple[int, ...], memory: float
) -> NDArray[np.float32]:
    """Unit-variance AR(1) noise of `shape` along its first axis; `memory` is the decay time in
    seconds at 50 Hz.

    The geometric sum over the past is the product of (1 + a^s shift_s) for s = 1, 2, 4, ...: a few
    array operations instead of one step per frame.
    """
    decay = float(np.exp(-1.0 / (FPS * memory)))
    series = rng.standard_normal(shape, dtype=np.float32)
    series[1:] *= np.float32(np.sqrt(1.0 - decay * decay))
    shift = 1
    while shift < shape[0] and decay**shift > 1e-6:
        series[shift:] += np.float32(decay**shift) * series[:-shift]
        shift *= 2
    return series


def _person_size(xy: NDArray[np.float32]) -> NDArray[np.float32]:
    """Longer side of the joints' box (T, 1, 1), drawn half-way to its mean so that crouching keeps
    most of it.
    """
    side = (xy.max(axis=1) - xy.min(axis=1)).max(axis=-1)
    return np.maximum(0.5 * (side + side.mean()), 1.0).astype(np.float32)[:, None, None]


def _smooth_error(
    rng: np.random.Generator, frames: int, noise: DetectorNoise
) -> NDArray[np.float32]:
    total = np.zeros((frames, 17, 2), dtype=np.float32)
    for share, memory in SHARES:
        if memory is None:
            part = rng.standard_normal((1, 17, 2), dtype=np.float32)
        else:
            part = autoregressive(rng, total.shape, memory)
        total += np.float32(np.sqrt(share)) * part
    burst = autoregressive(rng, (frames, 17, 1), BURST_MEMORY)
    total *= np.exp(np.float32(noise.tail) * burst - np.float32(0.5 * noise.tail**2))
    return total * (np.float32(noise.spread) * JOINT_WEIGHT[:, None])


def _episodes(
    rng: np.random.Generator, frames: int, rate: float, dwell: float
) -> list[tuple[int, int]]:
    """Poisson starts with exponential durations, as half-open ranges of at least two frames."""
    count = int(rng.poisson(rate * frames / FPS))
    starts = rng.integers(0, frames, count)
    lengths = np.maximum(2, np.round(rng.exponential(dwell * FPS, count))).astype(int)
    return [(int(a), int(min(frames, a + n))) for a, n in zip(starts, lengths, strict=True)]


def _stray_limbs(
    rng: np.random.Generator,
    error: NDArray[np.float32],
    size: NDArray[np.float32],
    noise: DetectorNoise,
) -> NDArray[np.bool_]:
    """Adds the jumps to `error` in place and returns which (frame, joint) they hit."""
    hit = np.zeros(error.shape[:2], dtype=bool)
    for middle, end in STRAY_LIMBS:
        for start, stop in _episodes(rng, len(error), noise.stray_rate, noise.dwell):
            angle = rng.uniform(0.0, 2.0 * np.pi)
            length = noise.stray_size * rng.gamma(3.0, 1.0 / 3.0)
            jump = np.array([np.cos(angle), np.sin(angle)], dtype=np.float32) * np.float32(length)
            error[start:stop, end] += jump * size[start:stop]
            error[start:stop, middle] += np.float32(0.5) * jump * size[start:stop]
            hit[start:stop, [middle, end]] = True
    return hit


def _swap_limbs(
    rng: np.random.Generator,
    seen: NDArray[np.float32],
    true: NDArray[np.float32],
    noise: DetectorNoise,
) -> NDArray[np.bool_]:
    """Exchanges left and right limbs in `seen` in place and returns which (frame, joint) were
    exchanged.
    """
    hit = np.zeros(seen.shape[:2], dtype=bool)
    trunk = np.linalg.norm(true[:, 8] - true[:, 0], axis=-1)
    for right, left in SWAP_LIMBS:
        width = np.linalg.norm(true[:, right[0]] - true[:, left[0]], axis=-1)
        close = width < SWAP_CLOSENESS * trunk
        apart = width > SWAP_END * trunk
        for start, stop in _episodes(rng, len(seen), noise.swap_rate, noise.dwell):
            if close[start]:
                # Once the sides are well apart in the image again, the detector sees its mistake.
                stop = min(stop, start + int(np.argmax(np.append(apart[start:], True))))
                kept = seen[start:stop, right].copy()
                seen[start:stop, right] = seen[start:stop, left]
                seen[start:stop, left] = kept
                hit[start:stop, right + left] = True
    return hit


def _scores(
    rng: np.random.Generator, distance: NDArray[np.float32], gross: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Scores fall with the error, are halved on gross errors and carry noise of their own."""
    score = np.float32(0.95) / (1.0 + (distance / np.float32(0.04)) ** 2)
    score = np.where(gross, np.float32(0.5) * score, score)
    score += np.float32(0.05) * autoregressive(rng, distance.shape, 0.2)
    return np.clip(score, 0.02, 1.0).astype(np.float32)
