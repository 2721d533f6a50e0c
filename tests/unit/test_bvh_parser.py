"""BVH files are read token by token, and broken ones are answered with a place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial.transform import Rotation

from gsam.datasets.bvh.kinematics import forward, local_motion, resample, slerp
from gsam.datasets.bvh.parser import parse_bvh
from gsam.errors import DataError

ARM = """HIERARCHY
ROOT Hips
{
  OFFSET 1 2 3
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT Left Arm
  {
    OFFSET 0 10 0
    CHANNELS 3 Yrotation Xrotation Zrotation
    End Site
    {
      OFFSET 0 5 0
    }
  }
  JOINT Fixed
  {
    OFFSET 1 0 0
  }
}
MOTION
Frames: 3
Frame Time: 0.02
10 20 30 0 0 0 0 0 0
11 20 30 90 0 0 0 90 0
12 20 30 10 20 30 40 50 60
"""


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "a.bvh"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def positions(path: Path) -> np.ndarray:
    return forward(local_motion(parse_bvh(path)))[1]


def test_the_hierarchy_and_the_rows_are_read(tmp_path: Path) -> None:
    motion = parse_bvh(write(tmp_path, ARM))
    assert motion.names == ("Hips", "Left Arm", "Left Arm end", "Fixed")
    assert motion.parents == (-1, 0, 1, 0)
    assert motion.channels[1] == ("yrotation", "xrotation", "zrotation")
    assert motion.channels[2] == motion.channels[3] == ()
    assert motion.first_columns == [0, 6, 9, 9]
    assert motion.frame_time == 0.02 and motion.values.shape == (3, 9)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n", "\r\n"),
        ("  ", "\t\t "),
        ("Frames: 3", "Frames:\t3"),
        ("Frames: 3", "FRAMES : 3"),
        ("Frame Time: 0.02", "frame time:\t.02"),
        ("JOINT Fixed\n  {", "Joint Fixed {"),
        ("HIERARCHY", "\n\nhierarchy\n"),
        ("rotation", "Rotation"),
        ("End Site\n", "end site\n"),
        ("11 20 30", "\n11   2e1\t+30.0 \n"),
        ("OFFSET 1 0 0\n", "CHANNELS 0 OFFSET 1 0 0\n"),
    ],
)
def test_spelling_and_spacing_do_not_matter(tmp_path: Path, old: str, new: str) -> None:
    expected = positions(write(tmp_path, ARM))
    changed = ARM.replace(old, new)
    assert changed != ARM
    np.testing.assert_array_equal(positions(write(tmp_path, changed)), expected)


def test_a_byte_order_mark_is_no_trouble(tmp_path: Path) -> None:
    assert parse_bvh(write(tmp_path, b"\xef\xbb\xbf" + ARM.encode())).names[0] == "Hips"


def test_kinematics_follow_the_order_of_each_joint_and_positions_replace_offsets(
    tmp_path: Path,
) -> None:
    motion = parse_bvh(write(tmp_path, ARM))
    found = positions(tmp_path / "a.bvh")
    for frame, row in enumerate(motion.values):
        root = Rotation.from_euler("ZXY", row[3:6], degrees=True)
        arm = root * Rotation.from_euler("YXZ", row[6:9], degrees=True)
        shoulder = row[:3] + root.apply([0, 10, 0])
        expected = [
            row[:3],
            shoulder,
            shoulder + arm.apply([0, 5, 0]),
            row[:3] + root.apply([1, 0, 0]),
        ]
        np.testing.assert_allclose(found[:, frame], expected, atol=1e-12)


ANGLES = hnp.arrays(float, (4, 3), elements=st.floats(-720, 720))


@given(ANGLES, st.permutations("XYZ"))
def test_bones_keep_their_lengths_at_any_rate_and_angle(angles: np.ndarray, order: list) -> None:
    rows = "\n".join(" ".join(map(repr, row)) for row in np.hstack([angles, angles[::-1]]).tolist())
    named = " ".join(f"{axis}rotation" for axis in order)
    text = (
        f"HIERARCHY ROOT a {{ OFFSET 0 0 0 CHANNELS 3 {named} JOINT b {{ OFFSET 1 2 3 CHANNELS 3 "
        f"{named} End Site {{ OFFSET 4 0 0 }} }} }} MOTION Frames: 4 Frame Time: 0.04\n{rows}"
    )
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        motion = parse_bvh(write(Path(folder), text))
    _, found = forward(resample(local_motion(motion), motion.frame_time, 60.0))
    assert found.shape[1] == 8
    np.testing.assert_allclose(np.linalg.norm(found[1] - found[0], axis=-1), 14**0.5)
    np.testing.assert_allclose(np.linalg.norm(found[2] - found[1], axis=-1), 4)


def test_resampling_keeps_the_frames_it_hits_and_the_rate_it_has(tmp_path: Path) -> None:
    motion = parse_bvh(write(tmp_path, ARM))
    local = local_motion(motion)
    assert resample(local, 0.02, 50.0) is local
    assert resample(local, 0.0200005, 50.0) is local
    double = resample(local, 0.02, 100.0)
    assert double.rotations.shape[1] == 5
    np.testing.assert_allclose(double.translations[:, ::2], local.translations)
    sign = np.sign(np.sum(double.rotations[:, ::2] * local.rotations, axis=-1, keepdims=True))
    np.testing.assert_allclose(double.rotations[:, ::2] * sign, local.rotations, atol=1e-12)
    np.testing.assert_allclose(double.translations[0, 1], [10.5, 20, 30])


def test_slerp_takes_the_short_way_at_a_constant_speed() -> None:
    a, b = Rotation.from_euler("x", [[10], [50]], degrees=True).as_quat(scalar_first=True)
    for sign in (1, -1):
        found = slerp(np.stack([a] * 5), np.stack([sign * b] * 5), np.linspace(0, 1, 5))
        angles = Rotation.from_quat(found, scalar_first=True).as_euler("xyz", degrees=True)[:, 0]
        np.testing.assert_allclose(angles, [10, 20, 30, 40, 50])
    np.testing.assert_allclose(slerp(a, a, np.array(0.3)), a)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("10 20 30 0 0 0 0 0 0", "10 20 30 0 0 0 0 0", "line 23: 8 values, expected 9"),
        ("40 50 60\n", "40 50", "line 25: 8 values, expected 9"),
        ("Frames: 3", "Frames: 4", "3 frames, expected the 4 of the header"),
        ("Frames: 3", "Frames: 2", "3 frames, expected the 2 of the header"),
        ("Frames: 3", "Frames: -3", "line 21: Frames: found '-3', expected a whole number"),
        ("Frames: 3", "Frames: 0", "line 21: Frames: found '0'"),
        ("Frames: 3", "Frames: 99999999999", "line 21: Frames: found '99999999999'"),
        ("Frame Time: 0.02", "Frame Time: 0", "Frame Time 0.0, expected seconds"),
        ("Frame Time: 0.02", "Frame Time: inf", "found 'inf', expected a finite number"),
        ("Frames: 3\n", "", "line 20: expected 'Frames: N'"),
        ("90 0 0 0 90", "90 nan 0 0 90", "frame 1, value 4: found 'nan'"),
        ("90 0 0 0 90", "90 1_0 0 0 90", "frame 1, value 4: found '1_0'"),
        ("90 0 0 0 90", "90 x 0 0 90", "frame 1, value 4: found 'x'"),
        ("90 0 0 0 90", "90 1e999 0 0 90", "frame 1, value 4: found '1e999'"),
        ("HIERARCHY", "HIERARCHIES", "line 1: found 'HIERARCHIES', expected HIERARCHY"),
        ("MOTION", "JOINT x {", "found 'JOINT', expected MOTION"),
        ("  OFFSET 1 2 3\n", "", "expected an OFFSET of Hips"),
        ("OFFSET 1 2 3", "OFFSET 1 2", "line 5: OFFSET: found 'CHANNELS', expected a finite"),
        ("CHANNELS 3", "CHANNELS 4", "expected 4 different channels"),
        ("CHANNELS 3", "CHANNELS 33", "expected at most 6 channels"),
        ("Yrotation Xrotation Zrotation", "Yrotation Yrotation Zrotation", "different channels"),
        ("Yrotation Xrotation Zrotation", "Yrotation Wrotation Zrotation", "wrotation"),
        ("JOINT Fixed", "JOINT Hips", "line 15: found 'Hips', expected joints of different names"),
        ("End Site", "End Sight", "found 'Sight', expected SITE"),
        ("JOINT Fixed", "JOIN Fixed", "found 'join', expected JOINT, End Site"),
    ],
)
def test_broken_files_are_answered_with_a_place(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    text = ARM.replace(old, new, 1)
    assert text != ARM
    with pytest.raises(DataError, match=message) as error:
        parse_bvh(write(tmp_path, text))
    assert str(error.value).startswith(str(tmp_path / "a.bvh")) and "\n" not in str(error.value)


def test_a_file_that_is_cut_anywhere_is_a_data_error(tmp_path: Path) -> None:
    whole = ARM.encode()
    for size in [*range(0, len(whole) - 3, 7), *range(0, len(whole) - 3, 97)]:
        with pytest.raises(DataError, match=r"a\.bvh: "):
            parse_bvh(write(tmp_path, whole[:size]))


@given(st.binary(max_size=6), st.integers(0, 2000))
def test_a_damaged_file_is_read_or_is_a_data_error(junk: bytes, place: int) -> None:
    import tempfile

    whole = ARM.encode()
    place %= len(whole)
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), whole[:place] + junk + whole[place + len(junk) :])
        try:
            parse_bvh(path)
        except DataError as error:
            assert "\n" not in str(error)


def test_deep_hierarchies_do_not_exhaust_the_stack(tmp_path: Path) -> None:
    joints = "".join(f"JOINT j{i} {{ OFFSET 0 1 0 CHANNELS 1 Xrotation " for i in range(3000))
    text = (
        f"HIERARCHY ROOT r {{ OFFSET 0 0 0 {joints}{'}' * 3001} MOTION Frames: 1 Frame Time: 1 "
        + "0 " * 3000
    )
    assert positions(write(tmp_path, text))[-1, 0, 1] == 3000


def test_an_absent_or_still_file_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.bvh: cannot be read"):
        parse_bvh(tmp_path / "none.bvh")
    text = "HIERARCHY ROOT r { OFFSET 0 0 0 } MOTION Frames: 1 Frame Time: 1"
    with pytest.raises(DataError, match="no channels"):
        parse_bvh(write(tmp_path, text))
