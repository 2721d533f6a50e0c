"""3DPW, SMPL's files, and the plain pickles and npz archives that all of them go through."""

from __future__ import annotations

import io
from functools import cache
from typing import Any

import numpy as np

from gsam.body.files import load_body_arrays
from gsam.body.mean_params import read_mean_params
from gsam.datasets.threedpw.npz import read_preprocessed
from gsam.datasets.threedpw.pickles import read_sequence
from gsam.unpickle import load_npz, load_pickle
from tests.fuzz.reader import Reader
from tests.fuzz.readers.dumps import as_npz, as_pickle
from tests.unit.test_threedpw_npz import people
from tests.unit.threedpw_fixtures import content, python2

VERTICES = 40


@cache
def body() -> dict[str, Any]:
    random = np.random.default_rng(0)
    weights = random.uniform(size=(VERTICES, 24))
    tree = np.stack([np.arange(-1, 23), np.arange(24)])
    tree[0, 0] = 2**32 - 1
    return {
        "v_template": random.normal(size=(VERTICES, 3)),
        "f": random.integers(0, VERTICES, (12, 3)).astype(np.uint32),
        "shapedirs": random.normal(size=(VERTICES, 3, 12)),
        "posedirs": random.normal(size=(VERTICES, 3, 207)),
        "J_regressor": random.uniform(size=(24, VERTICES)),
        "weights": weights / weights.sum(axis=1, keepdims=True),
        "kintree_table": tree.astype(np.uint32),
        "J_regressor_h36m": random.uniform(size=(17, VERTICES)),
    }


def sparse_body() -> dict[str, Any]:
    from scipy.sparse import csc_matrix

    return {**body(), "J_regressor": csc_matrix(body()["J_regressor"])}


def npy() -> bytes:
    out = io.BytesIO()
    np.save(out, np.ones((9, VERTICES)))
    return out.getvalue()


def mean() -> dict[str, Any]:
    return {"pose": np.zeros(144), "shape": np.zeros((1, 10)), "cam": np.ones(3)}


READERS = [
    Reader(
        name="npz",
        file="a.npz",
        content=lambda: {"plain": np.eye(3), "object": {"a": [np.ones(4, np.float32), None, "b"]}},
        dump=as_npz,
        read=lambda folder: load_npz(folder / "a.npz"),
    ),
    Reader(
        name="pickle",
        file="a.pkl",
        content=lambda: {
            "a": [np.ones(4), np.float64(2), {1, 2}],
            "b": (1, "c", b"d", None, 2**70),
        },
        dump=as_pickle,
        read=lambda folder: load_pickle(folder / "a.pkl"),
    ),
    Reader(
        name="3dpw sequence",
        file="courtyard_golf_00.pkl",
        content=content,
        dump=python2,
        read=lambda folder: read_sequence(folder / "courtyard_golf_00.pkl"),
    ),
    Reader(
        name="3dpw npz",
        file="3dpw_train.npz",
        content=lambda: people(["a_a_00", "b_b_01"]),
        dump=as_npz,
        beside=lambda: {"3dpw_test.npz": as_npz(people(["flat_guitar_01"]))},
        read=lambda folder: read_preprocessed(folder / "3dpw_train.npz", folder / "3dpw_test.npz"),
    ),
    Reader(
        name="smpl npz",
        file="a.npz",
        content=body,
        dump=as_npz,
        read=lambda folder: load_body_arrays(folder / "a.npz"),
    ),
    Reader(
        name="smpl pkl",
        file="a.pkl",
        content=sparse_body,
        dump=as_pickle,
        read=lambda folder: load_body_arrays(folder / "a.pkl"),
    ),
    Reader(
        name="smpl regressor",
        file="J_regressor_extra.npy",
        content=npy,
        twists=False,
        beside=lambda: {"a.npz": as_npz(body())},
        read=lambda folder: load_body_arrays(folder / "a.npz"),
    ),
    Reader(
        name="mean parameters",
        file="a.npz",
        content=mean,
        dump=as_npz,
        read=lambda folder: read_mean_params(folder / "a.npz"),
    ),
]
