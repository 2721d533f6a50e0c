"""Have the raw data ready: generate the twin's archives, or list the folder of real data.

    python -m stages.raw

Reads data/plan/raw.json and, for real data, its folder, fetched first where that is at s3://.
Human3.6M may be there as the community's archives or as its original files (the archives are read
where both are). Writes data/source/: the twin's archives in Human3.6M's community layout, or
manifest.json with the name, size and hash of every file, on which later stages depend. Ends with
exit code 3 where licensed data is missing (the message says who grants it and where it goes), 1
where the data doctor finds something wrong in it.
"""

import hashlib
from pathlib import Path
from typing import Any

from gsam.configs import build
from gsam.datasets.custom import custom_files
from gsam.datasets.human36m.layouts import LAYOUTS, layout_of, source_files
from gsam.errors import DataError
from gsam.storage import atomic_directory, write_json
from gsam.twin import generate
from gsam.twin.config import TwinConfig
from pipelines.object_store import is_remote
from pipelines.raw_fetch import local_folder
from stages.common import planned, progress, run_stage
from stages.paths import SOURCE
from stages.raw_names import RAW_FILES
from stages.sound import require_sound


def main(arguments: list[str]) -> str:
    """Write data/source; returns the summary line."""
    plan = planned("raw")
    if plan["data"] == "twin":
        config = build(TwinConfig, plan["twin"], "conf/dataset/twin.yaml")
        with atomic_directory(SOURCE) as folder:
            generate(folder, config)
            archives = len(list(folder.glob("*.npz")))
        return f"twin of Human3.6M  {archives} archives"
    with local_folder(plan["folder"], *RAW_FILES[plan["data"]]) as folder:
        files = raw_files(plan["data"], folder)
        if plan["data"] == "archives":
            require_sound("human36m", folder)
        with atomic_directory(SOURCE) as out:
            write_json(out / "manifest.json", manifest(plan["folder"], folder, files))
        form = f", {LAYOUTS[layout_of(folder)]}" if plan["data"] == "archives" else ""
    return f"{plan['data']}  {len(files)} files in {plan['folder']}{form}"


def raw_files(data: str, folder: Path) -> list[Path]:
    """The files of a dataset in its raw folder.

    Raises:
        LicensedDataMissing: Human3.6M is not there, neither as archives nor as original files.
        DataError: there is no BVH file, or no file of recordings.
    """
    if data == "archives":
        # The tables want every source of keypoints; only the poses are indispensable.
        return source_files(folder)
    if data == "custom":
        return custom_files(folder)
    files = sorted(folder.rglob("*.bvh"))
    if not files:
        raise DataError(
            f"{folder}: no .bvh file; put motion capture there or name its folder, "
            "-S raw.bvh=FOLDER (free sources: README, Real data)"
        )
    return files + sorted(folder.rglob("manifest.csv"))


def manifest(location: str, folder: Path, files: list[Path]) -> dict[str, Any]:
    """The location of files that lie in a folder and, for each, its size in bytes and SHA-256."""
    listed = {}
    for path in progress(files, "hash raw files"):
        with path.open("rb") as stream:
            hashed = hashlib.file_digest(stream, "sha256").hexdigest()
        listed[path.relative_to(folder).as_posix()] = {
            "bytes": path.stat().st_size,
            "sha256": hashed,
        }
    place = location.rstrip("/") if is_remote(location) else Path(location).as_posix()
    return {"folder": place, "files": listed}


if __name__ == "__main__":
    run_stage(main)
