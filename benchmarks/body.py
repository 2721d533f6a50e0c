"""The body's forward pass with derivatives, beside smplx on the same file where it is installed.

smplx is no dependency of the project: install it without its own (`pip install --no-deps smplx`).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor

from benchmarks.harness import Case, Effort, Series, Table, Value, compare, ratios
from gsam.body.files import load_body_arrays
from gsam.body.joints import BodyJoints
from gsam.body.smpl import Posed, SmplBody

__all__ = ["Forward", "run", "smplx_forward"]

BATCH = 64
GOAL = 1.0
SMPLX = "smplx"

Forward = Callable[[Tensor, Tensor], Posed]
"""Shapes (B, 10) and axis-angle poses (B, 24, 3) to posed bodies."""


def smplx_forward(arrays: dict[str, np.ndarray], batch: int) -> Forward:
    """smplx's SMPL over the arrays of `load_body_arrays`; ImportError without smplx."""
    from smplx import SMPL
    from smplx.vertex_ids import vertex_ids

    # The body has no vertices of SMPL's numbers; any will do, and the same number of them.
    picked = dict.fromkeys(vertex_ids["smplh"], 0)
    parameters = ("betas", "body_pose", "global_orient", "transl")
    body = SMPL(
        "",
        data_struct=SimpleNamespace(**arrays),
        batch_size=batch,
        vertex_ids=picked,
        **{f"create_{name}": False for name in parameters},
    )

    def forward(betas: Tensor, pose: Tensor) -> Posed:
        output = body(betas=betas, body_pose=pose[:, 1:].flatten(1), global_orient=pose[:, 0])
        return Posed(output.vertices, output.joints[:, :24])

    return forward


def draw(batch: int) -> tuple[Tensor, Tensor]:
    """Shapes and poses that derivatives are asked for."""
    generator = torch.Generator().manual_seed(0)
    betas = torch.randn(batch, 10, generator=generator)
    pose = 0.4 * torch.randn(batch, 24, 3, generator=generator)
    return betas.requires_grad_(), pose.requires_grad_()


def derivatives(forward: Forward, batch: int) -> tuple[Tensor, Tensor, Tensor]:
    """Vertices, and the derivatives of their fixed weighted sum by shape and pose."""
    betas, pose = draw(batch)
    vertices = forward(betas, pose).vertices
    weights = torch.cos(torch.arange(vertices[0].numel())).view_as(vertices[0])
    by_shape, by_pose = torch.autograd.grad((vertices * weights).sum(), (betas, pose))
    return vertices.detach(), by_shape, by_pose


def passes(name: str, forward: Forward, batch: int) -> Case:
    """Forwards and backwards from all vertices and joints; a unit of work is a batch."""
    betas, pose = draw(batch)

    def loop(units: int) -> float:
        for _ in range(units):
            posed = forward(betas, pose)
            torch.autograd.grad(posed.vertices.sum() + posed.joints.sum(), (betas, pose))
        return units * batch

    return Case(name, loop)


def run(effort: Effort) -> list[Table]:
    """Rows of the whole body, of its part that joints are read from, and of smplx."""
    batch = 2 if effort.quick else BATCH
    arrays = load_body_arrays()
    whole = SmplBody.from_arrays(arrays)
    compact, _ = BodyJoints.of(whole).compact()
    forwards: dict[str, Forward] = {"all vertices": whole, "those of the joints": compact}
    if importlib.util.find_spec(SMPLX):
        forwards[SMPLX] = smplx_forward(arrays, batch)
    cases = [passes(name, forward, batch) for name, forward in forwards.items()]
    found = compare(cases, effort, "bodies")
    rows = [_row(name, found, forwards, batch) for name in forwards]
    note = (
        f"The shipped body, batches of {batch}, forwards and backwards to shape and pose.\n"
        "difference: the largest from smplx's vertices, and from its derivatives as a share of\n"
        f"the largest one; the goal is x smplx >= {GOAL:.0f}, vertices within 1e-5 m."
    )
    if SMPLX not in forwards:
        note += "\nsmplx is not installed, so there is nothing to compare with."
    return [Table("body", "Posing bodies", rows, note)]


def _row(
    name: str, found: dict[str, Series], forwards: dict[str, Forward], batch: int
) -> dict[str, Value]:
    row: dict[str, Value] = {"body": name, "bodies/s": found[name]}
    if SMPLX in forwards and name != SMPLX:
        row["x smplx"] = ratios(found, name, SMPLX)
    if SMPLX in forwards and name == "all vertices":
        ours, theirs = (derivatives(forwards[key], batch) for key in (name, SMPLX))
        row["difference, m"] = f"{float((ours[0] - theirs[0]).abs().max()):.1e}"
        shares = [
            (a - b).abs().max() / b.abs().max() for a, b in zip(ours[1:], theirs[1:], strict=True)
        ]
        row["of derivatives"] = f"{float(max(shares)):.1e}"
    return row
