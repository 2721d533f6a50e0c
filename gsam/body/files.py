"""Bodies in SMPL's file format: the shipped asset, or a user's `.npz` or `.pkl` of any size."""

from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import numpy as np

from gsam.body.smpl import JOINTS, POSE_FEATURES, SmplBody
from gsam.errors import DataError
from gsam.unpickle import BROKEN_HEADER, as_array, load_npz, load_pickle

BETAS = 10  # components kept of a file's shape space; later releases of SMPL carry 300
REQUIRED = ("v_template", "f", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table")
H36M = "J_regressor_h36m"
EXTRA = "J_regressor_extra"
PICKED = "extra_vertices"
# The arrays that fix the sizes V, F and K which the others are held against.
AXES = {"v_template": 2, "f": 2, "shapedirs": 3}
# The public side file lists the left leg before the right one, Human3.6M-17 the other way round.
LEFT_LEG_FIRST = [0, 4, 5, 6, 1, 2, 3, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
SMPL_VERTICES = 6890
_MAX_CELLS = 1 << 27
# The vertices that the public code adds to SMPL's joints: nose, right eye, left eye, right ear,
# left ear; big toe, small toe and heel of the left, then of the right foot; tips of thumb, index,
# middle, ring and little finger of the left, then of the right hand.
SMPL_PICKED = (
    *(332, 6260, 2800, 4071, 583, 3216, 3226, 3387, 6617, 6624, 6787),
    *(2746, 2319, 2445, 2556, 2673, 6191, 5782, 5905, 6016, 6133),
)


def load_body(path: Path | str | None = None) -> SmplBody:
    """The body in `path` (`.npz` or `.pkl` under SMPL's keys), or the shipped one if it is None.

    Raises:
        DataError: The file is missing or unreadable, or its arrays are incomplete, inconsistent or
            not finite.
    """
    return SmplBody.from_arrays(load_body_arrays(path))


def load_body_arrays(path: Path | str | None = None) -> dict[str, np.ndarray]:
    """The arrays that `load_body` builds the body from; see `read_body_arrays`."""
    if path is not None:
        return read_body_arrays(Path(path))
    asset = resources.files("gsam.body") / "assets" / "body_small.npz"
    with resources.as_file(asset) as shipped:
        return read_body_arrays(shipped)


def read_body_arrays(path: Path) -> dict[str, np.ndarray]:
    """SMPL's arrays, dense, checked and in one convention.

    Returns:
        `v_template` (V, 3), `shapedirs` (V, 3, K <= 10), `posedirs` (V, 3, 207), `J_regressor`
        (24, V), `weights` (V, 24), `f` (F, 3) int64, `kintree_table` (2, 24) int64 with root
        parent -1; if the file has them or `<key>.npy` lies beside it, `J_regressor_h36m` (17, V) in
        Human3.6M-17 order and `J_regressor_extra` (9, V); `extra_vertices` (21,) int64 if the file
        has them or is of SMPL's size. Lengths in metres.

    Raises:
        DataError: See `load_body`.
    """
    raw = _read_raw(path)
    missing = [key for key in REQUIRED if key not in raw]
    if missing:
        raise DataError(f"{path}: missing {', '.join(missing)}; expected SMPL's keys")
    wanted = (*REQUIRED, H36M, EXTRA, PICKED)
    arrays = {key: _dense(path, key, raw[key]) for key in wanted if key in raw}
    for key in (H36M, EXTRA):
        side = path.with_name(f"{key}.npy")
        if key not in arrays and side.is_file():
            arrays[key] = _read_npy(side)
    if PICKED not in arrays and len(arrays["v_template"]) == SMPL_VERTICES:
        arrays[PICKED] = np.array(SMPL_PICKED)
    arrays["shapedirs"] = arrays["shapedirs"][..., :BETAS]
    arrays["kintree_table"] = _kintree(path, arrays["kintree_table"])
    _check(path, arrays)
    for key in ("f", PICKED):
        if key in arrays:
            arrays[key] = arrays[key].astype(np.int64)
    if H36M in arrays:
        arrays[H36M] = _right_leg_first(arrays[H36M], arrays["v_template"])
    return arrays


def _read_raw(path: Path) -> Mapping[str, object]:
    """Whatever the file holds by key; everything goes through the allow-listed reader."""
    if path.suffix == ".npz":
        return load_npz(path)
    if path.suffix != ".pkl":
        raise DataError(f"{path}: unknown suffix '{path.suffix}'; expected .npz or .pkl")
    content = load_pickle(path)
    if not isinstance(content, dict):
        raise DataError(f"{path}: expected a dictionary of SMPL arrays, found another object")
    return content


def _read_npy(path: Path) -> np.ndarray:
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, *BROKEN_HEADER) as error:
        raise DataError(f"{path}: not a plain .npy array ({error})") from error


def _dense(path: Path, key: str, value: object) -> np.ndarray:
    """Numbers from an array or a scipy sparse matrix (SMPL's own files hold the regressor so)."""
    array = as_array(_unpacked(path, key, value), f"{path}: {key}")
    if array.dtype.kind not in "fiu":
        raise DataError(f"{path}: {key}: expected numbers, found {array.dtype}")
    if array.ndim != AXES.get(key, array.ndim):
        raise DataError(f"{path}: {key}: shape {array.shape}; expected {AXES[key]} axes")
    if array.dtype.kind == "f":
        # The shipped asset stores the blend shapes in half precision; everything computes in
        # float32 or better.
        array = array.astype(np.promote_types(array.dtype, np.float32))
    return array


def _unpacked(path: Path, key: str, value: object) -> object:
    """A sparse matrix in full; its shape is a claim, and no regressor is larger than this."""
    if not hasattr(value, "toarray"):
        return value
    if value.shape[0] * value.shape[1] > _MAX_CELLS:  # type: ignore[attr-defined]
        raise DataError(f"{path}: {key}: a sparse matrix of {value.shape}, refused")  # type: ignore[attr-defined]
    return value.toarray()


def _kintree(path: Path, table: np.ndarray) -> np.ndarray:
    """Parents and ids (2, 24) int64; SMPL writes the root's parent as the largest uint32."""
    if table.shape != (2, JOINTS):
        raise DataError(f"{path}: kintree_table: shape {table.shape}; expected (2, {JOINTS})")
    tree = table.astype(np.int64)
    tree[0, 0] = -1
    children = np.arange(1, JOINTS)
    if (tree[0, 1:] < 0).any() or (tree[0, 1:] >= children).any():
        raise DataError(f"{path}: kintree_table: a joint's parent does not come before it")
    return tree


def _check(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    vertices = len(arrays["v_template"])
    components = arrays["shapedirs"].shape[-1]
    expected = {
        "v_template": (vertices, 3),
        "shapedirs": (vertices, 3, components),
        "posedirs": (vertices, 3, POSE_FEATURES),
        "J_regressor": (JOINTS, vertices),
        "weights": (vertices, JOINTS),
        "f": (len(arrays["f"]), 3),
        H36M: (17, vertices),
        EXTRA: (9, vertices),
        PICKED: (len(SMPL_PICKED),),
    }
    for key, shape in expected.items():
        if key not in arrays:
            continue
        if arrays[key].shape != shape:
            raise DataError(f"{path}: {key}: shape {arrays[key].shape}; expected {shape}")
        if not np.isfinite(arrays[key]).all():
            raise DataError(f"{path}: {key}: NaN or infinity; expected finite numbers")
    for key in ("f", PICKED):
        ids = arrays.get(key, np.empty(0))
        if ids.size and (ids.min() < 0 or ids.max() >= vertices):
            raise DataError(f"{path}: {key}: vertex ids outside 0..{vertices - 1}")
    if vertices == 0 or np.abs(arrays["weights"].sum(axis=1) - 1).max() > 1e-2:
        raise DataError(f"{path}: weights: expected rows that sum to 1")


def _right_leg_first(regressor: np.ndarray, template: np.ndarray) -> np.ndarray:
    """Rows in Human3.6M-17 order; left is at +x, so the x of the two hip rows tells the order."""
    hips = (regressor @ template)[[1, 4], 0]
    return regressor[LEFT_LEG_FIRST] if hips[0] > hips[1] else regressor
