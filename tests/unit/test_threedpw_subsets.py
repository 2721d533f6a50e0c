"""3DPW-OCC's sequences by name."""

import pytest

from gsam.datasets.threedpw.subsets import OCCLUDED_PREFIXES, is_occluded, scene_of


@pytest.mark.parametrize(
    ("sequence", "occluded"),
    [
        ("courtyard_golf_00", True),
        ("downtown_stairs_00", True),
        ("outdoors_fencing_01", True),
        ("courtyard_box_00", True),
        ("courtyard_boxing_00", False),  # not the scene "courtyard_box"
        ("downtown_bar_00", False),
        ("courtyard", False),
        ("", False),
    ],
)
def test_a_scene_counts_as_a_whole(sequence, occluded):
    assert is_occluded(sequence) is occluded


def test_prefixes_are_scenes():
    assert len(set(OCCLUDED_PREFIXES)) == 17
    assert all(scene_of(f"{prefix}_00") == prefix for prefix in OCCLUDED_PREFIXES)
