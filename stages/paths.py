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
THREEDPW_SOURCE = Path("data/source_threedpw")
"""Of the raw_threedpw stage: the twin's videos in 3DPW's layout, or a manifest."""
THREEDHP_SOURCE = Path("data/source_threedhp")
"""Of the raw_threedhp stage: MPI-INF-3DHP's twin in its layout, or a manifest."""
THREEDHP_POSES = Path("data/poses_threedhp")
"""Of the extract_threedhp stage: as POSES, of another dataset."""
IMAGES = Path("data/images")
BODIES = Path("data/bodies")
"""Of the bodies stage: the body model, mean parameters, and the labels of data/images/threedpw."""
BACKBONE = Path("data/backbone")
"""Of the backbone stage: the checkpoint that mesh regressors' backbones start from, if any."""
CHECKPOINT_MODEL = Path("models/checkpoint")
CHECKPOINT_RESULTS = Path("results/checkpoint")
"""Of the checkpoint that params.yaml names, if any."""
DETECTOR_MODELS = Path("models/detector")
DETECTORS = Path("results/detectors")
MODELS = Path("models/lifter")
MESH_MODELS = Path("models/mesh")
MESHES = Path("results/meshes")
RUNS = Path("results/runs")
BASELINES = Path("results/baselines")
PREDICTIONS = Path("data/predictions")
"""Of the export_threedhp stage: answers for MPI-INF-3DHP's own scorer, by run."""


def clips_folder(source: str) -> Path:
    """Where the clips of a keypoint source are.

    Raises:
        LicensedDataMissing: the source's detections are not among the user's files.
    """
    folder = CLIPS / source
    if (folder / "missing.json").exists():
        raise LicensedDataMissing(str(read_json(folder / "missing.json")["reason"]))
    return folder
