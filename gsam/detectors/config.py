"""What a 2D detector is made of: one flat, JSON-friendly record for every family."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from gsam.configs import nearest
from gsam.errors import ConfigError
from gsam.skeletons import SKELETONS, Skeleton

Family = Literal["hrnet", "cpn", "hourglass", "simplebaseline"]
FAMILIES: tuple[str, ...] = get_args(Family)
STRIDE = 4  # input pixels per heat map cell, in every family
DEPTHS = (14, 26, 50, 101, 152)  # ResNets of bottlenecks; the first two for small scales
STAGES = (1, 2, 3)  # the paper's: the multi-branch stages, with 2, 3 and 4 sub-networks
SUBNETWORKS = (1, 2, 3, 4)  # from the finest resolution down
# What the input's sides must divide by: the network halves them that often and adds what it
# doubles back, so that odd sizes in between would not fit.
DIVISORS = {"hrnet": 32, "simplebaseline": 32, "cpn": 32, "hourglass": 64}
_AT_LEAST = {"hard_joints": 0, "increase": 0}  # every other whole number: 1


@dataclass(frozen=True, kw_only=True)
class DetectorConfig:
    """A top-down detector's architecture; a family ignores the fields that it has no use for.

    The input is a person's crop of `height` x `width` pixels, the answer one heat map for each
    joint of `joint_set`, at a quarter of that size.

    hrnet: `channels` of the finest sub-network (each coarser one has twice as many), `stem`,
    `bottlenecks` of the first stage, `modules` of the three multi-branch stages, `blocks` of every
    branch. Attention modules stand at every stage of the sub-networks in `attention_subnetworks`
    and at every sub-network of the stages in `attention_stages`, each place once.
    cpn and simplebaseline: a ResNet of `depth` layers, `base` channels wide at its first stage, and
    `features` channels after it. hourglass: `stacks` of `features` channels, `increase` more at the
    lower resolutions, behind a stem of `stem` and then twice `stem` channels.

    `sigma` (heat map cells; the paper's equation 7 says 1, HRNet's own recipe 2), `hard_joints`
    (the loss counts only that many of the worst joints of a sample; 0: all) and `joint_weights`
    (factor of each joint in the loss; empty: all 1) are those of hrnet and simplebaseline; cpn and
    hourglass have targets and losses of their own.
    """

    name: Family = "hrnet"
    joint_set: str = "human36m_17"
    height: int = 256
    width: int = 192
    sigma: float = 1.0
    hard_joints: int = 0
    joint_weights: tuple[float, ...] = ()
    channels: int = 32
    stem: int = 64
    bottlenecks: int = 4
    modules: tuple[int, ...] = (1, 4, 3)
    blocks: int = 4
    attention_subnetworks: tuple[int, ...] = ()
    attention_stages: tuple[int, ...] = ()
    attention_width: int = 256
    attention_groups: int = 4
    depth: int = 50
    base: int = 64
    features: int = 256
    stacks: int = 8
    increase: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, list):  # as JSON gives it
                object.__setattr__(self, field.name, tuple(value))

    @property
    def skeleton(self) -> Skeleton:
        """The joint set; the configuration must be free of problems."""
        return SKELETONS[self.joint_set]

    @property
    def joints(self) -> int:
        """Number of heat maps J."""
        return self.skeleton.size

    @property
    def map_height(self) -> int:
        """Rows of a heat map."""
        return self.height // STRIDE

    @property
    def map_width(self) -> int:
        """Columns of a heat map."""
        return self.width // STRIDE

    def attention_places(self) -> tuple[tuple[int, int], ...]:
        """(stage, sub-network) of every attention module, in the order of the network."""
        return tuple(
            (stage, subnetwork)
            for stage in STAGES
            for subnetwork in SUBNETWORKS[: stage + 1]
            if stage in self.attention_stages or subnetwork in self.attention_subnetworks
        )

    def problems(self) -> list[str]:
        """One line for each thing wrong: key, value, what is allowed; none when it can be built."""
        found = [*_field_problems(self), *_list_problems(self)]
        return found or list(_combination_problems(self))

    def as_dict(self) -> dict[str, Any]:
        """The record as JSON holds it; `DetectorConfig(**json)` rebuilds it."""
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(self).items()
        }


def check(config: DetectorConfig) -> DetectorConfig:
    """The same record, or ConfigError naming every problem in one line."""
    found = config.problems()
    if found:
        raise ConfigError(f"detector: {'; '.join(found)}")
    return config


def _field_problems(config: DetectorConfig) -> Iterator[str]:
    if config.name not in FAMILIES:
        yield f"name = {config.name!r}: {nearest(str(config.name), FAMILIES)}"
    if config.joint_set not in SKELETONS:
        yield f"joint_set = {config.joint_set!r}: {nearest(str(config.joint_set), SKELETONS)}"
    for field in fields(config):
        value, least = getattr(config, field.name), _AT_LEAST.get(field.name, 1)
        if field.type is int and (type(value) is not int or value < least):
            yield f"{field.name} = {value!r}: expected a whole number of at least {least}"
    if not _is_number(config.sigma) or not 0.0 < config.sigma < float("inf"):
        yield f"sigma = {config.sigma!r}: expected a number above 0"


def _list_problems(config: DetectorConfig) -> Iterator[str]:
    if len(config.modules) != len(STAGES) or not all(
        type(count) is int and count >= 1 for count in config.modules
    ):
        expected = f"expected {len(STAGES)} whole numbers of at least 1"
        yield f"modules = {list(config.modules)}: {expected}"
    for key, allowed in (("attention_subnetworks", SUBNETWORKS), ("attention_stages", STAGES)):
        places = getattr(config, key)
        if any(type(place) is not int or place not in allowed for place in places):
            yield f"{key} = {list(places)}: expected only {', '.join(map(str, allowed))}"
        elif len(set(places)) != len(places):
            yield f"{key} = {list(places)}: expected each place once"
    if any(not _is_number(factor) or factor < 0 for factor in config.joint_weights):
        yield f"joint_weights = {list(config.joint_weights)}: expected numbers of at least 0"


def _combination_problems(config: DetectorConfig) -> Iterator[str]:
    """What single fields cannot show; assumes every field is of the right kind."""
    divisor = DIVISORS[config.name]
    for key in ("height", "width"):
        value = getattr(config, key)
        if value % divisor:
            yield f"{key} = {value}: expected a multiple of {divisor} for {config.name}"
    if config.hard_joints > config.joints:
        yield f"hard_joints = {config.hard_joints}: {config.joint_set} has {config.joints} joints"
    if len(config.joint_weights) not in (0, config.joints):
        count = len(config.joint_weights)
        yield f"joint_weights: {count} numbers, expected none or one per joint ({config.joints})"
    if config.name in ("cpn", "simplebaseline") and config.depth not in DEPTHS:
        yield f"depth = {config.depth}: expected one of {', '.join(map(str, DEPTHS))}"
    yield from _attention_problems(config)


def _attention_problems(config: DetectorConfig) -> Iterator[str]:
    places = [*config.attention_subnetworks, *config.attention_stages]
    if places and config.name != "hrnet":
        yield f"attention_subnetworks, attention_stages: {config.name} has no places for attention"
    elif places and config.attention_width % config.attention_groups:
        width = config.attention_width
        yield f"attention_groups = {config.attention_groups}: expected a divisor of {width}"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
