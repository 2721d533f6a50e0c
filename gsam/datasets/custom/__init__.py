"""Recordings that users bring: 2D keypoints, or 2D with true 3D, in one Parquet layout.

`recordings` is the layout, `takes` reads a folder of it as takes and keypoints, and
`python -m gsam.datasets.custom convert` makes it of what other tools write.
"""

from gsam.datasets.custom.recordings import View3D, recording_row, write_recordings
from gsam.datasets.custom.takes import Views, custom_files, dataset_name, read_keypoints, read_takes

__all__ = [
    "View3D",
    "Views",
    "custom_files",
    "dataset_name",
    "read_keypoints",
    "read_takes",
    "recording_row",
    "write_recordings",
]
