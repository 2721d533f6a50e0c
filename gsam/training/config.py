"""How anything is trained, and what lifters and detectors are fed; the paper's recipe is the
default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["SampleConfig", "TrainConfig", "WindowConfig"]

Precision = Literal["float32", "onednn", "bf16"]


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """What the loop needs, whatever is trained; by default paper 1's (IV-B): Adam, 0.001 x 0.95
    every 2 epochs."""

    epochs: int = 50
    batch_size: int = 1024
    """Most windows or people per optimiser step, over all workers; an epoch is cut into equal
    shares."""

    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    lr: float = 0.001
    """Peak learning rate."""
    weight_decay: float = 0.0
    """On matrices and kernels only, not on biases, norms and position tables (adamw: decoupled)."""
    momentum: float = 0.9
    """Of sgd."""
    beta2: float = 0.999
    """Of adam and adamw."""
    schedule: Literal["step", "cosine", "constant"] = "step"
    """step: x decay every decay_every epochs; cosine: from the peak to 0 at the very end."""
    decay: float = 0.95
    decay_every: int = 2
    warmup: float = 0.0
    """Part of all steps over which the rate rises linearly to the schedule's value."""
    clip_grad: float = 0.0
    """Largest norm of the gradient; 0: unlimited."""

    precision: Precision = "float32"
    """float32: MKL or CUDA products in full float32; onednn: oneDNN's float32 products, which a
    processor with AMX may round to bfloat16 (CUDA: TF32); bf16: autocast to bfloat16."""
    compile: bool = False
    deterministic: bool = True
    """Only algorithms that give the same bits every time."""

    blow_up: float = 1.5
    """A training error that does not fall and is above this many times that of an answer that looks
    at no input (lifters: the mean pose; detectors: empty heatmaps) is a divergence."""
    checkpoint_seconds: float = 10.0
    """Least time between checkpoints, which are written between epochs."""

    def problems(self) -> list[str]:
        """Impossible values, beyond types."""
        found = _below(self, 1, "epochs", "batch_size", "decay_every")
        found += _below(self, 0, "weight_decay", "clip_grad", "checkpoint_seconds")
        for name in ("momentum", "beta2", "warmup"):
            if not 0 <= getattr(self, name) < 1:
                found.append(f"{name} = {getattr(self, name)}: expected 0 <= {name} < 1")
        if not 0 < self.lr < float("inf"):
            found.append(f"lr = {self.lr}: expected more than 0")
        if not 0 < self.decay <= 1:
            found.append(f"decay = {self.decay}: expected 0 < decay <= 1")
        if self.blow_up <= 1:
            found.append(f"blow_up = {self.blow_up}: expected more than 1")
        return found


@dataclass(frozen=True, kw_only=True)
class WindowConfig:
    """The windows of clips that a lifter is trained on; by default those of paper 1 (IV-B)."""

    epoch_windows: int = 0
    """Windows drawn per epoch, another random part each time; 0: all of them."""
    stride: int = 81
    """Frames between the starts of an epoch's windows: as long as the window means no overlap."""
    jitter: bool = True
    """Shift each clip's grid of windows by 0 to stride - 1 frames, newly in every epoch: windows of
    one epoch overlap no more than the stride says, and over the epochs every frame takes every
    place in a window."""
    mirror: bool = True
    """Mirror a random half of the windows, another half each epoch."""
    velocity_weight: float = 0.0
    """Weight of the error of frame-to-frame motion beside MPJPE; sequence heads only."""
    validation_windows: int = 128
    """Windows of the training takes that are held out to draw the validation curve; 0: none is."""

    def problems(self) -> list[str]:
        """Impossible values, beyond types."""
        found = _below(self, 1, "stride")
        return found + _below(self, 0, "epoch_windows", "velocity_weight", "validation_windows")


@dataclass(frozen=True, kw_only=True)
class SampleConfig:
    """The people in images that a detector is trained on."""

    epoch_samples: int = 0
    """People drawn per epoch, another random part each time; 0: all of them."""
    validation_samples: int = 256
    """Most people of the training images that are held out to draw the validation curve; 0: none
    is."""

    def problems(self) -> list[str]:
        """Impossible values, beyond types."""
        return _below(self, 0, "epoch_samples", "validation_samples")


def _below(config: object, least: int, *names: str) -> list[str]:
    """A complaint about each named value that is below `least`."""
    return [
        f"{name} = {getattr(config, name)}: expected {least} or more"
        for name in names
        if getattr(config, name) < least
    ]
