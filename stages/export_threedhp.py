"""Write a run's answers on MPI-INF-3DHP as the official (MATLAB) scorer takes them.

    python -m stages.export_threedhp RUN

Reads data/plan/runs/<run>.json, data/clips/<keypoints>/, models/lifter/<run>/ and train.json of
results/runs/<run>/. Writes data/predictions/<run>/seed<k>/inference_data.mat, of the valid frames
of every test sequence; missing.json with the reason where the run could not be trained.
`python -m gsam.metrics.mpi_inf_3dhp FILE FOLDER` prints the official tables of such a file.
"""

from pathlib import Path

from gsam.clips import ClipSet
from gsam.configs import build
from gsam.evaluation import lifting, predict_one
from gsam.lifters import LifterConfig
from gsam.metrics.inference_data import write_inference_data
from gsam.storage import atomic_directory, read_json, write_json
from gsam.weights import load_lifter
from stages.common import one_argument, planned, run_stage
from stages.lifter_scores import FLIP_TEST
from stages.paths import MODELS, PREDICTIONS, RUNS, clips_folder

FILE = "inference_data.mat"


def main(arguments: list[str]) -> str:
    """Write the file of every seed; returns the summary line."""
    name = one_argument(arguments, "name of a run")
    run = planned(f"runs/{name}")
    trained = read_json(RUNS / name / "train.json")
    with atomic_directory(PREDICTIONS / name) as out:
        if trained["status"] == "missing":
            write_json(out / "missing.json", {"reason": trained["reason"]})
            return f"left out: {trained['reason']}"
        clips = ClipSet.load(
            clips_folder(run["keypoints"]),
            "test",
            hashed=False,
            scores=build(LifterConfig, run["lifter"], "lifter").reads_scores,
        )
        for seed in trained["seeds"]:
            path = out / f"seed{seed}" / FILE
            path.parent.mkdir()
            frames = export(MODELS / name / f"seed{seed}.safetensors", clips, path)
    return f"{PREDICTIONS / name}  {frames:,} valid frames"


def export(weights: Path, clips: ClipSet, path: Path) -> int:
    """Write one lifter's answers on MPI-INF-3DHP's test clips; returns how many frames they have.

    Raises DataError when the clips are not those of its test sequences.
    """
    model, _ = load_lifter(weights)
    lift = lifting(model, flip_test=FLIP_TEST)
    answers = {
        clips.info[clip].subject: predict_one(lift, clips, clip) for clip in range(len(clips))
    }
    write_inference_data(path, answers)
    return sum(len(poses) for poses in answers.values())


if __name__ == "__main__":
    run_stage(main)
