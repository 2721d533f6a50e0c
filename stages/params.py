"""params.yaml as a typed value: the headline knobs, read and checked before any data is touched."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gsam.configs import build, nearest, problems_of
from gsam.errors import ConfigError
from gsam.plain_yaml import load_yaml
from pipelines.object_store import is_remote, split, under

ARCHIVED = {
    "gt": "gt",
    "imported": "cpn",
    "imported_detectron": "detectron",
    "imported_hourglass": "sh",
}
"""Keypoints of every frame that come with the data: our name for the source (`imported`: CPN's,
which most papers use) and the archives' name for it."""
DETECTORS = ("hrnet", "hrnet_attention", "cpn", "hourglass")
"""Our own detectors, run on the frames that have pictures."""
IMAGED = {"gt_imaged": "gt", "imported_detectron_imaged": "imported_detectron"}
"""The same frames' keypoints from other sources, so that lifters can be compared on equal terms."""
THREEDHP = ("threedhp_gt",)
"""Keypoints of MPI-INF-3DHP, a dataset of its own beside what `data` names: its annotations."""
PICTURED = (*DETECTORS, *IMAGED)
"""Sources that have only the frames with pictures."""
SOURCES = (*ARCHIVED, *PICTURED, *THREEDHP)
GROUPS = {"archived": tuple(ARCHIVED), "detected": PICTURED, "threedhp": THREEDHP}
"""What one stage treats at once: the sources that need no detector, those that do, and the other
dataset's."""


def frames_of(source: str) -> str:
    """Which frames a source of keypoints has, in the words of a Protocol."""
    return "every frame that has a picture," if source in PICTURED else "every frame"


def group_of(arguments: list[str]) -> str:
    """The group of sources that a stage's arguments name.

    Raises:
        ConfigError: they name none.
    """
    if len(arguments) != 1 or arguments[0] not in GROUPS:
        raise ConfigError(
            f"expected one argument of {', '.join(GROUPS)}; got {arguments or 'none'}"
        )
    return arguments[0]


# Where a run runs: inherited by every run; the checkpoint has stages of its own. The other fields
# of Params shape `main` alone.
OWN_STAGES = ("checkpoint",)
INHERITED = ("data", "scale", "raw", "detect", "mesh", "threedhp", "displaced", "seeds", "workers")


@dataclass(frozen=True, kw_only=True)
class RawFolders:
    """Where raw data lies, by dataset: in a folder or at s3://bucket/prefix."""

    human36m: str
    bvh: str
    custom: str
    coco: str
    mpii: str
    boxes: str
    threedhp: str
    threedpw: str
    smpl: str
    weights: str


@dataclass(frozen=True, kw_only=True)
class DetectOptions:
    """How keypoints are detected in pictures, in scoring a detector and in feeding lifters."""

    boxes: str = "truth"
    flip_test: bool | None = None
    quarter_offset: bool = True


@dataclass(frozen=True, kw_only=True)
class MeshOptions:
    """What holds for every mesh regressor: on whose body the true poses are put to be scored, and
    a checkpoint in `raw.weights` from which backbones start."""

    truth: Literal["neutral", "gendered"] = "neutral"
    backbone: str | None = None


@dataclass(frozen=True, kw_only=True)
class ThreedhpOptions:
    """Which of MPI-INF-3DHP's fourteen cameras lifters are trained on, by the authors' sets."""

    cameras: Literal["vnect", "chest", "non_ceiling", "ceiling"] = "vnect"


@dataclass(frozen=True, kw_only=True)
class Params:
    """The fields of params.yaml; `None` means that the scale or the lifter's file decides."""

    data: Literal["twin", "archives", "bvh", "custom"]
    scale: str
    raw: dict
    detect: dict
    mesh: dict
    threedhp: dict
    displaced: Literal["keep", "drop"]
    seeds: list[int]
    workers: int
    keypoints: str
    lifter: str
    frames: int
    checkpoint: str | None = None
    head: Literal["centre", "sequence"] | None = None
    stride: int | None = None
    optimizer: str | None = None
    lr: float | None = None
    schedule: str | None = None
    epochs: int | None = None
    batch_size: int | None = None
    dropout: float | None = None
    precision: str | None = None

    def problems(self) -> list[str]:
        """Impossible values, beyond types."""
        found = problems_of(RawFolders, self.raw, "raw") or location_problems(self.raw)
        found += problems_of(DetectOptions, self.detect, "detect")
        found += problems_of(MeshOptions, self.mesh, "mesh")
        found += problems_of(ThreedhpOptions, self.threedhp, "threedhp")
        if self.keypoints not in SOURCES:
            found.append(f"keypoints = {self.keypoints!r}: {nearest(self.keypoints, SOURCES)}")
        if not self.seeds or len(set(self.seeds)) != len(self.seeds) or min(self.seeds) < 0:
            found.append(f"seeds = {self.seeds}: expected one or more different numbers from 0")
        if self.workers < 0:
            found.append(f"workers = {self.workers}: expected 0 (no Ray workers) or more")
        return found

    def raw_file(self, key: str, name: str) -> str:
        """Where a file of a raw folder is."""
        folder = self.raw[key]
        return under(folder, name) if is_remote(folder) else str(Path(folder) / name)

    def knobs(self) -> dict[str, Any]:
        """What `main` changes in its lifter's file, its scale and the recipe: the set knobs."""
        return {
            k: v
            for k, v in vars(self).items()
            if k not in (*INHERITED, *OWN_STAGES) and v is not None
        }


def location_problems(raw: Mapping[str, str]) -> list[str]:
    """What is wrong with the raw folders that are URIs."""
    found = []
    for key, location in raw.items():
        if is_remote(location):
            try:
                split(location)
            except ConfigError as error:
                found.append(f"raw.{key} = {error} or a folder")
    return found


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file's mapping, read safely.

    Raises:
        ConfigError: it is missing, is not YAML, or holds no mapping.
    """
    try:
        values = load_yaml(path)
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected a mapping of names to values")
    return values


def read_params(path: Path = Path("params.yaml")) -> Params:
    """Read and check params.yaml.

    Raises:
        ConfigError: names every unknown key (with the nearest right name) and every wrong value.
    """
    return build(Params, read_yaml(path), str(path))
