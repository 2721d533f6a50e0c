"""One pose for every frame: the cheap ways equal window after window."""

from typing import Any

import pytest
import torch
from torch import Tensor

from gsam.errors import DataError
from gsam.lifters import LifterConfig, build_lifter, lift_clip, lift_clip_flipped
from gsam.lifters.lifter import Lifter
from gsam.lifters.scoring import default_batch
from gsam.lifters.videopose3d import VideoPose3D
from gsam.skeletons import H36M_17, mirror

SMALL: dict[str, Any] = {"frames": 9, "width": 8, "depth": 2, "heads": 2, "hidden": 32}
CENTRE: dict[str, dict[str, Any]] = {
    "gsam": {},
    "gsam_grouped": {"conv": "grouped"},
    "poseformer": {"name": "poseformer"},
    "videopose3d": {"name": "videopose3d", "channels": 16},
    "strided": {"name": "strided", "channels": 16},
    "martinez": {"name": "martinez", "frames": 1, "channels": 16},
}
SEQUENCE: dict[str, dict[str, Any]] = {
    "gsam": {"head": "sequence"},
    "poseformer": {"name": "poseformer", "head": "sequence"},
    "strided": {"name": "strided", "channels": 16, "head": "sequence"},
}
LENGTHS = [1, 4, 8, 9, 10, 18, 23]


def lifter(changes: dict[str, Any]) -> Lifter:
    torch.manual_seed(0)
    return build_lifter(LifterConfig(**{**SMALL, **changes})).eval()


def clip_of(frames: int) -> Tensor:
    return torch.randn(frames, 17, 2, generator=torch.Generator().manual_seed(frames))


def clamped(clip: Tensor, start: int, frames: int) -> Tensor:
    return clip[[min(max(frame, 0), len(clip) - 1) for frame in range(start, start + frames)]]


def window_by_window(model: Lifter, clip: Tensor) -> Tensor:
    """What lift_clip promises, one frame at a time."""
    starts = [frame - model.target_frame for frame in range(len(clip))]
    windows = [clamped(clip, start, model.receptive_field) for start in starts]
    with torch.inference_mode():
        return torch.stack([model(window[None])[0, 0] for window in windows])


@pytest.mark.parametrize("frames", LENGTHS)
@pytest.mark.parametrize("case", CENTRE)
def test_every_frame_equals_its_own_window(case: str, frames: int) -> None:
    model, clip = lifter(CENTRE[case]), clip_of(frames)
    expected = window_by_window(model, clip)
    for batch in (1, 5, 256):
        found = lift_clip(model, clip, batch_size=batch)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("frames", LENGTHS)
def test_causal_videopose3d_answers_for_the_newest_frame(frames: int) -> None:
    torch.manual_seed(0)
    model = VideoPose3D(filter_widths=(3, 3), channels=8, causal=True).eval()
    clip = clip_of(frames)
    found = lift_clip(model, clip)
    torch.testing.assert_close(found, window_by_window(model, clip), rtol=0, atol=1e-5)
    longer = torch.cat([clip, clip_of(3)])  # the future changes nothing
    torch.testing.assert_close(lift_clip(model, longer)[:frames], found, rtol=0, atol=1e-5)


@pytest.mark.parametrize("frames", LENGTHS)
@pytest.mark.parametrize("case", SEQUENCE)
def test_windows_side_by_side(case: str, frames: int) -> None:
    model, clip = lifter(SEQUENCE[case]), clip_of(frames)
    size = model.receptive_field
    starts = [-((size - frames) // 2)]
    if frames >= size:
        starts = [*range(0, frames - size, size), frames - size]
    expected = torch.full((frames, 17, 3), torch.nan)
    for start in starts:
        with torch.inference_mode():
            poses = model(clamped(clip, start, size)[None])[0]
        for offset, pose in enumerate(poses):
            if 0 <= start + offset < frames:
                expected[start + offset] = pose
    for batch in (1, 256):
        found = lift_clip(model, clip, batch_size=batch)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("changes", [CENTRE["gsam"], SEQUENCE["gsam"], CENTRE["martinez"]])
def test_flip_test_is_blind_to_mirroring(changes: dict[str, Any]) -> None:
    model, clip = lifter(changes), clip_of(11)
    direct = lift_clip_flipped(model, clip)
    mirrored = lift_clip_flipped(model, mirror(clip, H36M_17))
    torch.testing.assert_close(mirror(mirrored, H36M_17), direct, rtol=0, atol=1e-5)
    assert not torch.allclose(direct, lift_clip(model, clip), atol=1e-4)


def test_batches_hold_about_as_many_frames_on_a_cpu() -> None:
    cpu, cuda = torch.device("cpu"), torch.device("cuda")
    found = {}
    for frames in (9, 81, 2187):
        model = build_lifter(LifterConfig(frames=frames, width=8, depth=1, heads=2))
        found[frames] = default_batch(model, cpu)
        assert default_batch(model, cuda) == 256
    assert found == {9: 192, 81: 21, 2187: 1}


def test_answers_carry_no_gradient() -> None:
    assert not lift_clip(lifter(CENTRE["gsam"]), clip_of(4)).requires_grad


@pytest.mark.parametrize("shape", [(0, 17, 2), (5, 34), (5, 16, 2), (5, 17, 3)])
def test_clips_of_a_wrong_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="keypoints of shape"):
        lift_clip(lifter(CENTRE["gsam"]), torch.zeros(shape))
