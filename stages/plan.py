"""Resolve params.yaml and conf/ into one file per stage and per run, before any data is touched.

    python -m stages.plan

Reads params.yaml, conf/. Writes data/plan/: one file per stage (raw.json, images.json, …),
runs/<run>.json, detectors/<detector>.json, meshes/<mesh regressor>.json and code/<stage>.json, the
files of its code with their hashes. Every later stage depends on its own files there, so that it
runs again only when something that it inherits or imports changed. Ends with exit code 2 and one
line that names every wrong key or value.
"""

from pathlib import Path
from typing import Any

from gsam.configs import problems_of
from gsam.errors import ConfigError
from gsam.storage import atomic_directory, write_json
from gsam.twin.images.config import TwinImagesConfig
from gsam.twin.threedhp.config import TwinThreedhpConfig
from gsam.twin.video.config import TwinVideoConfig
from pipelines.object_store import is_remote
from stages.code import code_of, stage_modules
from stages.common import PLAN, run_stage
from stages.compose import composed, resolve_runs
from stages.compose_detectors import detect_options, resolve_detectors
from stages.compose_meshes import resolve_meshes
from stages.params import Params, read_params
from stages.sources import source_problems

PART_SIZE = 64
"""Side in cells of the stored maps of body parts: finer than the 56 x 56 that PARE learns from."""
KEYPOINT_SEED = 36
"""Seed of the noise that stands in for a detector where the data comes without detections (bvh)."""


def main(arguments: list[str]) -> str:
    """Write the plan; returns the summary line."""
    params = read_params()
    resolved = {
        "runs": resolve_runs(params),
        "detectors": resolve_detectors(params),
        "meshes": resolve_meshes(params),
    }
    config = composed(params.data, params.scale, lifter=params.lifter)
    problems = data_problems(params, config)
    if problems:
        raise ConfigError("; ".join(problems))
    with atomic_directory(PLAN) as folder:
        for stage, plan in data_plans(params, config).items():
            write_json(folder / f"{stage}.json", plan)
        for kind, runs in resolved.items():
            for name, run in runs.items():
                write_json(folder / kind / f"{name}.json", run)
        for stage in stage_modules():
            write_json(folder / "code" / f"{stage}.json", code_of(stage))
    lifters, detectors, meshes = (len(found) for found in resolved.values())
    counts = f"{lifters} runs  {detectors} detectors  {meshes} mesh regressors"
    return f"{counts}  data {params.data}  scale {params.scale}"


def data_problems(params: Params, config: dict[str, Any]) -> list[str]:
    """What is wrong with the dataset's and the scale's settings of the data."""
    options, scale = config["dataset"], config["scale"]
    checked = twin_options(config) if params.data == "twin" else options
    where = f"conf/scale/{params.scale}.yaml"
    found = source_problems(params.data, checked)
    for key, config_class in _TWINS_OF_SCALES.items():
        if key not in scale:
            found.append(f"{where}: {key} is missing, expected the size of that twin")
        else:
            found += problems_of(config_class, scale[key], f"{where} {key}")
    return found


def data_plans(params: Params, config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What each stage that makes or reads data needs to know, by the stage's name."""
    data, pictures, video = params.data, config["scale"]["pictures"], config["scale"]["video"]
    images = {name: params.raw[name] for name in ("human36m", "coco", "mpii")}
    if data == "twin":
        raw: dict[str, Any] = {"data": data, "twin": twin_options(config)}
    else:
        raw = {"data": data, "folder": params.raw[_RAW_KEY[data]]}
    return {
        "raw": raw,
        "raw_images": {
            "data": data,
            "twin": raw.get("twin", {}),
            "images": pictures,
            "folders": images,
        },
        "images": {
            "data": data,
            "step": pictures["step"],
            "size": pictures["size"],
            "folders": images,
        },
        "raw_threedhp": {
            "data": data,
            "twin": config["scale"]["threedhp"],
            "folder": params.raw["threedhp"],
        },
        "extract_threedhp": {
            "data": data,
            "cameras": params.threedhp["cameras"],
            "folder": params.raw["threedhp"],
        },
        "raw_threedpw": {"data": data, "video": video, "folder": params.raw["threedpw"]},
        "bodies": {
            "data": data,
            "step": video["step"],
            "folder": params.raw["threedpw"],
            "smpl": params.raw["smpl"] if data == "archives" else None,
            "part_size": PART_SIZE,
        },
        "extract": {"data": data, "options": config["dataset"]},
        "keypoints": {"data": data, "seed": KEYPOINT_SEED},
        "backbone": {"backbone": _weights(params, params.mesh.get("backbone"))},
        "import_checkpoint": {"checkpoint": _weights(params, params.checkpoint)},
        "evaluate_checkpoint": {
            "scale": params.scale,
            "keypoints": params.keypoints,
            "detect": detect_options(params, config["scale"]),
            "truth": params.mesh.get("truth", "neutral"),
            "workers": params.workers,
        },
        # Apart from the runs' plans: nothing trains again because it is scored otherwise.
        "scoring": {"displaced": params.displaced},
    }


def twin_options(config: dict[str, Any]) -> dict[str, Any]:
    """The twin's own options, at the size that the scale gives."""
    own = {key: value for key, value in config["dataset"].items() if key != "test_subjects"}
    return own | config["scale"].get("twin", {})


def _weights(params: Params, name: str | None) -> str | None:
    """Where a checkpoint is that params.yaml names: in raw.weights, or anywhere by its own path."""
    if name is None or is_remote(name) or Path(name).is_absolute():
        return name
    return params.raw_file("weights", name)


_TWINS_OF_SCALES = {
    "pictures": TwinImagesConfig,
    "video": TwinVideoConfig,
    "threedhp": TwinThreedhpConfig,
}
_RAW_KEY = {"archives": "human36m", "bvh": "bvh", "custom": "custom"}

if __name__ == "__main__":
    run_stage(main)
