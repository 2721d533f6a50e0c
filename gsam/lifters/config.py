"""What a lifter is made of: one flat, JSON-friendly record for every family, checked as a whole."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any

from gsam.errors import ConfigError

FAMILIES = ("gsam", "poseformer", "videopose3d", "martinez", "strided", "mixste", "motionbert")
HEADS = ("centre", "sequence")
POSITIONS = ("none", "before_msa", "after_msa", "after_mlp")
CONVOLUTIONS = ("depthwise", "grouped")
DEFAULT_CHANNELS = {
    "videopose3d": 1024,
    "martinez": 1024,
    "strided": 256,
    "mixste": 512,
    "motionbert": 512,
}
ONE_WIDTH = ("strided", "mixste", "motionbert")  # heads share `channels`
SEQUENCE_ONLY = ("mixste", "motionbert")
OWN_FIELDS = ("positions", "representation", "adaptive_fusion", "units")
METRES, PICTURE = "metres", "picture"
UNITS = (METRES, PICTURE)
FEATURES_WITH_SCORE = 3  # x, y and the score
STRIDED_STAGES = 3  # the reference owns exactly three position tables for its strided layers


@dataclass(frozen=True, kw_only=True)
class LifterConfig:
    """A lifter's architecture; a family ignores the fields that it has no use for.

    `frames` is the receptive field (odd; Martinez sees one frame). `channels`, `strides` left empty
    mean the family's own: 1024 channels (VideoPose3D, Martinez), 512 (MixSTE, MotionBERT) or 256
    (strided), and the factors of `frames`. `dropout` and `drop_path` (stochastic depth at the last
    block, growing linearly from 0) act in training only. `hidden` and `layers` are
    StridedTransformer's, `stages` Martinez's. MotionBERT's are `positions`, the most frames that it
    has positions for (empty: `frames`), `representation`, the width before its head (empty:
    `channels`), and `adaptive_fusion`. `features` is 2, or 3 with the keypoints' scores. `units` of
    the answer are metres in all that is trained here; `picture` is gsam.lifters.picture_units'.
    """

    name: str = "gsam"
    frames: int = 81
    joints: int = 17
    features: int = 2
    width: int = 32
    depth: int = 4
    heads: int = 8
    mlp_ratio: float = 2.0
    qkv_bias: bool = True
    qk_scale: float | None = None
    dropout: float = 0.0
    drop_path: float = 0.0
    head: str = "centre"
    sam: str = "after_msa"
    tam: str = "after_msa"
    conv: str = "depthwise"
    channels: int | None = None
    hidden: int = 512
    layers: int = 3
    stages: int = 2
    strides: tuple[int, ...] = ()
    positions: int | None = None
    representation: int | None = None
    adaptive_fusion: bool = True
    units: str = METRES

    def __post_init__(self) -> None:
        if isinstance(self.strides, list):  # as JSON gives it
            object.__setattr__(self, "strides", tuple(self.strides))

    def problems(self) -> list[str]:
        """One line for each thing wrong: key, value, what is allowed; none when it can be built."""
        found = [*_choice_problems(self), *_number_problems(self)]
        return found or list(_combination_problems(self))

    @property
    def reads_scores(self) -> bool:
        """Whether the keypoints' scores are part of the input."""
        return self.features == FEATURES_WITH_SCORE

    def resolved_channels(self) -> int:
        """Hidden width of the convolutional and fully connected families."""
        return self.channels or DEFAULT_CHANNELS.get(self.name, self.joints * self.width)

    def resolved_strides(self) -> tuple[int, ...]:
        """Filter widths (VideoPose3D) or strides (strided): their product is `frames`."""
        if self.strides:
            return self.strides
        factors = odd_factors(self.frames)
        return merge_factors(factors, STRIDED_STAGES) if self.name == "strided" else factors

    def resolved_positions(self) -> int:
        """Frames that MotionBERT has positions for."""
        return self.positions or self.frames

    def as_dict(self) -> dict[str, Any]:
        """The record as JSON holds it; `LifterConfig(**json)` rebuilds it.

        Fields that only one family reads are left out where they say nothing: another family's
        files do not change with every field that a new one brings.
        """
        record = {**asdict(self), "strides": list(self.strides)}
        for field in fields(self):
            if field.name in OWN_FIELDS and record[field.name] == field.default:
                del record[field.name]
        return record


def check(config: LifterConfig) -> LifterConfig:
    """The same record, or ConfigError naming every problem in one line."""
    found = config.problems()
    if found:
        raise ConfigError(f"lifter: {'; '.join(found)}")
    return config


