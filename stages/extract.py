"""Read the raw data once: joints in the world, cameras and takes, as tables.

    python -m stages.extract

Reads data/plan/extract.json and the raw data that data/source holds or lists. Writes data/poses/:
sequences.parquet, cameras.parquet and frames/<take>.parquet (DESIGN: one published schema each).
"""

from gsam.storage import atomic_directory
from stages import paths
from stages.common import planned, progress, run_stage
from stages.pose_folder import write_poses
from stages.sources import read_takes


def main(arguments: list[str]) -> str:
    """Write data/poses; returns the summary line."""
    plan = planned("extract")
    with atomic_directory(paths.POSES) as folder:
        return write_poses(folder, progress(read_takes(plan), "extract"), plan["data"])


if __name__ == "__main__":
    run_stage(main)
