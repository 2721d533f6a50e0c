"""Have the raw data ready: generate the twin's archives, or list the folder of real data.

    python -m stages.raw

Reads data/plan/raw.json and, for real data, its folder. Writes data/source/: the twin's archives
in Human3.6M's community layout, or manifest.json with the name, size and hash of every file, on
which later stages depend. Ends with exit code 3 where licensed data is missing: the message says
who grants it and where it goes.
"""

import hashlib
from pathlib import Path
from typing import Any

from gsam.configs import build
from gsam.datasets.human36m_files import POSES_FILE, archives_missing
from gsam.errors import DataError, LicensedDataMissing
from gsam.storage import atomic_directory, write_json
from gsam.twin import generate
from gsam.twin.config import TwinConfig
from stages.common import planned, progress, run_stage
from stages.paths import SOURCE


def main(arguments: list[str]) -> str:
    """Write data/source; returns the summary line."""
    plan = planned("raw")
    if plan["data"] == "twin":
        config = build(TwinConfig, plan["twin"], "conf/dataset/twin.yaml")
        with atomic_directory(SOURCE) as folder:
            generate(folder, config)
            archives = len(list(folder.iterdir()))
        return f"twin of Human3.6M  {archives} archives"
    folder = Path(plan["folder"])
    files = raw_files(plan["data"], folder)
    with atomic_directory(SOURCE) as out:
        write_json(out / "manifest.json", manifest(folder, files))
    return f"{plan['data']}  {len(files)} files in {folder}"


def raw_files(data: str, folder: Path) -> list[Path]:
    """The files of a dataset in its raw folder.

    Raises:
        LicensedDataMissing: Human3.6M's archives are not there.
        DataError: there is no BVH file.
    """
    if data == "archives":
        # The tables want every source; only the poses are indispensable.
        if not (folder / POSES_FILE).is_file():
            raise LicensedDataMissing(archives_missing(folder))
        return sorted(folder.glob("data_*_h36m*.npz"))
    files = sorted(folder.rglob("*.bvh"))
    if not files:
        raise DataError(
            f"{folder}: no .bvh file; put motion capture there or name its folder, "
            "-S raw.bvh=FOLDER (free sources: README, Real data)"
        )
    return files + sorted(folder.rglob("manifest.csv"))


def manifest(folder: Path, files: list[Path]) -> dict[str, Any]:
    """The folder and, for each file, its size in bytes and SHA-256."""
    listed = {}
    for path in progress(files, "hash raw files"):
        with path.open("rb") as stream:
            hashed = hashlib.file_digest(stream, "sha256").hexdigest()
        listed[path.relative_to(folder).as_posix()] = {
            "bytes": path.stat().st_size,
            "sha256": hashed,
        }
    return {"folder": folder.as_posix(), "files": listed}


if __name__ == "__main__":
    run_stage(main)
