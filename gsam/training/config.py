"""How a lifter is trained: every knob of the loop, with the paper's recipe as the default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["TrainConfig"]

Precision = Literal["float32", "onednn", "bf16"]


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """The training recipe; by default the paper's (IV-B): Adam, 0.001 x 0.95 every 2 epochs."""

    epochs: int = 50
    batch_size: int = 1024
    """Most windows per optimiser step, over all workers; an epoch is cut into equal shares."""
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

    velocity_weight: float = 0.0
    """Weight of the error of frame-to-frame motion beside MPJPE; sequence heads only."""

    precision: Precision = "float32"
    """float32: MKL or CUDA products in full float32; onednn: oneDNN's float32 products, which a
    processor with AMX may round to bfloat16 (CUDA: TF32); bf16: autocast to bfloat16."""
    compile: bool = False
    deterministic: bool = True
    """Only algorithms that give the same bits every time."""

    validation_windows: int = 128
    """Windows of the training takes that are held out to draw the validation curve; 0: none is."""
    blow_up: float = 1.5
    """A training error above this many times the mean pose's that does not fall is a divergence."""
    checkpoint_seconds: float = 10.0
    """Least time between checkpoints, which are written between epochs."""

    def problems(self) -> list[str]:
        """Impossible values, beyond types."""
        found = []
        for name in ("epochs", "batch_size", "stride", "decay_every"):
            if getattr(self, name) < 1:
                found.append(f"{name} = {getattr(self, name)}: expected 1 or more")
        for name in ("epoch_windows", "weight_decay", "clip_grad", "velocity_weight"):
            if getattr(self, name) < 0:
                found.append(f"{name} = {getattr(self, name)}: expected 0 or more")
        for name in ("validation_windows", "checkpoint_seconds"):
            if getattr(self, name) < 0:
                found.append(f"{name} = {getattr(self, name)}: expected 0 or more")
        for name in ("momentum", "beta2", "warmup"):
            if not 0 <= getattr(self, name) < 1:
                found.append(f"{name} = {getattr(self, name)}: expected 0 <= {name} < 1")
        if not 0 < self.lr < float("inf"):
            found.append(f"lr = {self.lr}: expected more than 0")
        if not 0 < self.decay <= 1:
            found.append(f"decay = {self.decay}: expected 0 < decay <= 1")
        if self.blow_up <= 1:
            found.append(f"blow_up = {self.blow_up}: expected more than 1 (times the mean pose)")
        return found
