"""Which files of the folders of raw data stages read: what is fetched of a folder at s3://."""

RAW_FILES = {
    "archives": (
        "data_*_h36m*.npz",
        "twin.json",
        "*metadata.xml",
        "*S*/MyPoseFeatures/D?_Positions/*",
        "*S*/MyPoses/3D_positions/*",
        "*S*/StackedHourglass*",
    ),
    "custom": ("*.parquet",),
    "bvh": ("*.[Bb][Vv][Hh]", "*manifest.csv"),
    "human36m": ("S*/[Vv]ideos/*", "twin.json"),
    "coco": ("*",),
    "mpii": ("*",),
    "threedhp": (
        "*S*/annot.mat",
        "*S*/camera.calibration",
        "*TS*/annot_data.mat",
        "data_*_3dhp.npz",
        "twin.json",
    ),
    "threedpw": ("sequenceFiles/*", "3dpw_*.npz", "imageFiles/*", "twin.json"),
}
"""Patterns of `pipelines.raw_fetch.local_folder`, for poses by `data`, for pictures by dataset."""
