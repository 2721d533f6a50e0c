"""A folder of takes as tables: what the extract stages write and later stages read."""

from collections.abc import Iterable
from pathlib import Path

from gsam.datasets.takes import Take, camera_rows, file_stem, pose_table, sequence_row
from gsam.errors import DataError
from gsam.schemas import CAMERAS, POSES, SEQUENCES
from gsam.skeletons import H36M_17
from gsam.storage import write_table


def write_poses(folder: Path, takes: Iterable[Take], data: str) -> str:
    """Write sequences.parquet, cameras.parquet and frames/<take>.parquet; returns what it wrote.

    `data` is the dataset's name in the tables' metadata.

    Raises:
        DataError: two takes have one name.
    """
    sequences, cameras = [], []
    metadata = {"dataset": data, "producer": "gsam extract"}
    joints = metadata | {"joint_names": list(H36M_17.joints)}
    for take in takes:
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
        f"{data}  {len(sequences)} takes ({splits.count('train')} train, "
        f"{splits.count('test')} test)  {frames:,} poses"
    )


def _columns(rows: list[dict[str, object]]) -> dict[str, list[object]]:
    return {name: [row[name] for row in rows] for name in rows[0]}
