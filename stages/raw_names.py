"""Which files of the folders of raw data stages read: what is fetched of a folder at s3://."""

RAW_FILES = {
    "archives": ("data_*_h36m*.npz",),
    "bvh": ("*.[Bb][Vv][Hh]", "*manifest.csv"),
    "human36m": ("S*/[Vv]ideos/*",),
    "coco": ("*",),
    "mpii": ("*",),
    "threedpw": ("sequenceFiles/*", "3dpw_*.npz", "imageFiles/*"),
}
"""Patterns of `pipelines.raw_fetch.local_folder`, for poses by `data`, for pictures by dataset."""
