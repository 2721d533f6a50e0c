"""PCK and AUC: thresholds, joint sets and bad input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsam.errors import DataError
from gsam.metrics import pck
from gsam.skeletons import COCO_17, H36M_17, MPI_INF_3DHP_17, MPI_INF_3DHP_28


def test_strictly_below():
    errors = [0.0, 149.999, 150.0, 150.001]
    assert pck.pck(errors) == 50.0
    assert pck.pck([0.0], threshold_mm=0.0) == 0.0


def test_a_perfect_prediction_does_not_reach_100():
    assert pck.auc(np.zeros((3, 14))) == pytest.approx(100 * 30 / 31)


@given(st.lists(st.floats(0, 300) | st.sampled_from([0.0, 5.0, 75.0, 150.0]), min_size=1))
def test_auc_is_the_mean_pck(errors):
    expected = np.mean([pck.pck(errors, t) for t in range(0, 151, 5)])
    assert pck.auc(errors) == pytest.approx(expected, abs=1e-9)


def test_official_joints_by_name():
    assert sorted(pck.official_joints(MPI_INF_3DHP_17)) == list(range(14))
    excluded = [H36M_17.joints[j] for j in range(17) if j not in pck.official_joints(H36M_17)]
    # Human3.6M's nose is MPI-INF-3DHP's "head"; its thorax is their "neck", which counts.
    assert excluded == ["pelvis", "spine", "nose"]
    names = {MPI_INF_3DHP_28.joints[j] for j in pck.official_joints(MPI_INF_3DHP_28)}
    assert names == {joint for group in pck.OFFICIAL_GROUPS.values() for joint in group}


def test_total_counts_joints_not_groups():
    errors = np.zeros((2, 17))
    errors[:, MPI_INF_3DHP_17.index("head_top")] = 1000.0
    scores = pck.official_scores(errors, MPI_INF_3DHP_17)
    assert scores["pck"]["Head"] == 0.0 and scores["pck"]["Knee"] == 100.0
    assert scores["pck"]["total"] == pytest.approx(100 * 13 / 14)
    errors[:, MPI_INF_3DHP_17.index("pelvis")] = 1000.0
    assert pck.official_scores(errors, MPI_INF_3DHP_17) == scores


def test_bad_input():
    with pytest.raises(DataError, match="at least one"):
        pck.pck([])
    with pytest.raises(DataError, match="not finite"):
        pck.auc([1.0, np.nan])
    with pytest.raises(DataError, match=r"expected \(N, 17\)"):
        pck.official_scores(np.zeros((3, 14)), MPI_INF_3DHP_17)
    with pytest.raises(DataError, match="no conversion coco_17"):
        pck.official_joints(COCO_17)
