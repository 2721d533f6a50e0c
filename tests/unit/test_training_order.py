from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gsam.skeletons import H36M_17, mirror
from gsam.training.batches import Gather, batch_errors
from gsam.training.order import Head, Windows, epoch_order, fixed_order, stream
from gsam.windows import window_starts
from tests.synthetic_clips import training_clips

lengths = st.lists(st.integers(1, 60), min_size=1, max_size=5)


def bounds_of(sizes: list[int]) -> torch.Tensor:
    ends = np.cumsum([0, *sizes])
    return torch.tensor(np.stack([ends[:-1], ends[1:]], axis=1))


@given(sizes=lengths, half=st.integers(0, 13), stride=st.integers(1, 30))
@settings(max_examples=60, deadline=None)
def test_without_phases_sequence_windows_are_those_of_the_library(
    sizes: list[int], half: int, stride: int
) -> None:
    frames = 2 * half + 1
    starts, clip = Windows(bounds_of(sizes), frames, stride, "sequence").starts()
    expected = []
    for first, size in zip(bounds_of(sizes)[:, 0].tolist(), sizes, strict=True):
        # A clip shorter than its window is centred in it, as in scoring.
        shift = -((frames - size) // 2) if size < frames else 0
        expected += [first + shift + start for start in window_starts(size, frames, stride)]
    assert starts.tolist() == expected
    assert len(clip) == len(starts) and set(clip.tolist()) == set(range(len(sizes)))


@given(sizes=lengths, half=st.integers(0, 13), stride=st.integers(1, 30), seed=st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_shifted_windows_stay_inside_and_overlap_no_more_than_the_stride(
    sizes: list[int], half: int, stride: int, seed: int
) -> None:
    frames, bounds = 2 * half + 1, bounds_of(sizes)
    windows = Windows(bounds, frames, stride, "sequence")
    order = epoch_order(windows, seed=seed, epoch=1, jitter=True, mirror=True)
    for start, first, last in zip(order.starts, order.first, order.last, strict=True):
        if last - first + 1 >= frames:
            assert first <= start and start + frames - 1 <= last
    for first in bounds[:, 0]:
        own = np.sort(order.starts[order.first == first].numpy())
        assert len(own) >= 1 and (np.diff(own) == stride).all()


@given(sizes=lengths, half=st.integers(0, 13), stride=st.integers(1, 30), jitter=st.booleans())
@settings(max_examples=60, deadline=None)
def test_centres_are_frames_of_their_clip(
    sizes: list[int], half: int, stride: int, jitter: bool
) -> None:
    windows = Windows(bounds_of(sizes), 2 * half + 1, stride, "centre")
    order = epoch_order(windows, seed=0, epoch=0, jitter=jitter, mirror=False)
    centres = order.starts + half
    assert bool(((centres >= order.first) & (centres <= order.last)).all())
    assert set(order.first.tolist()) == set(bounds_of(sizes)[:, 0].tolist())
    if stride == 1 and not jitter:
        assert sorted(centres.tolist()) == list(range(sum(sizes)))


def test_over_the_epochs_every_frame_is_trained_on() -> None:
    windows = Windows(bounds_of([50, 20]), 9, 9, "sequence")
    seen = set()
    for epoch in range(60):
        order = epoch_order(windows, seed=0, epoch=epoch, jitter=True, mirror=False)
        seen |= {int(start) + i for start in order.starts for i in range(9)}
    assert seen == set(range(70))


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    windows = Windows(bounds_of([200, 100]), 9, 1, "centre")

    def order(seed: int, epoch: int) -> list[int]:
        return epoch_order(
            windows, seed=seed, epoch=epoch, jitter=True, mirror=True
        ).starts.tolist()

    assert order(0, 3) == order(0, 3)
    assert order(0, 3) != order(0, 4) and order(0, 3) != order(1, 3)
    assert sorted(order(0, 3)) == sorted(order(1, 5)) == list(range(-4, 296))
    assert stream("order", 1, 2) != stream("order", 12)


def test_slices_of_ranks_make_up_the_batch() -> None:
    windows = Windows(bounds_of([31]), 3, 1, "centre")
    order = epoch_order(windows, seed=0, epoch=0, jitter=False, mirror=True)
    for world in (1, 2, 5):
        parts = [order.slice(8, 15, rank, world).starts.tolist() for rank in range(world)]
        assert sorted(start for part in parts for start in part) == sorted(
            order.starts[8:15].tolist()
        )


def test_limits_and_mirrors() -> None:
    windows = Windows(bounds_of([400]), 3, 1, "centre")
    few = epoch_order(windows, seed=0, epoch=0, jitter=False, mirror=True, limit=100)
    assert len(few) == 100 and len(set(few.starts.tolist())) == 100
    assert 20 < int(few.mirrored.sum()) < 80
    plain = epoch_order(windows, seed=0, epoch=0, jitter=False, mirror=False)
    assert not plain.mirrored.any()
    fixed = fixed_order(windows, 7)
    assert len(fixed) == 7 and fixed.starts.tolist() == sorted(fixed.starts.tolist())


def test_gathering_repeats_edges_masks_them_and_mirrors(tmp_path) -> None:
    clips = training_clips(tmp_path)
    windows = Windows(clips.bounds([1]), 27, 27, "sequence")  # 23 frames: 2 before, 2 after
    order = fixed_order(windows, 5)
    batch = Gather(clips, 27, "sequence")(order)
    own = clips.frames_of(1)
    torch.testing.assert_close(batch.keypoints[0, 2:25], clips.keypoints[own])
    torch.testing.assert_close(batch.keypoints[0, 0], clips.keypoints[own][0])
    assert batch.weight.tolist() == [[0.0] * 2 + [1.0] * 23 + [0.0] * 2]
    mirrored = Gather(clips, 27, "sequence")(
        type(order)(order.starts, order.first, order.last, torch.tensor([True]))
    )
    # Right hip (1) and left hip (4) change places and sides.
    torch.testing.assert_close(mirrored.target[0, :, 1, 0], -batch.target[0, :, 4, 0])
    torch.testing.assert_close(mirrored.keypoints[0, :, 1, 1], batch.keypoints[0, :, 4, 1])
    centre = Gather(clips, 27, "centre")(order)
    torch.testing.assert_close(centre.target[0, 0], clips.targets[own][11])


@pytest.mark.parametrize("frames", [1, 9, 27])
@pytest.mark.parametrize("head", ["centre", "sequence"])
def test_gathered_windows_are_those_built_one_by_one(tmp_path, frames: int, head: Head) -> None:
    clips = training_clips(tmp_path)
    valid = torch.arange(clips.num_frames) % 7 != 3
    clips = replace(clips, valid=valid)
    windows = Windows(clips.bounds(range(len(clips))), frames, 5, head)
    order = epoch_order(windows, seed=1, epoch=0, jitter=True, mirror=True)
    assert 0 < int(order.mirrored.sum()) < len(order)
    batch = Gather(clips, frames, head)(order)
    for i in range(len(order)):
        first, last, start = int(order.first[i]), int(order.last[i]), int(order.starts[i])
        wanted = range(start, start + frames)
        inside = [min(max(frame, first), last) for frame in wanted]
        answered = [frames // 2] if head == "centre" else list(range(frames))
        keypoints = clips.keypoints[inside]
        target = clips.targets[[inside[k] for k in answered]]
        if order.mirrored[i]:
            keypoints, target = mirror(keypoints, H36M_17), mirror(target, H36M_17)
        assert torch.equal(batch.keypoints[i], keypoints)
        assert torch.equal(batch.target[i], target)
        weight = [float(wanted[k] == inside[k] and valid[inside[k]]) for k in answered]
        assert batch.weight[i].tolist() == weight


def test_errors_add_up_over_supervised_frames_only(tmp_path) -> None:
    clips = training_clips(tmp_path)
    order = fixed_order(Windows(clips.bounds([1]), 27, 27, "sequence"), 5)
    batch = Gather(clips, 27, "sequence")(order)
    predicted = batch.target + torch.tensor([0.3, 0.0, 0.4])
    predicted[0, 0] += 100.0  # not supervised
    position, motion = batch_errors(predicted, batch, motion=True)
    assert position.item() == pytest.approx(23 * 0.5, rel=1e-5)
    assert motion is not None and motion.item() == pytest.approx(0.0, abs=1e-4)
