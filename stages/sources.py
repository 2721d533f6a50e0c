"""Where takes and keypoints come from for each `data`: one reader behind each name."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from gsam.configs import build, problems_of
from gsam.datasets import custom
from gsam.datasets.bvh import takes as bvh
from gsam.datasets.human36m import layouts as human36m
from gsam.datasets.human36m.keypoints import Views
from gsam.datasets.takes import Take
from gsam.errors import ConfigError, LicensedDataMissing
from gsam.storage import read_json
from gsam.twin.config import TwinConfig
from pipelines.raw_fetch import local_folder
from stages.params import ARCHIVED
from stages.paths import SOURCE
from stages.raw_names import RAW_FILES


def source_problems(data: str, options: dict[str, Any]) -> list[str]:
    """Wrong keys and values in conf/dataset/<data>.yaml."""
    where = f"conf/dataset/{data}.yaml"
    options = {k: v for k, v in options.items() if k != "test_subjects"}
    if data == "twin":
        return problems_of(TwinConfig, options, where)
    if data == "bvh":
        return problems_of(bvh.BvhConfig, options, where)
    allowed = "nothing" if data == "custom" else "test_subjects"
    return [f"{where}: unknown key {key!r}; allowed: {allowed}" for key in options]


def raw_folder(data: str) -> AbstractContextManager[Path]:
    """Opens the folder of raw files that the raw stage made or found."""
    if data == "twin":
        return local_folder(str(SOURCE))
    location = read_json(SOURCE / "manifest.json")["folder"]
    return local_folder(location, *RAW_FILES[data])


def read_takes(plan: dict[str, Any]) -> Iterator[Take]:
    """Every take of the planned dataset.

    Raises:
        DataError: a file cannot be used; the message names it.
    """
    options = plan["options"]
    with raw_folder(plan["data"]) as folder:
        if plan["data"] == "bvh":
            yield from bvh.read_takes(
                folder, build(bvh.BvhConfig, options, "conf/dataset/bvh.yaml")
            )
            return
        if plan["data"] == "custom":
            location = read_json(SOURCE / "manifest.json")["folder"]
            yield from custom.read_takes(folder, custom.dataset_name(location))
            return
        yield from human36m.read_takes(folder, options["test_subjects"])


def custom_keypoints(source: str) -> Mapping[str, custom.Views]:
    """The 2D of the user's own recordings, points and scores per camera, by the take's sequence.

    Raises:
        LicensedDataMissing: the source is a benchmark's: recordings come with one kind of 2D.
    """
    if source != "imported":
        raise LicensedDataMissing(
            f"{source} is not among custom recordings, whose own 2D is keypoints: imported"
        )
    with raw_folder("custom") as folder:
        return custom.read_keypoints(folder)


def imported_keypoints(data: str, source: str) -> Mapping[tuple[str, str], Views]:
    """Keypoints that come with the raw data: by (subject, take), (T_2d, 17, 2) per camera.

    `source` is a key of ARCHIVED.

    Raises:
        ConfigError: the data has no imported keypoints.
        LicensedDataMissing: the detector's file is not in the raw folder.
    """
    if data == "bvh":
        raise ConfigError(f"data=bvh comes without 2D files; {source} is made by the noise model")
    with raw_folder(data) as folder:
        return human36m.read_keypoints(folder, ARCHIVED[source])
