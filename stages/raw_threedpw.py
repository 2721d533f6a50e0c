"""Have 3DPW's raw files ready: render the twin's videos, or list the folder of the original.

    python -m stages.raw_threedpw

Reads data/plan/raw_threedpw.json and, for real data, its folder, fetched first where that is at
s3://. Writes data/source_threedpw/: for the twin threedpw/ in the original's raw layout
(sequenceFiles/, imageFiles/), for archives manifest.json with the name, size and hash of every
file, on which later stages depend; missing.json with the reason where there are none.
"""

from pathlib import Path
from typing import Any

from gsam.configs import build
from gsam.datasets.threedpw.pickles import missing_message
from gsam.storage import atomic_directory, write_json
from gsam.twin.video import TwinVideoConfig
from pipelines.raw_fetch import local_folder
from stages.common import planned, progress, run_stage
from stages.paths import THREEDPW_SOURCE
from stages.raw import manifest
from stages.raw_names import RAW_FILES
from stages.sound import require_sound


def main(arguments: list[str]) -> str:
    """Write data/source_threedpw; returns the summary line."""
    plan = planned("raw_threedpw")
    with atomic_directory(THREEDPW_SOURCE) as out:
        if plan["data"] == "twin":
            return _render(out / "threedpw", plan["video"])
        if plan["data"] == "archives":
            location = plan["folder"]
            with local_folder(location, *RAW_FILES["threedpw"]) as folder:
                files = threedpw_files(folder)
                if files:
                    require_sound("threedpw", folder)
                    write_json(out / "manifest.json", manifest(location, folder, files))
                    return f"archives  {len(files)} files in {location}"
            reason = missing_message(location, "sequenceFiles")
        else:
            reason = f"data={plan['data']} comes without 3DPW's videos"
        write_json(out / "missing.json", {"reason": reason})
        return f"no videos: {reason}"


def _render(out: Path, settings: dict[str, Any]) -> str:
    from pipelines.render_video import render_video_twin

    config = build(TwinVideoConfig, settings, "conf/scale: video")
    out.mkdir()

    def shown(rows: Any, total: int) -> Any:
        return progress(rows, "film", total)

    done = render_video_twin(out, config, progress=shown)
    return f"twin  {done['sequences']} sequences  {done['pictures']} images"


def threedpw_files(folder: Path) -> list[Path]:
    """The labels and pictures in 3DPW's raw folder; none where the labels are absent.

    Labels are the original's pickles, or its preprocessed form in archives of arrays.
    """
    labels = [*folder.glob("sequenceFiles/*/*.pkl"), *folder.glob("3dpw_*.npz")]
    return sorted([*labels, *folder.glob("imageFiles/*/*.jpg")]) if labels else []


if __name__ == "__main__":
    run_stage(main)
