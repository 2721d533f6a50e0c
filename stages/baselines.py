"""Score what any lifter must beat: the mean pose, and ridge regression from one frame.

    python -m stages.baselines SOURCE

Reads data/clips/<source>/. Writes results/baselines/<source>/scores.json, scored by the code that
scores lifters. Where the source's detections are not among the user's files, scores.json says so.
"""

from pathlib import Path
from typing import Any

from gsam.baselines import RIDGE_PENALTY, MeanPose, Ridge
from gsam.clips import ClipSet
from gsam.errors import LicensedDataMissing
from gsam.evaluation import evaluate, protocol_of, summary
from gsam.storage import write_json
from stages.common import one_argument, run_stage
from stages.params import frames_of
from stages.paths import BASELINES, clips_folder


def main(arguments: list[str]) -> str:
    """Fit and score both baselines of one keypoint source; returns the summary line."""
    source = one_argument(arguments, "keypoint source")
    path = BASELINES / source / "scores.json"
    try:
        folder = clips_folder(source)
    except LicensedDataMissing as missing:
        write_json(path, {"keypoints": source, "status": "missing", "reason": str(missing)})
        return f"missing: {missing}"
    result = score_baselines(source, folder)
    write_json(path, result)
    shown = {key: result[key]["action_mean"]["mpjpe_mm"] for key in ("mean_pose", "ridge")}
    return f"MPJPE  mean pose {shown['mean_pose']:.1f} mm, ridge {shown['ridge']:.1f} mm"


def score_baselines(source: str, folder: Path) -> dict[str, Any]:
    """Both baselines' scores on the test clips of a folder, fitted on its training clips."""
    training = ClipSet.load(folder, "train", hashed=False)
    testing = ClipSet.load(folder, "test")
    # No flip test: ridge is fitted on mirror images too, and the mean pose sees no input.
    protocol = protocol_of(testing, source, flip_test=False, frames=frames_of(source))
    return {
        "dataset": protocol.dataset,
        "keypoints": source,
        "status": "ok",
        "protocol": protocol.as_dict(),
        "data_hash": testing.data_hash,
        "ridge_penalty": RIDGE_PENALTY,
        "mean_pose": summary(evaluate(MeanPose.fit(training), testing)),
        "ridge": summary(evaluate(Ridge.fit(training), testing)),
    }


if __name__ == "__main__":
    run_stage(main)
