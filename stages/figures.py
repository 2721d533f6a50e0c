"""Draw what the run called main sees and answers: one test frame per action, prediction over truth.

    python -m stages.figures

Reads data/plan/runs/main.json, its clips and its weights. Writes results/figures/main.png.
"""

from pathlib import Path

from gsam.clips import ClipSet
from gsam.configs import build
from gsam.evaluation import Lift, lifting
from gsam.lifters import LifterConfig
from gsam.pictures.poses import LiftedPose, draw_sheet
from gsam.weights import load_lifter
from stages.common import planned, run_stage
from stages.paths import MODELS, clips_folder

FIGURE = Path("results/figures/main.png")
MOST_POSES = 16


def main(arguments: list[str]) -> str:
    """Write results/figures/main.png; returns the summary line."""
    run = planned("runs/main")
    clips = ClipSet.load(
        clips_folder(run["keypoints"]),
        "test",
        hashed=False,
        scores=build(LifterConfig, run["lifter"], "lifter").reads_scores,
    )
    model, _ = load_lifter(MODELS / "main" / f"seed{run['seeds'][0]}.safetensors")
    lift = lifting(model, flip_test=True)
    poses = [_middle_frame(clips, clip, lift) for clip in _one_per_action(clips)]
    title = (
        f"{run['lifter']['name']} on test takes of {clips.info[0].dataset}, 2D from "
        f"{run['keypoints']}: input, prediction over truth (grey) from the camera and from the side"
    )
    draw_sheet(poses, title, FIGURE)
    return f"{FIGURE}  {len(poses)} poses"


def _one_per_action(clips: ClipSet) -> list[int]:
    """One clip of every action, the cameras in turn."""
    actions = sorted({clip.action for clip in clips.info})[:MOST_POSES]
    chosen = []
    for number, action in enumerate(actions):
        of_action = [i for i, clip in enumerate(clips.info) if clip.action == action]
        chosen.append(of_action[number % len(of_action)])
    return chosen


def _middle_frame(clips: ClipSet, clip: int, lift: Lift) -> LiftedPose:
    frames, info = clips.frames_of(clip), clips.info[clip]
    middle = info.frames // 2
    return LiftedPose(
        label=f"{info.subject} {info.take}",
        keypoints=clips.keypoints[frames][middle, :, :2].numpy(),
        prediction=lift(clips.keypoints[frames])[middle].numpy(),
        target=clips.targets[frames][middle].numpy(),
    )


if __name__ == "__main__":
    run_stage(main)
