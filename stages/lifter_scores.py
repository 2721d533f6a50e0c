"""What scoring a run's lifters and a checkpoint's share: the test clips, figures, conditions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from gsam.clips import ClipSet
from gsam.evaluation import protocol_of, rounded, scored_clips, summary
from gsam.lifters import LifterConfig
from gsam.metrics.rules import rules_of
from gsam.storage import read_json
from pipelines.evaluate import score_clips
from stages.common import planned
from stages.params import frames_of
from stages.paths import BASELINES, clips_folder

FLIP_TEST = True
"""Always on, as in the papers."""


@dataclass(frozen=True, eq=False)
class ScoredClips:
    """The clips that lifters are scored on, of one source of keypoints."""

    keypoints: str
    folder: Path
    clips: ClipSet
    workers: int
    displaced: str
    units: str

    @classmethod
    def load(cls, keypoints: str, workers: int, lifter: LifterConfig) -> "ScoredClips":
        """Read data/plan/scoring.json and data/clips/<keypoints>, with scores if the lifter takes
        them.

        Raises:
            LicensedDataMissing: the source's detections are not among the user's files.
            DataError: a file is damaged, or none has a test clip.
        """
        folder = clips_folder(keypoints)
        device = "cuda" if workers == 0 and torch.cuda.is_available() else "cpu"
        clips = ClipSet.load(folder, "test", device, scores=lifter.reads_scores)
        return cls(keypoints, folder, clips, workers, planned("scoring")["displaced"], lifter.units)

    def scores_of(self, weights: Path) -> dict[str, Any]:
        """The figures of one lifter: both averages and every action."""
        scores = score_clips(
            weights,
            self.folder,
            self.clips,
            flip_test=FLIP_TEST,
            workers=self.workers,
            order=scored_clips(self.clips, self.displaced),
        )
        return summary(scores)

    def conditions(self) -> dict[str, Any]:
        """What scores.json says of the data and the protocol of the figures."""
        protocol = protocol_of(
            self.clips,
            self.keypoints,
            flip_test=FLIP_TEST,
            frames=frames_of(self.keypoints),
            displaced=self.displaced,
            units=self.units,
        )
        return {
            "dataset": protocol.dataset,
            "keypoints": self.keypoints,
            "protocol": protocol.as_dict(),
            "data_hash": self.clips.data_hash,
        }

    def headline(self, seeds: Sequence[Mapping[str, Any]], status: str) -> dict[str, Any]:
        """metrics.json: means over `seeds` of the average that the dataset's benchmark is about,
        and whether they beat both baselines of the same clips."""
        baselines = read_json(BASELINES / self.keypoints / "scores.json")
        rules = rules_of(self.clips.info[0].dataset)
        average = rules.averaging
        metrics = {key: fmean(seed[average][key] for seed in seeds) for key in rules.headline}
        others = {key: baselines[key][average]["mpjpe_mm"] for key in ("mean_pose", "ridge")}
        values: dict[str, Any] = rounded(
            {
                **metrics,
                "mpjpe_frame_mean_mm": fmean(seed["frame_mean"]["mpjpe_mm"] for seed in seeds),
                "ridge_mpjpe_mm": others["ridge"],
            }
        )
        beats = status == "ok" and metrics["mpjpe_mm"] < min(others.values())
        return {**values, "status": status, "beats_baselines": beats}


def shown(metrics: Mapping[str, Any]) -> str:
    """The headline, for the summary line."""
    beats = "beats" if metrics["beats_baselines"] else "does not beat"
    return (
        f"{metrics['status']}  MPJPE {metrics['mpjpe_mm']:.1f} mm (frame mean "
        f"{metrics['mpjpe_frame_mean_mm']:.1f})  P-MPJPE {metrics['pa_mpjpe_mm']:.1f} mm  "
        f"{beats} ridge {metrics['ridge_mpjpe_mm']:.1f} mm"
    )
