"""Bodies by gender: users' folders, the free body in their place, the plain copies of both."""

import json
import pickle

import numpy as np
import pytest
import torch

from gsam.body.bodies import open_bodies, read_bodies, write_bodies
from gsam.body.files import load_body
from gsam.errors import DataError, LicensedDataMissing
from tests.unit.test_body import smpl_arrays


def arrays_of(seed: int, vertices: int = 40) -> dict[str, np.ndarray]:
    """A made-up body; the same triangles whatever the seed."""
    arrays = smpl_arrays(vertices)
    arrays["v_template"] = arrays["v_template"] + seed
    return arrays


def save(path, arrays):
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    else:
        path.write_bytes(pickle.dumps(arrays, protocol=2))


@pytest.fixture
def folder(tmp_path):
    """A user's folder: names as they came, and as everyone renames them."""
    save(tmp_path / "basicModel_neutral_lbs_10_207_0_v1.0.0.pkl", arrays_of(1))
    save(tmp_path / "basicmodel_m_lbs_10_207_0_v1.1.0.pkl", arrays_of(2))
    save(tmp_path / "SMPL_FEMALE.npz", arrays_of(3))
    return tmp_path


def test_the_free_body_stands_in_for_everyone():
    bodies = open_bodies(None)
    assert bodies.stand_in and {bodies.title(g) for g in ("n", "m", "female")} == {"free body"}
    assert bodies.of("m") is bodies.of("female") is bodies.neutral
    torch.testing.assert_close(bodies.neutral.v_template, load_body().v_template, atol=0, rtol=0)


def test_every_gender_has_its_own_file(folder):
    bodies = open_bodies(folder)
    means = {g: round(float(bodies.of(g).v_template.mean())) for g in ("n", "m", "f", "male")}
    assert means == {"n": 1, "m": 2, "f": 3, "male": 2}
    assert not bodies.stand_in and bodies.title("f") == "body of 40 vertices female"


def test_a_body_of_smpls_size_is_called_smpl(tmp_path):
    save(tmp_path / "smpl_neutral.npz", smpl_arrays(6890))
    assert open_bodies(tmp_path).title("n") == "SMPL neutral"


def test_plain_copies_are_the_same_bodies_and_the_same_bytes(folder, tmp_path):
    bodies = open_bodies(folder)
    copies = [tmp_path / "one", tmp_path / "two"]
    for copy in copies:
        write_bodies(copy, bodies)
    read = read_bodies(copies[0])
    assert (read.name, read.stand_in) == (bodies.name, False)
    for gender, body in bodies.models.items():
        for (key, one), other in zip(body.named_buffers(), read.of(gender).buffers(), strict=True):
            assert torch.equal(one, other), key
    names = sorted(path.name for path in copies[0].iterdir())
    assert names == ["body.json", "female.npz", "male.npz", "neutral.npz"]
    for name in names:
        assert (copies[0] / name).read_bytes() == (copies[1] / name).read_bytes()


def test_the_free_body_is_copied_with_its_landmarks(tmp_path):
    write_bodies(tmp_path / "model", open_bodies(None))
    read = read_bodies(tmp_path / "model")
    assert read.stand_in and read.title("m") == "free body"
    for (key, one), other in zip(load_body().named_buffers(), read.of("m").buffers(), strict=True):
        assert torch.equal(one, other), key


def test_a_gender_that_was_not_brought_is_named_with_where_to_get_it(folder):
    (folder / "SMPL_FEMALE.npz").unlink()
    bodies = open_bodies(folder)
    with pytest.raises(LicensedDataMissing, match=r"no female SMPL model.*SMPL_FEMALE\.pkl") as one:
        bodies.of("f")
    assert "\n" not in str(one.value)
    (folder / "basicModel_neutral_lbs_10_207_0_v1.0.0.pkl").unlink()
    with pytest.raises(LicensedDataMissing, match="no neutral SMPL model"):
        open_bodies(folder)
    with pytest.raises(LicensedDataMissing, match="no neutral SMPL model"):
        open_bodies(folder / "absent")


def test_an_unknown_gender_is_refused():
    with pytest.raises(DataError, match="gender 'x'; expected one of n, m, f"):
        open_bodies(None).of("x")


def test_models_of_different_meshes_are_refused(folder):
    (folder / "SMPL_FEMALE.npz").unlink()
    save(folder / "SMPL_FEMALE.pkl", arrays_of(3, vertices=41))
    with pytest.raises(DataError, match=r"SMPL_FEMALE\.pkl: v_template: 41 vertices; expected 40"):
        open_bodies(folder)
    other = arrays_of(3)
    other["f"][0] = other["f"][0][::-1]
    save(folder / "SMPL_FEMALE.pkl", other)
    with pytest.raises(DataError, match=r"SMPL_FEMALE\.pkl: f: expected the triangles of"):
        open_bodies(folder)


def test_a_regressor_of_another_mesh_is_refused(folder):
    np.save(folder / "J_regressor_extra.npy", np.zeros((9, 6890)))
    with pytest.raises(DataError, match=r"J_regressor_extra: shape \(9, 6890\); expected \(9, 40"):
        open_bodies(folder)


class Runs:
    """Writes a file when a careless reader opens it."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


def test_a_hostile_pickle_does_not_run(folder):
    trace = folder / "ran"
    save(folder / "SMPL_MALE.pkl", arrays_of(2) | {"shapedirs": Runs(trace)})
    with pytest.raises(DataError, match=r"SMPL_MALE\.pkl: refused"):
        open_bodies(folder)
    assert not trace.exists()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("body.json", None, r"body\.json: no such file"),
        ("body.json", "[]", "expected name, sha256 and stand_in"),
        ("body.json", '{"name": "x", "stand_in": true, "sha256": {}}', "expected neutral"),
        ("body.json", '{"name": "x", "stand_in": true, "sha256": {"../n": "1"}}', "expected neu"),
        ("neutral.npz", None, r"neutral\.npz: cannot be read"),
        ("neutral.npz", "cut", r"neutral\.npz: not a readable npz"),
    ],
)
def test_a_damaged_copy_is_named(tmp_path, name, content, says):
    save(tmp_path / "SMPL_NEUTRAL.npz", arrays_of(1))
    model = tmp_path / "model"
    write_bodies(model, open_bodies(tmp_path))
    (model / name).unlink() if content is None else (model / name).write_text(content)
    with pytest.raises(DataError, match=says):
        read_bodies(model)


def test_an_exchanged_copy_is_noticed(tmp_path):
    save(tmp_path / "SMPL_NEUTRAL.npz", arrays_of(1))
    model = tmp_path / "model"
    write_bodies(model, open_bodies(tmp_path))
    save(model / "neutral.npz", arrays_of(2))
    with pytest.raises(DataError, match=r"neutral\.npz: not the content"):
        read_bodies(model)
    assert set(json.loads((model / "body.json").read_text())) == {"name", "sha256", "stand_in"}
