"""StridedTransformer.

Li et al., Exploiting Temporal Contexts with Strided Transformer for 3D Human Pose Estimation, 2022.
"""

from collections.abc import Sequence

from torch import Tensor

from gsam.lifters.lifter import Lifter
from gsam.lifters.strided_layers import (
    FrameEncoder,
    Layer,
    PoseHead,
    ReducingTransformer,
    VanillaTransformer,
)


class StridedTransformer(Lifter):
    """A full-length transformer, then strided layers that shrink the window to its central frame.

    Input (B, T, J, features); `forward` gives (B, 1, J, 3), or (B, T, J, 3) with the `sequence`
    head, `both` gives the two. Metres, root-relative. State-dict keys are those of the official
    implementation.
    """

    def __init__(
        self,
        *,
        frames: int,
        strides: Sequence[int],
        layers: int = 3,
        channels: int = 256,
        hidden: int = 512,
        heads: int = 8,
        joints: int = 17,
        joints_out: int = 17,
        features: int = 2,
        dropout: float = 0.1,
        head: str = "centre",
    ) -> None:
        super().__init__()
        self.receptive_field = frames
        self.target_frame = frames // 2
        self.answers_windows = head == "sequence"
        self.joints, self.features = joints, features
        self.encoder = FrameEncoder(joints * features, channels, dropout)
        plain = [Layer(channels, hidden, heads, dropout, None) for _ in range(layers)]
        self.Transformer = VanillaTransformer(plain, channels, frames)
        shrinking = [Layer(channels, hidden, heads, dropout, stride) for stride in strides]
        self.Transformer_reduce = ReducingTransformer(shrinking, channels, frames)
        self.fcn = PoseHead(channels, joints_out)
        self.fcn_1 = PoseHead(channels, joints_out)

    def encode(self, keypoints: Tensor) -> Tensor:
        """Features of every frame, (B, T, J, features) -> (B, T, C)."""
        return self.Transformer(self.encoder(keypoints.flatten(2)))

    def both(self, keypoints: Tensor) -> tuple[Tensor, Tensor]:
        """The central frame (B, 1, J, 3) and the full sequence (B, T, J, 3)."""
        tokens = self.encode(keypoints)
        return self.fcn(self.Transformer_reduce(tokens)), self.fcn_1(tokens)

    def forward(self, keypoints: Tensor) -> Tensor:
        """What the head answers for."""
        tokens = self.encode(keypoints)
        if self.answers_windows:
            return self.fcn_1(tokens)
        return self.fcn(self.Transformer_reduce(tokens))
