"""The people on whom a mesh regressor's curve is drawn: who they are and where their joints are."""

from pathlib import Path

import numpy as np
import pytest

from gsam.body.bodies import open_bodies
from gsam.errors import LicensedDataMissing
from gsam.meshes.fixed import fixed_people
from gsam.meshes.sources import MeshSource, SourceFiles
from tests.labelled_bodies import small_bodies
from tests.mesh_workspaces import write_people
from tests.synthetic_bodies import random_people
from tests.synthetic_images import write_images
from tests.unit.test_mesh_task import true_joints


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> MeshSource:
    data = tmp_path_factory.mktemp("data")
    write_people(data, "validation", 9, seed=5)
    return SourceFiles("threedpw", "validation", data / "images/threedpw", data / "bodies").open()


def test_people_are_spread_evenly_and_not_varied(source: MeshSource) -> None:
    people, size = random_people(9, seed=5), 64
    few = fixed_people(source, open_bodies(None), "neutral", size=size, most=3, held_out=True)
    assert few.held_out and few.arrays["image"].shape == (3, size, size, 3)
    np.testing.assert_array_equal(few.arrays["pose"], people.poses[[0, 3, 6]])
    np.testing.assert_allclose(
        few.arrays["keypoints"][:, 25:, :2], people.points[[0, 3, 6]], atol=1e-5
    )
    np.testing.assert_allclose(few.h36m, true_joints(people)[[0, 3, 6]], atol=1e-6)
    every = fixed_people(source, open_bodies(None), "neutral", size=size, most=50, held_out=True)
    assert len(every.h36m) == 9
    np.testing.assert_array_equal(every.arrays["image"][[0, 3, 6]], few.arrays["image"])


def test_true_joints_are_of_the_body_that_is_asked_for(source: MeshSource) -> None:
    bodies = small_bodies(("neutral", "male", "female"))
    found = {
        truth: fixed_people(source, bodies, truth, size=32, most=3, held_out=True).h36m
        for truth in ("neutral", "gendered")
    }
    width = {
        truth: np.linalg.norm(joints[:, 11] - joints[:, 14], axis=-1)
        for truth, joints in found.items()
    }
    ratio = width["gendered"] / width["neutral"]
    np.testing.assert_allclose(ratio, [1.1, 0.9, 1.1], atol=0.02)  # people 0, 3 and 6
    none = small_bodies(("neutral", "male"))
    with pytest.raises(LicensedDataMissing, match="no female SMPL model"):
        fixed_people(source, none, "gendered", size=32, most=3, held_out=True)


def test_people_without_labels_are_shown_all_the_same(tmp_path: Path) -> None:
    write_images(tmp_path, joint_set="mpii_16", count=4)
    bare = SourceFiles("mpii", "train", tmp_path).open()
    found = fixed_people(bare, open_bodies(None), "gendered", size=32, most=9, held_out=False)
    assert len(found.h36m) == 4 and not found.arrays["has_smpl"].any()
