"""Number formats of matrix products and deterministic algorithms, inside a `with` block."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Any

import torch

from gsam.training.config import Precision

__all__ = ["autocast", "numerics"]

# Set at run time by modules that replace themselves, which type checkers cannot see.
_cpu: Any = torch.backends.mkldnn
_memory: Any = torch.utils.deterministic

# glibc's numbers of these options (malloc.h).
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


@cache
def _keep_freed_memory() -> None:
    """Let glibc keep what is freed for this process, where it is glibc that gives memory.

    Otherwise large tensors go back to the system and are mapped anew in every step: some 35,000
    page faults for 32 windows of 27 frames, an eighth of the step's time.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    # The second alone would make it worse, and older versions refuse the first.
    if mallopt is not None and mallopt(_M_MMAP_THRESHOLD, 1 << 30):
        mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)


@contextmanager
def numerics(precision: Precision, deterministic: bool = True) -> Iterator[None]:
    """Set torch's global switches inside the block and put them back afterwards.

    `onednn` lets oneDNN do float32 products: 1.5 x as fast as MKL on a processor with AVX-512, and
    as exact there (2e-6 of the largest output of a PoseFormer from float64, MKL 7e-7). Where the
    processor has AMX they may be rounded to bfloat16, on CUDA to TF32. One
    thing stays: from the first call on, the process keeps the memory that it frees (glibc only).
    """
    _keep_freed_memory()
    cpu, cuda = _cpu.matmul, torch.backends.cuda.matmul
    before = cpu.fp32_precision, cuda.fp32_precision
    was_deterministic = torch.get_deterministic_debug_mode()
    filled = _memory.fill_uninitialized_memory
    try:
        if precision != "float32":
            # With bf16 for what autocast leaves in float32, as a lifter's spatial part.
            cpu.fp32_precision = "bf16"
        if precision == "onednn":
            cuda.fp32_precision = "tf32"
        if deterministic:
            # cuBLAS needs it before its first use to be reproducible.
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
            # use_deterministic_algorithms would load torch.compile's back end: 1.3 s a stage.
            torch.set_deterministic_debug_mode("error")
            # Filling every new tensor would find reads of memory never written, at a cost.
            _memory.fill_uninitialized_memory = False
        yield
    finally:
        cpu.fp32_precision, cuda.fp32_precision = before
        torch.set_deterministic_debug_mode(was_deterministic)
        _memory.fill_uninitialized_memory = filled


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager:
    """Autocast to bfloat16 where `precision` asks for it."""
    if precision != "bf16":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)
