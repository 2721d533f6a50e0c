"""A pose for every frame of a clip, by the cheapest way that gives the windowed answer."""

import torch
from torch import Tensor

from gsam import skeletons
from gsam.errors import DataError
from gsam.lifters.lifter import Lifter
from gsam.lifters.martinez import Martinez
from gsam.lifters.poseformer import PoseFormer
from gsam.lifters.videopose3d import VideoPose3D

CPU_BATCH_FRAMES = 1728
"""Frames in one batch on a CPU: what the layers pass on then stays in the cache. A PoseFormer takes
1.2 times as long with 256 windows of 27 frames, 1.6 times with 256 of 81."""

OTHER_BATCH = 256


def default_batch(model: Lifter, device: torch.device) -> int:
    """Windows lifted at once where nobody says how many."""
    if device.type != "cpu":
        return OTHER_BATCH
    return max(1, CPU_BATCH_FRAMES // model.receptive_field)


@torch.inference_mode()
def lift_clip(model: Lifter, keypoints: Tensor, batch_size: int | None = None) -> Tensor:
    """Lift every frame of one clip, (T, J, F) normalised keypoints -> (T, J, 3) metres.

    A one-frame answer comes from the window around its frame, with the clip's ends repeated; a
    lifter that answers for whole windows gets windows side by side, the last one moved back to end
    with the clip (a clip shorter than a window has its ends repeated). `batch_size` is in windows
    (`default_batch` if None).
    Work is shared between overlapping windows where the network allows it: convolutions run once
    over the clip, spatial features are made once per frame. The model is used in the mode it is in:
    call `model.eval()` first. Raises DataError for keypoints of another shape.
    """
    _check(keypoints, model)
    batch_size = batch_size or default_batch(model, keypoints.device)
    if isinstance(model, Martinez):
        return _single_frames(model, keypoints, batch_size)
    if isinstance(model, VideoPose3D):
        return model(_padded(model, keypoints)[None])[0]
    if model.answers_windows:
        return _side_by_side(model, keypoints, batch_size)
    if isinstance(model, PoseFormer):
        return _overlapping_features(model, keypoints, batch_size)
    return _overlapping(model, keypoints, batch_size)


def lift_clip_flipped(
    model: Lifter,
    keypoints: Tensor,
    batch_size: int | None = None,
    skeleton: skeletons.Skeleton = skeletons.H36M_17,
) -> Tensor:
    """Flip test: the mean of the answer and the un-mirrored answer for the mirrored clip.

    (T, J, F) -> (T, J, 3), as `lift_clip`; the joints are `skeleton`'s.
    """
    direct = lift_clip(model, keypoints, batch_size)
    mirrored = lift_clip(model, skeletons.mirror(keypoints, skeleton), batch_size)
    return (direct + skeletons.mirror(mirrored, skeleton)) / 2


def _check(keypoints: Tensor, model: Lifter) -> None:
    shape, expected = tuple(keypoints.shape), (model.joints, model.features)
    if keypoints.dim() != 3 or shape[1:] != expected or shape[0] == 0:
        wanted = f"(frames, {model.joints}, {model.features}) with at least one frame"
        raise DataError(f"keypoints of shape {shape}: expected {wanted}")


def _padded(model: Lifter, values: Tensor) -> Tensor:
    """(T, ...) -> (T + R - 1, ...) by repeating the ends, so that window t answers for frame t."""
    before = model.target_frame
    return _repeat_ends(values, before, model.receptive_field - 1 - before)


def _repeat_ends(values: Tensor, before: int, after: int) -> Tensor:
    index = torch.arange(-before, len(values) + after, device=values.device)
    return values[index.clamp(0, len(values) - 1)]


def _single_frames(model: Lifter, keypoints: Tensor, batch_size: int) -> Tensor:
    return torch.cat([model(part[:, None])[:, 0] for part in keypoints.split(batch_size)])


def _side_by_side(model: Lifter, keypoints: Tensor, batch_size: int) -> Tensor:
    frames, size = len(keypoints), model.receptive_field
    missing = max(size - frames, 0)
    before = missing // 2
    clip = _repeat_ends(keypoints, before, missing - before)
    starts = torch.arange(0, len(clip), size).clamp(max=len(clip) - size)
    windows = clip.unfold(0, size, 1)[starts.to(clip.device)].movedim(-1, 1)
    poses = torch.cat([model(part) for part in windows.split(batch_size)])
    out = poses.new_empty(len(clip), *poses.shape[2:])
    for start, window in zip(starts.tolist(), poses, strict=True):
        out[start : start + size] = window
    return out[before : before + frames]


def _overlapping(model: Lifter, keypoints: Tensor, batch_size: int) -> Tensor:
    windows = _padded(model, keypoints).unfold(0, model.receptive_field, 1).movedim(-1, 1)
    return torch.cat([model(part)[:, 0] for part in windows.split(batch_size)])


def _overlapping_features(model: PoseFormer, keypoints: Tensor, batch_size: int) -> Tensor:
    """Spatial features depend on their frame alone, so overlapping windows share them."""
    step = batch_size * model.receptive_field
    features = torch.cat([model.encode_frames(part) for part in keypoints.split(step)])
    windows = _padded(model, features).unfold(0, model.receptive_field, 1).movedim(-1, 1)
    return torch.cat([model.decode_windows(part)[:, 0] for part in windows.split(batch_size)])
