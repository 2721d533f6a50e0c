"""Score what any lifter must beat: the mean pose, and ridge regression from one frame.

    python -m stages.baselines archived
    python -m stages.baselines detected
    python -m stages.baselines threedhp

Reads data/plan/scoring.json and data/clips/<source>/ for the sources of the group. Writes
results/baselines/<source>/scores.json, scored by the code that scores lifters. Where a source's
detections are not among the user's files, scores.json says so.
"""

from pathlib import Path
from typing import Any

from gsam.baselines import RIDGE_PENALTY, MeanPose, Ridge
from gsam.clips import ClipSet
from gsam.errors import LicensedDataMissing
from gsam.evaluation import evaluate, protocol_of, scored_clips, summary
from gsam.storage import write_json
from stages.common import planned, run_stage
from stages.params import GROUPS, frames_of, group_of
from stages.paths import BASELINES, clips_folder


def main(arguments: list[str]) -> str:
    """Fit and score both baselines of every source of a group; returns the summary line."""
    group = group_of(arguments)
    return "MPJPE  " + ", ".join(f"{source} {write_baselines(source)}" for source in GROUPS[group])


def write_baselines(source: str) -> str:
    """Write scores.json of one keypoint source; returns what to say of it."""
    path = BASELINES / source / "scores.json"
    try:
        folder = clips_folder(source)
    except LicensedDataMissing as missing:
        write_json(path, {"keypoints": source, "status": "missing", "reason": str(missing)})
        return "missing"
    result = score_baselines(source, folder)
    write_json(path, result)
    average = result["protocol"]["averaging"]
    shown = {key: result[key][average]["mpjpe_mm"] for key in ("mean_pose", "ridge")}
    return f"mean pose {shown['mean_pose']:.1f} mm ridge {shown['ridge']:.1f} mm"


def score_baselines(source: str, folder: Path) -> dict[str, Any]:
    """Both baselines' scores on the test clips of a folder, fitted on its training clips."""
    training = ClipSet.load(folder, "train", hashed=False)
    testing = ClipSet.load(folder, "test")
    # No flip test: ridge is fitted on mirror images too, and the mean pose sees no input.
    displaced = planned("scoring")["displaced"]
    scored = scored_clips(testing, displaced)
    protocol = protocol_of(
        testing, source, flip_test=False, frames=frames_of(source), displaced=displaced
    )
    return {
        "dataset": protocol.dataset,
        "keypoints": source,
        "status": "ok",
        "protocol": protocol.as_dict(),
        "data_hash": testing.data_hash,
        "ridge_penalty": RIDGE_PENALTY,
        "mean_pose": summary(evaluate(MeanPose.fit(training), testing, scored)),
        "ridge": summary(evaluate(Ridge.fit(training), testing, scored)),
    }


if __name__ == "__main__":
    run_stage(main)
