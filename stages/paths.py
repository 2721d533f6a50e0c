"""Where the stages keep what passes between them."""

from pathlib import Path

from gsam.errors import LicensedDataMissing
from gsam.storage import read_json

SOURCE = Path("data/source")
"""Of the raw stage: the twin's archives, or a manifest of the folder that holds real data."""
POSES = Path("data/poses")
KEYPOINTS = Path("data/keypoints")
CLIPS = Path("data/clips")
SOURCE_IMAGES = Path("data/source_images")
"""Of the raw_images stage: the twin's pictures in the originals' layouts, or a manifest."""
IMAGES = Path("data/images")
DETECTOR_MODELS = Path("models/detector")
DETECTORS = Path("results/detectors")
MODELS = Path("models/lifter")
RUNS = Path("results/runs")
BASELINES = Path("results/baselines")


def clips_folder(source: str) -> Path:
    """Where the clips of a keypoint source are.

    Raises:
        LicensedDataMissing: the source's detections are not among the user's files.
    """
    folder = CLIPS / source
    if (folder / "missing.json").exists():
        raise LicensedDataMissing(str(read_json(folder / "missing.json")["reason"]))
    return folder
