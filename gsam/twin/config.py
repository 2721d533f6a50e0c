"""Settings of the twin: how much of it to make and from which seed."""

from dataclasses import dataclass

from gsam.errors import ConfigError

FPS = 50.0
LENGTH_SPREAD = 0.2
# Shorter takes hold no whole step or gesture.
FEWEST_FRAMES = 20


@dataclass(frozen=True, kw_only=True)
class TwinConfig:
    """Size and seed of the synthetic Human3.6M.

    frames_per_take: mean number of frames (50 Hz) of the 209 takes; each take's own length lies
    within 20 % of it. 286 gives about 60,000 poses, 1,870 the size of the original. seed:
    everything drawn follows from it. Raises ConfigError for takes shorter than 20 frames or a
    negative seed.
    """

    frames_per_take: int = 286
    seed: int = 0

    def __post_init__(self) -> None:
        if self.frames_per_take < FEWEST_FRAMES:
            raise ConfigError(
                f"twin: frames_per_take {self.frames_per_take}, expected {FEWEST_FRAMES} or more"
            )
        if self.seed < 0:
            raise ConfigError(f"twin: seed {self.seed}, expected 0 or more")
