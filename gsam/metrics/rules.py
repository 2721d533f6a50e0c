"""What one benchmark's scoring does otherwise than another's, by the dataset's name."""

from __future__ import annotations

from dataclasses import dataclass

from gsam.metrics.protocol import ACTION_MEAN, FRAME_MEAN

__all__ = ["HUMAN36M_RULES", "MPI_INF_3DHP_RULES", "ScoringRules", "rules_of"]


@dataclass(frozen=True)
class ScoringRules:
    """How answers (T, J, 3) of a lifter become figures, in the words of the protocol.

    `averaging` and `headline`: the average and the metrics that the benchmark's tables are about;
    `own_root`: the prediction's root is subtracted from it first (otherwise it counts as
    predicted); `all_joints`: PCK and AUC are given over all joints too, root included.
    """

    averaging: str = ACTION_MEAN
    headline: tuple[str, ...] = ("mpjpe_mm", "pa_mpjpe_mm", "n_mpjpe_mm", "mpjve_mm")
    joint_set: str = "human36m_17"
    alignment: str = "root-relative"
    own_root: bool = False
    all_joints: bool = False


HUMAN36M_RULES = ScoringRules()
"""VideoPose3D's evaluation, which this field's code follows on Human3.6M."""

MPI_INF_3DHP_RULES = ScoringRules(
    averaging=FRAME_MEAN,
    headline=(*HUMAN36M_RULES.headline, "pck150", "auc"),
    joint_set="mpi_inf_3dhp_17 of universal height (univ_annot3)",
    alignment="root-relative, the prediction's own root subtracted",
    own_root=True,
    all_joints=True,
)
"""The official evaluation: valid frames of all test sequences pooled."""

_RULES = {"mpi_inf_3dhp": MPI_INF_3DHP_RULES, "mpi_inf_3dhp_twin": MPI_INF_3DHP_RULES}


def rules_of(dataset: str) -> ScoringRules:
    """The rules of a dataset's benchmark; Human3.6M's for one that has no benchmark of its own."""
    return _RULES.get(dataset, HUMAN36M_RULES)
