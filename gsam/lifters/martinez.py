"""Martinez et al., A simple yet effective baseline for 3d human pose estimation, 2017."""

from torch import Tensor, nn
from torch.nn import functional

from gsam.lifters.dropout import Dropout
from gsam.lifters.lifter import Lifter


class ResidualStage(nn.Module):
    """input + (linear, batch norm, ReLU, dropout) twice, (B, C) -> (B, C)."""

    def __init__(self, channels: int, dropout: float) -> None:
        super().__init__()
        self.w1 = nn.Linear(channels, channels)
        self.batch_norm1 = nn.BatchNorm1d(channels)
        self.w2 = nn.Linear(channels, channels)
        self.batch_norm2 = nn.BatchNorm1d(channels)
        self.dropout = Dropout(dropout)

    def forward(self, hidden: Tensor) -> Tensor:
        """No activation after the sum."""
        inner = self.dropout(functional.relu(self.batch_norm1(self.w1(hidden))))
        return hidden + self.dropout(functional.relu(self.batch_norm2(self.w2(inner))))


class Martinez(Lifter):
    """Each frame by itself through residual fully connected stages.

    Takes (B, T, J, features) and gives (B, T, J, 3), or flat (B, J * features) and gives (B, 3 J)
    as the reference does (its 16 joints are Human3.6M's without the nose). State-dict keys are the
    reference's.
    """

    receptive_field = 1
    target_frame = 0

    def __init__(
        self,
        *,
        joints: int = 16,
        features: int = 2,
        channels: int = 1024,
        stages: int = 2,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.joints, self.features = joints, features
        self.w1 = nn.Linear(joints * features, channels)
        self.batch_norm1 = nn.BatchNorm1d(channels)
        self.linear_stages = nn.ModuleList(ResidualStage(channels, dropout) for _ in range(stages))
        self.w2 = nn.Linear(channels, joints * 3)
        self.dropout = Dropout(dropout)
        for module in self.modules():
            # As the reference; weights that are only counted have no values (and no fast normal_).
            if isinstance(module, nn.Linear) and not module.weight.is_meta:
                nn.init.kaiming_normal_(module.weight)

    def forward(self, keypoints: Tensor) -> Tensor:
        """(B, T, J, features) -> (B, T, J, 3), or (B, J * features) -> (B, 3 J)."""
        if keypoints.dim() == 4:
            poses = self.forward(keypoints.flatten(2).flatten(0, 1))
            return poses.view(*keypoints.shape[:3], 3)
        hidden = self.dropout(functional.relu(self.batch_norm1(self.w1(keypoints))))
        for stage in self.linear_stages:
            hidden = stage(hidden)
        return self.w2(hidden)
