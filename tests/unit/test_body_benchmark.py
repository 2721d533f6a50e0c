"""The benchmark of posing bodies on tiny sizes; smplx's numbers where it is installed."""

import importlib.util

import pytest
import torch

from benchmarks import body
from benchmarks.harness import QUICK, Series
from gsam.body.files import load_body_arrays
from gsam.body.smpl import SmplBody


def test_it_measures_with_and_without_smplx() -> None:
    (table,) = body.run(QUICK)
    rates = {row["body"]: row["bodies/s"] for row in table.rows}
    assert list(rates)[:2] == ["all vertices", "those of the joints"]
    assert all(isinstance(rate, Series) and rate.median > 0 for rate in rates.values())
    installed = importlib.util.find_spec("smplx") is not None
    assert ("smplx" in rates) == installed == ("not installed" not in table.note)


def test_smplx_poses_the_same_body() -> None:
    pytest.importorskip("smplx")
    arrays = load_body_arrays()
    ours = body.derivatives(SmplBody.from_arrays(arrays), 4)
    theirs = body.derivatives(body.smplx_forward(arrays, 4), 4)
    torch.testing.assert_close(ours[0], theirs[0], atol=1e-5, rtol=0)
    for one, other in zip(ours[1:], theirs[1:], strict=True):
        torch.testing.assert_close(one, other, atol=1e-5 * float(other.abs().max()), rtol=0)
