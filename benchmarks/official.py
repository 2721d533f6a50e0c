"""PoseFormer the way its official code works: the yardstick of the speed-ups, plain but not slow.

It follows the published semantics: every module of the network by itself, training windows cut one
by one by a Python generator and copied batch by batch into torch, AdamW parameter by parameter, and
for scoring one window per frame, a whole clip as one batch. Weights are interchangeable with
`gsam.lifters` PoseFormer, and the answers are equal (tests/unit/test_benchmarks.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gsam.lifters import LifterConfig
from gsam.skeletons import H36M_17
from gsam.windows import ReferenceShuffle, chunk_starts

__all__ = ["ChunkGenerator", "OfficialPoseFormer", "Trainer", "score_clip"]

Clip = NDArray[np.float32]


class Attention(nn.Module):
    """Self-attention with the weights written out, (B, L, C) -> (B, L, C)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.scale = (width // heads) ** -0.5
        self.qkv = nn.Linear(width, 3 * width)
        self.attn_drop = nn.Dropout(0.0)
        self.proj = nn.Linear(width, width)
        self.proj_drop = nn.Dropout(0.0)

    def forward(self, x: Tensor) -> Tensor:
        """Attend within each sample."""
        batch, length, width = x.shape
        qkv = self.qkv(x).reshape(batch, length, 3, self.heads, width // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        weights = (query @ key.transpose(-2, -1)) * self.scale
        weights = self.attn_drop(weights.softmax(dim=-1))
        mixed = (weights @ value).transpose(1, 2).reshape(batch, length, width)
        return self.proj_drop(self.proj(mixed))


class Mlp(nn.Module):
    """Linear, GELU, linear."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(hidden, width)
        self.drop = nn.Dropout(0.0)

    def forward(self, x: Tensor) -> Tensor:
        """Transform every token by itself."""
        return self.drop(self.fc2(self.drop(self.act(self.fc1(x)))))


class DropPath(nn.Module):
    """Drops a residual branch of some samples in training."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """The branch, scaled where it is kept."""
        if self.rate == 0.0 or not self.training:
            return x
        kept = 1 - self.rate
        mask = (kept + torch.rand((len(x), 1, 1), dtype=x.dtype, device=x.device)).floor_()
        return x.div(kept) * mask


class Block(nn.Module):
    """Pre-norm transformer block."""

    def __init__(self, width: int, heads: int, ratio: float, rate: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads)
        self.drop_path = DropPath(rate) if rate > 0 else nn.Identity()
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = Mlp(width, int(width * ratio))

    def forward(self, x: Tensor) -> Tensor:
        """Attention and MLP, each with its skip connection."""
        x = x + self.drop_path(self.attn(self.norm1(x)))
        return x + self.drop_path(self.mlp(self.norm2(x)))


class OfficialPoseFormer(nn.Module):
    """PoseFormer with the centre head, (B, F, J, 2) -> (B, 1, J, 3)."""

    def __init__(self, config: LifterConfig) -> None:
        super().__init__()
        self.joints, self.frames = config.joints, config.frames
        small, large = config.width, config.width * config.joints
        rates = torch.linspace(0, config.drop_path, config.depth).tolist()
        self.Spatial_patch_to_embedding = nn.Linear(config.features, small)
        self.Spatial_pos_embed = nn.Parameter(torch.zeros(1, config.joints, small))
        self.Temporal_pos_embed = nn.Parameter(torch.zeros(1, config.frames, large))
        self.pos_drop = nn.Dropout(0.0)
        self.Spatial_blocks = nn.ModuleList(
            Block(small, config.heads, config.mlp_ratio, rate) for rate in rates
        )
        self.blocks = nn.ModuleList(
            Block(large, config.heads, config.mlp_ratio, rate) for rate in rates
        )
        self.Spatial_norm = nn.LayerNorm(small, eps=1e-6)
        self.Temporal_norm = nn.LayerNorm(large, eps=1e-6)
        self.weighted_mean = nn.Conv1d(config.frames, 1, kernel_size=1)
        self.head = nn.Sequential(nn.LayerNorm(large), nn.Linear(large, 3 * config.joints))

    def spatial_features(self, x: Tensor) -> Tensor:
        """(B, F, J, 2) -> (B, F, J * width)."""
        batch = len(x)
        x = self.Spatial_patch_to_embedding(x.flatten(0, 1)) + self.Spatial_pos_embed
        x = self.pos_drop(x)
        for block in self.Spatial_blocks:
            x = block(x)
        return self.Spatial_norm(x).reshape(batch, self.frames, -1)

    def temporal_features(self, x: Tensor) -> Tensor:
        """(B, F, C) -> (B, 1, C)."""
        x = self.pos_drop(x + self.Temporal_pos_embed)
        for block in self.blocks:
            x = block(x)
        return self.weighted_mean(self.Temporal_norm(x))

    def forward(self, x: Tensor) -> Tensor:
        """The pose of the middle frame."""
        x = self.temporal_features(self.spatial_features(x))
        return self.head(x).view(len(x), 1, self.joints, 3)


class ChunkGenerator:
    """Batches of one-frame targets with their windows, cut from NumPy clips one after the other.

    keypoints (T, 17, 2) and targets (T, 17, 3) of each sequence, with mirrored copies on `augment`.
    Order and contents are those of `gsam.windows.training_chunks`; batches are float64, as NumPy
    makes them.
    """

    def __init__(
        self,
        keypoints: Sequence[Clip],
        targets: Sequence[Clip],
        batch_size: int,
        frames: int,
        augment: bool = True,
    ) -> None:
        self.keypoints, self.targets = keypoints, targets
        self.batch_size, self.pad = batch_size, frames // 2
        flags = (False, True) if augment else (False,)
        self.items = [
            (sequence, int(start), flag)
            for sequence, clip in enumerate(targets)
            for flag in flags
            for start in chunk_starts(len(clip), 1)
        ]
        self.shuffle = ReferenceShuffle()
        self.swap = list(H36M_17.mirror_permutation)

    def epoch(self) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Targets (B, 1, 17, 3) and windows (B, F, 17, 2), in buffers that are used again."""
        order = self.shuffle.epoch(len(self.items))
        shape = (self.batch_size, 2 * self.pad + 1, *self.keypoints[0].shape[1:])
        windows = np.empty(shape)
        poses = np.empty((self.batch_size, 1, *self.targets[0].shape[1:]))
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            for slot, row in enumerate(rows):
                sequence, frame, mirrored = self.items[row]
                windows[slot] = self._cut(self.keypoints[sequence], frame - self.pad, mirrored)
                poses[slot] = self._pose(self.targets[sequence], frame, mirrored)
            yield poses[: len(rows)], windows[: len(rows)]

    def _cut(self, clip: Clip, start: int, mirrored: bool) -> Clip:
        stop = start + 2 * self.pad + 1
        inside = clip[max(start, 0) : min(stop, len(clip))]
        before, after = max(-start, 0), max(stop - len(clip), 0)
        if before or after:
            inside = np.pad(inside, ((before, after), (0, 0), (0, 0)), "edge")
        return self._mirrored(inside) if mirrored else inside

    def _pose(self, clip: Clip, frame: int, mirrored: bool) -> Clip:
        pose = clip[frame : frame + 1]
        return self._mirrored(pose) if mirrored else pose

    def _mirrored(self, points: Clip) -> Clip:
        points = points[:, self.swap].copy()
        points[..., 0] *= -1
        return points


class Trainer:
    """The official training loop, a given number of steps at a time; epochs follow each other."""

    def __init__(self, model: nn.Module, generator: ChunkGenerator, lr: float = 1e-4) -> None:
        self.model, self.generator = model, generator
        self.optimiser = torch.optim.AdamW(
            model.parameters(), lr=lr, weight_decay=0.1, foreach=False
        )
        self.batches = generator.epoch()

    def steps(self, count: int) -> float:
        """Train; returns the number of windows seen."""
        self.model.train()
        seen = 0
        for _ in range(count):
            poses, windows = self._next()
            target = torch.from_numpy(poses.astype("float32"))
            keypoints = torch.from_numpy(windows.astype("float32"))
            self.optimiser.zero_grad()
            loss = torch.mean(torch.norm(self.model(keypoints) - target, dim=-1))
            self.last_loss = loss.item()
            loss.backward()
            self.optimiser.step()
            seen += len(keypoints)
        return seen

    def _next(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        try:
            return next(self.batches)
        except StopIteration:
            self.batches = self.generator.epoch()
            return next(self.batches)


@torch.no_grad()
def score_clip(model: OfficialPoseFormer, keypoints: Clip) -> Tensor:
    """A pose for every frame, (T, J, 2) -> (T, J, 3): one window per frame, all in one batch."""
    pad = model.frames // 2
    padded = torch.from_numpy(np.pad(keypoints, ((pad, pad), (0, 0), (0, 0)), "edge"))
    windows = torch.empty(len(keypoints), model.frames, *keypoints.shape[1:])
    for frame in range(len(keypoints)):
        windows[frame] = padded[frame : frame + model.frames]
    model.eval()
    return model(windows)[:, 0]
