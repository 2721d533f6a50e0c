"""Read the raw data once: joints in the world, cameras and takes, as tables.

    python -m stages.extract

Reads data/plan/extract.json and the raw data that data/source holds or lists. Writes data/poses/:
sequences.parquet, cameras.parquet and frames/<take>.parquet (DESIGN: one published schema each).
"""

from gsam.datasets.takes import camera_rows, file_stem, pose_table, sequence_row
from gsam.errors import DataError
from gsam.schemas import CAMERAS, POSES, SEQUENCES
from gsam.skeletons import H36M_17
from gsam.storage import atomic_directory, write_table
from stages import paths
from stages.common import planned, progress, run_stage
from stages.sources import read_takes


def main(arguments: list[str]) -> str:
    """Write data/poses; returns the summary line."""
    plan = planned("extract")
    sequences, cameras = [], []
    metadata = {"dataset": plan["data"], "producer": "gsam extract"}
    joints = metadata | {"joint_names": list(H36M_17.joints)}
    with atomic_directory(paths.POSES) as folder:
        for take in progress(read_takes(plan), "extract"):
            sequences.append(sequence_row(take))
            cameras.extend(camera_rows(take))
            path = folder / "frames" / f"{file_stem(take.sequence)}.parquet"
            if path.exists():
                raise DataError(f"take {take.sequence} appears twice; expected distinct names")
            write_table(path, pose_table(take), POSES, joints | {"coordinate_frame": take.frame})
        write_table(folder / "sequences.parquet", _columns(sequences), SEQUENCES, metadata)
        write_table(folder / "cameras.parquet", _columns(cameras), CAMERAS, metadata)
    splits = [row["split"] for row in sequences]
    frames = sum(int(str(row["frames"])) for row in sequences)
    return (
        f"{plan['data']}  {len(sequences)} takes ({splits.count('train')} train, "
        f"{splits.count('test')} test)  {frames:,} poses"
    )


def _columns(rows: list[dict[str, object]]) -> dict[str, list[object]]:
    return {name: [row[name] for row in rows] for name in rows[0]}


if __name__ == "__main__":
    run_stage(main)
