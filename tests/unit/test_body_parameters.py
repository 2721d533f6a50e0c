"""Six-number rotations and the mean parameters made of them."""

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from gsam.body.mean_params import MeanParams, mean_params_of, read_mean_params, write_mean_params
from gsam.body.rotations import axis_angle_to_matrix, matrix_to_rot6d, rot6d_to_matrix
from gsam.errors import DataError

NUMBERS = st.floats(-3, 3, allow_nan=False)


def rotations_near(centre: torch.Tensor, spread: float, count: int) -> torch.Tensor:
    """Rotations (count, 24, 3, 3) whose mean is `centre` (24, 3) axis-angle: drawn in opposite
    pairs."""
    generator = torch.Generator().manual_seed(2)
    draw = spread * torch.randn(count // 2, 24, 3, generator=generator, dtype=torch.float64)
    around = axis_angle_to_matrix(torch.cat((draw, -draw)))
    return axis_angle_to_matrix(centre.double()) @ around


# --- rot6d


@settings(max_examples=60, deadline=None)
@given(st.lists(NUMBERS, min_size=3, max_size=3))
def test_rotations_survive_the_round_trip(vector):
    matrix = axis_angle_to_matrix(torch.tensor([vector], dtype=torch.float64))
    again = rot6d_to_matrix(matrix_to_rot6d(matrix))
    torch.testing.assert_close(again, matrix, atol=1e-7, rtol=0)


@settings(max_examples=60, deadline=None)
@given(st.lists(NUMBERS, min_size=6, max_size=6), st.floats(0.1, 10))
def test_any_six_numbers_give_a_rotation_whatever_their_scale(numbers, scale):
    six = torch.tensor([numbers], dtype=torch.float64)
    first, second = six.view(3, 2).unbind(-1)
    if torch.linalg.cross(first, second).norm() < 1e-3:
        return
    matrix = rot6d_to_matrix(six)
    identity = torch.eye(3, dtype=torch.float64)[None]
    torch.testing.assert_close(matrix @ matrix.mT, identity, atol=1e-9, rtol=0)
    assert float(torch.linalg.det(matrix)) == pytest.approx(1)
    torch.testing.assert_close(rot6d_to_matrix(scale * six), matrix, atol=1e-9, rtol=0)


def test_numbers_are_two_columns_row_by_row():
    # The mean root of the public file: a half turn about x. As two rows it would be degenerate.
    matrix = rot6d_to_matrix(torch.tensor([1.0, 0, 0, -1, 0, 1.5e-7]))
    torch.testing.assert_close(matrix, torch.diag(torch.tensor([1.0, -1, -1])), atol=1e-6, rtol=0)


def test_three_rotations_are_not_taken_along_the_wrong_axis():
    six = torch.randn(3, 6, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(rot6d_to_matrix(six), rot6d_to_matrix(six[None])[0])


def test_zeros_are_finite_with_finite_derivatives():
    six = torch.zeros(2, 24, 6, requires_grad=True)
    matrix = rot6d_to_matrix(six)
    matrix.sum().backward()
    assert not matrix.any() and torch.isfinite(six.grad).all()


# --- mean parameters


def test_the_mean_of_labels_is_the_rotation_in_their_middle():
    centre = torch.linspace(-1.5, 1.5, 72).view(24, 3)
    labels = rotations_near(centre, 0.3, 60).numpy()
    mean = mean_params_of(labels, np.linspace(0, 1, 600).reshape(60, 10))
    found = rot6d_to_matrix(torch.from_numpy(mean.pose).view(24, 6))
    torch.testing.assert_close(found, axis_angle_to_matrix(centre), atol=1e-5, rtol=0)
    np.testing.assert_allclose(mean.shape, 0.5, atol=0.02)
    assert mean.cam.tolist() == pytest.approx([0.9, 0, 0])
    assert {a.dtype for a in (mean.pose, mean.shape, mean.cam)} == {np.dtype("float32")}


def test_opposite_labels_still_give_a_rotation():
    turns = axis_angle_to_matrix(torch.tensor([[[0.0, 0, 0]] * 24, [[3.14159, 0, 0]] * 24]))
    pose = torch.from_numpy(mean_params_of(turns.numpy(), np.zeros((2, 10))).pose).view(24, 6)
    matrix = rot6d_to_matrix(pose)
    torch.testing.assert_close(matrix @ matrix.mT, torch.eye(3).expand(24, 3, 3))
    torch.testing.assert_close(torch.linalg.det(matrix), torch.ones(24))


def test_no_labels_have_no_mean():
    with pytest.raises(DataError, match="no labelled people"):
        mean_params_of(np.zeros((0, 24, 3, 3)), np.zeros((0, 10)))


def test_parameters_survive_the_file(tmp_path):
    mean = mean_params_of(rotations_near(torch.zeros(24, 3), 0.2, 4).numpy(), np.ones((4, 10)))
    write_mean_params(tmp_path / "mean_params.npz", mean)
    read = read_mean_params(tmp_path / "mean_params.npz")
    for key in ("pose", "shape", "cam"):
        np.testing.assert_array_equal(getattr(read, key), getattr(mean, key))
    write_mean_params(tmp_path / "again.npz", read)
    again, first = tmp_path / "again.npz", tmp_path / "mean_params.npz"
    assert again.read_bytes() == first.read_bytes()


def test_the_public_file_is_read_whatever_its_floats(tmp_path):
    path = tmp_path / "smpl_mean_params.npz"
    np.savez(path, pose=np.ones(144), shape=np.zeros((1, 10)), cam=np.array([0.9, 0, 0], "f4"))
    mean = read_mean_params(path)
    assert isinstance(mean, MeanParams) and mean.shape.shape == (10,)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("pose", np.zeros(72), r"pose: float64 \(72,\); expected 144 numbers"),
        ("shape", np.full(10, np.nan), "shape: NaN or infinity"),
        ("cam", np.array(["a", "b", "c"]), "cam: <U1"),
        ("cam", None, "key 'cam' is missing"),
    ],
)
def test_other_arrays_are_named(tmp_path, key, value, says):
    arrays = {"pose": np.zeros(144), "shape": np.zeros(10), "cam": np.zeros(3)} | {key: value}
    path = tmp_path / "mean.npz"
    np.savez(path, **{k: v for k, v in arrays.items() if v is not None})
    with pytest.raises(DataError, match=says) as caught:
        read_mean_params(path)
    assert "mean.npz" in str(caught.value)


def test_a_truncated_file_is_named(tmp_path):
    write_mean_params(
        tmp_path / "mean.npz",
        MeanParams(np.zeros(144, "f4"), np.zeros(10, "f4"), np.zeros(3, "f4")),
    )
    whole = (tmp_path / "mean.npz").read_bytes()
    (tmp_path / "mean.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"mean\.npz"):
        read_mean_params(tmp_path / "mean.npz")
