"""What every lifter offers to training and scoring."""

from torch import Tensor, nn

from gsam.lifters.config import METRES


class Lifter(nn.Module):
    """A network from (B, T, J, features) keypoints to (B, 1 or T, J, 3) poses.

    Attributes:
        joints: joints in the input.
        features: numbers per joint in the input.
        receptive_field: frames of a window.
        target_frame: the frame of the window that a one-frame answer is for.
        answers_windows: True when the answer holds every frame of the window.
        units: of the answer, metres or picture (gsam.lifters.picture_units).
    """

    joints: int
    features: int
    receptive_field: int
    target_frame: int
    answers_windows: bool = False
    units: str = METRES

    def __call__(self, keypoints: Tensor) -> Tensor:
        """Normalised screen coordinates in, metres relative to the root out."""
        return super().__call__(keypoints)
