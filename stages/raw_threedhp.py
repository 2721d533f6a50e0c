"""Have MPI-INF-3DHP's raw files ready: make its twin, or list the folder of the original.

    python -m stages.raw_threedhp

Reads data/plan/raw_threedhp.json and, for real data, its folder, fetched first where that is at
s3://. Writes data/source_threedhp/: for the twin threedhp/ in the original's layout, for archives
manifest.json with the name, size and hash of every file, on which later stages depend; missing.json
with the reason where there are none.
"""

from pathlib import Path
from typing import Any

from gsam.configs import build
from gsam.datasets.mpi_inf_3dhp.layouts import source_files
from gsam.errors import LicensedDataMissing
from gsam.storage import atomic_directory, write_json
from gsam.twin.threedhp import TwinThreedhpConfig, generate
from pipelines.raw_fetch import local_folder
from stages.common import planned, progress, run_stage
from stages.paths import THREEDHP_SOURCE
from stages.raw import manifest
from stages.raw_names import RAW_FILES
from stages.sound import require_sound


def main(arguments: list[str]) -> str:
    """Write data/source_threedhp; returns the summary line."""
    plan = planned("raw_threedhp")
    with atomic_directory(THREEDHP_SOURCE) as out:
        if plan["data"] == "twin":
            return _generate(out / "threedhp", plan["twin"])
        if plan["data"] == "archives":
            location = plan["folder"]
            try:
                with local_folder(location, *RAW_FILES["threedhp"]) as folder:
                    files = source_files(folder)
                    require_sound("threedhp", folder)
                    write_json(out / "manifest.json", manifest(location, folder, files))
                return f"archives  {len(files)} files in {location}"
            except LicensedDataMissing as missing:
                reason = str(missing)
        else:
            reason = f"data={plan['data']} comes without MPI-INF-3DHP"
        write_json(out / "missing.json", {"reason": reason})
        return f"missing: {reason}"


def _generate(out: Path, settings: dict[str, Any]) -> str:
    config = build(TwinThreedhpConfig, settings, "conf/scale: threedhp")
    out.mkdir()

    def shown(recordings: Any, total: int) -> Any:
        return progress(recordings, "act", total)

    frames = generate(out, config, progress=shown)
    return f"twin of MPI-INF-3DHP  {frames:,} annotated frames"


if __name__ == "__main__":
    run_stage(main)