def odd_factors(frames: int) -> tuple[int, ...]:
    """Prime factors in ascending order (81 -> 3, 3, 3, 3); those of an odd number are odd."""
    factors: list[int] = []
    divisor = 3
    while frames > 1:
        while frames % divisor == 0:
            factors.append(divisor)
            frames //= divisor
        divisor += 2
        if divisor * divisor > frames > 1:
            factors.append(frames)
            break
    return tuple(factors)


def merge_factors(factors: tuple[int, ...], count: int) -> tuple[int, ...]:
    """At most `count` factors of the same product, smallest multiplied first (351: 3, 9, 13)."""
    merged = sorted(factors)
    while len(merged) > count:
        merged = sorted([merged[0] * merged[1], *merged[2:]])
    return tuple(merged)


def _choice_problems(config: LifterConfig) -> Iterator[str]:
    choices = {
        "name": FAMILIES,
        "head": HEADS,
        "sam": POSITIONS,
        "tam": POSITIONS,
        "conv": CONVOLUTIONS,
        "units": UNITS,
    }
    for key, allowed in choices.items():
        value = getattr(config, key)
        if value not in allowed:
            yield f"{key} = {value!r}: expected one of {', '.join(allowed)}"


def _number_problems(config: LifterConfig) -> Iterator[str]:
    for field in fields(config):
        value = getattr(config, field.name)
        if field.type is int and (type(value) is not int or value < 1):
            yield f"{field.name} = {value!r}: expected a whole number of at least 1"
    for key in ("channels", "positions", "representation"):
        value = getattr(config, key)
        if value is not None and (type(value) is not int or value < 1):
            yield f"{key} = {value!r}: expected a whole number of at least 1, or nothing"
    for key in ("dropout", "drop_path"):
        value = getattr(config, key)
        if not _is_number(value) or not 0.0 <= value < 1.0:
            yield f"{key} = {value!r}: expected a number from 0 up to but not including 1"
    if not _is_number(config.mlp_ratio) or not config.mlp_ratio > 0:
        yield f"mlp_ratio = {config.mlp_ratio!r}: expected a number above 0"
    if config.qk_scale is not None and not _is_number(config.qk_scale):
        yield f"qk_scale = {config.qk_scale!r}: expected a number, or nothing"
    if any(type(stride) is not int or stride < 1 or stride % 2 == 0 for stride in config.strides):
        yield f"strides = {config.strides!r}: expected odd whole numbers"


def _combination_problems(config: LifterConfig) -> Iterator[str]:
    """What single fields cannot show; assumes every field is of the right kind."""
    name, frames = config.name, config.frames
    if name == "martinez":
        if frames != 1:
            yield f"frames = {frames}: martinez sees one frame, expected 1"
        return
    if frames % 2 == 0:
        yield f"frames = {frames}: expected an odd number, so that there is a central frame"
        return
    if name in ("gsam", "poseformer") and int(config.width * config.mlp_ratio) < 1:
        least = f"expected at least one hidden unit for width {config.width}"
        yield f"mlp_ratio = {config.mlp_ratio}: {least}"
    if name in ("gsam", "poseformer") and config.width % config.heads:
        yield f"heads = {config.heads}: expected a divisor of width = {config.width}"
    if name in ONE_WIDTH and config.resolved_channels() % config.heads:
        channels = config.resolved_channels()
        yield f"heads = {config.heads}: expected a divisor of channels = {channels}"
    if name == "videopose3d" and config.head != "centre":
        yield f"head = {config.head!r}: videopose3d answers for the central frame, expected centre"
    if name in SEQUENCE_ONLY and config.head != "sequence":
        yield f"head = {config.head!r}: {name} answers for every frame, expected sequence"
    if name == "motionbert" and config.resolved_positions() < config.frames:
        yield f"positions = {config.positions}: expected at least frames = {config.frames}"
    if name in ("videopose3d", "strided"):
        yield from _stride_problems(config)


def _stride_problems(config: LifterConfig) -> Iterator[str]:
    strides, product = config.resolved_strides(), 1
    for stride in strides:
        product *= stride
    if not strides or product != config.frames:
        yield (
            f"frames = {config.frames}: expected the product of the odd strides {list(strides)}"
            f" = {product}, for example 27 = 3x3x3"
        )
    if config.name == "strided" and len(strides) > STRIDED_STAGES:
        yield f"strides = {list(strides)}: expected at most {STRIDED_STAGES}"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
