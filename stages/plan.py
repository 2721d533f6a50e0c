"""Resolve params.yaml and conf/ into one file per stage and per run, before any data is touched.

    python -m stages.plan

Reads params.yaml, conf/. Writes data/plan/: one file per stage (raw.json, images.json, …),
runs/<run>.json, detectors/<detector>.json and code/<stage>.json, the files of its code with their
hashes. Every later stage depends on its own files there, so that it runs again only when something
that it inherits or imports changed. Ends with exit code 2 and one line
that names every wrong key or value.
"""

from typing import Any

from gsam.configs import problems_of
from gsam.errors import ConfigError
from gsam.storage import atomic_directory, write_json
from gsam.twin.images.config import TwinImagesConfig
from stages.code import code_of, stage_modules
from stages.common import PLAN, run_stage
from stages.compose import composed, resolve_runs
from stages.compose_detectors import resolve_detectors
from stages.params import Params, read_params
from stages.sources import source_problems

KEYPOINT_SEED = 36
"""Seed of the noise that stands in for a detector where the data comes without detections (bvh)."""


def main(arguments: list[str]) -> str:
    """Write the plan; returns the summary line."""
    params = read_params()
    runs = resolve_runs(params)
    detectors = resolve_detectors(params)
    config = composed(params.data, params.scale, lifter=params.lifter)
    options = config["dataset"]
    checked = twin_options(options, config) if params.data == "twin" else options
    problems = source_problems(params.data, checked)
    pictures = config["scale"]["pictures"]
    problems += problems_of(TwinImagesConfig, pictures, f"conf/scale/{params.scale}.yaml pictures")
    if problems:
        raise ConfigError("; ".join(problems))
    with atomic_directory(PLAN) as folder:
        write_json(folder / "raw.json", raw_plan(params, options, config))
        write_json(
            folder / "raw_images.json",
            {
                "data": params.data,
                "twin": twin_options(options, config) if params.data == "twin" else {},
                "images": pictures,
                "folders": image_folders(params),
            },
        )
        write_json(
            folder / "images.json",
            {
                "data": params.data,
                "step": pictures["step"],
                "size": pictures["size"],
                "folders": image_folders(params),
            },
        )
        write_json(folder / "extract.json", {"data": params.data, "options": options})
        write_json(folder / "keypoints.json", {"data": params.data, "seed": KEYPOINT_SEED})
        for name, run in runs.items():
            write_json(folder / "runs" / f"{name}.json", run)
        for name, run in detectors.items():
            write_json(folder / "detectors" / f"{name}.json", run)
        for stage in stage_modules():
            write_json(folder / "code" / f"{stage}.json", code_of(stage))
    return f"{len(runs)} runs  {len(detectors)} detectors  data {params.data}  scale {params.scale}"


def raw_plan(params: Params, options: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    """What the raw stage needs: the folder of the real data, or the options of the twin."""
    if params.data == "twin":
        return {"data": "twin", "twin": twin_options(options, config)}
    return {"data": params.data, "folder": params.raw[_RAW_KEY[params.data]]}


def image_folders(params: Params) -> dict[str, str]:
    """Where the originals' pictures lie."""
    return {name: params.raw[name] for name in ("human36m", "coco", "mpii")}


def twin_options(options: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    """The twin's own options, at the size that the scale gives."""
    own = {key: value for key, value in options.items() if key != "test_subjects"}
    return own | config["scale"].get("twin", {})


_RAW_KEY = {"archives": "human36m", "bvh": "bvh"}

if __name__ == "__main__":
    run_stage(main)
