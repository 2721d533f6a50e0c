"""What the machine can do: the rate of a large matrix product in each of training's formats."""

from __future__ import annotations

import torch

from benchmarks.harness import Case, Effort, Table, Value, compare
from gsam.training.config import Precision
from gsam.training.precision import numerics

__all__ = ["PRECISIONS", "gemm_case", "gemm_cases", "run"]

PRECISIONS: dict[Precision, str] = {
    "float32": "float32 (torch's default)",
    "onednn": "float32 by oneDNN",
    "bf16": "bfloat16",
}
SIZE = 2048


def gemm_case(precision: Precision, size: int) -> Case:
    """Multiply two square matrices; counts floating-point operations, multiply and add apart."""
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    generator = torch.Generator().manual_seed(0)
    left, right = (torch.randn(size, size, generator=generator).to(kind) for _ in range(2))
    out = torch.empty(size, size, dtype=kind)

    def multiply(times: int) -> float:
        with numerics(precision):
            for _ in range(times):
                torch.mm(left, right, out=out)
        return 2.0 * size**3 * times

    return Case(f"gemm {precision}", multiply)


def gemm_cases(effort: Effort) -> list[Case]:
    """A case `gemm <precision>` per number format, to take turns with what is held against it."""
    return [gemm_case(precision, 64 if effort.quick else SIZE) for precision in PRECISIONS]


def onednn_error(size: int) -> float:
    """Relative error of a product under the `onednn` switch: float32 is 1e-6, rounding 1e-3."""
    generator = torch.Generator().manual_seed(1)
    left, right = (torch.randn(size, size, generator=generator) for _ in range(2))
    exact = left.double() @ right.double()
    with numerics("onednn"):
        found = left @ right
    return float((found.double() - exact).norm() / exact.norm())


def run(effort: Effort) -> list[Table]:
    """The rates, and what oneDNN's float32 costs in accuracy."""
    found = compare(gemm_cases(effort), effort, "gemm")
    rows: list[dict[str, Value]] = []
    for precision, label in PRECISIONS.items():
        rate = found[f"gemm {precision}"]
        rows.append(
            {
                "numbers": label,
                "GFLOP/s": rate.scaled(1e-9),
                "x float32": rate / found["gemm float32"],
            }
        )
    size = 64 if effort.quick else SIZE
    note = (
        f"Relative error of the product by oneDNN: {onednn_error(size):.1e} (float32: below 1e-5)."
    )
    return [Table("gemm", f"Matrix product, {size} x {size}", rows, note)]
