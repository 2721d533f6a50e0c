"""Rendering: complete labelled samples per second on one core, and the rasteriser by itself."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import torch

from benchmarks.harness import Case, Effort, Table, Value, compare
from gsam.pictures.samples import Sampler, open_sampler
from gsam.render.raster import rasterise

__all__ = ["run"]

# Height, width, samples per pixel and axis, and the goal in samples per second and core.
SIZES = ((256, 192, 2, 60), (256, 192, 1, None), (128, 128, 1, 200), (96, 96, 1, 200))
QUICK_SIZES = ((64, 48, 2, None),)
POSES = 64


def run(effort: Effort) -> list[Table]:
    """One row per size of picture, on one thread."""
    sampler = open_sampler(0, 4 if effort.quick else POSES)
    sizes = QUICK_SIZES if effort.quick else SIZES
    threads = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        cases = [Case(_name(*size[:3]), _sampling(sampler, *size[:3])) for size in sizes]
        cases += [
            Case(f"raster {case.name}", _raster(sampler, *size[:3]))
            for case, size in zip(cases, sizes, strict=True)
        ]
        found = compare(cases, effort, "render")
    finally:
        torch.set_num_threads(threads[0])
        cv2.setNumThreads(threads[1])
    rows: list[dict[str, Value]] = []
    for height, width, supersample, goal in sizes:
        name = _name(height, width, supersample)
        rows.append(
            {
                "picture": f"{height}x{width}",
                "samples per pixel": supersample**2,
                "samples/s/core": found[name],
                "rasters/s/core": found[f"raster {name}"],
                "goal": f">= {goal}" if goal else "",
            }
        )
    note = (
        "A sample: pose, 15 % of pictures with a second person, clothes, background, things in\n"
        "front, blur, noise, and all labels. rasters/s: one body to faces, weights and depths."
    )
    return [Table("render", "Rendering", rows, note)]


def _name(height: int, width: int, supersample: int) -> str:
    return f"{height}x{width}/{supersample}"


def _sampling(
    sampler: Sampler, height: int, width: int, supersample: int
) -> Callable[[int], float]:
    rng = np.random.default_rng(0)
    # Scenes are drawn when first needed, once per process: not part of a sample's time.
    for _ in sampler.draw(rng, 64, 32, 32, 1):
        pass
    return lambda units: sum(1 for _ in sampler.draw(rng, units, height, width, supersample))


def _raster(sampler: Sampler, height: int, width: int, supersample: int) -> Callable[[int], float]:
    mesh = sampler.studio.mesh
    rows, columns = supersample * height, supersample * width
    body, _ = sampler.studio.pose(np.zeros((1, 10)), sampler.poses[:1])
    side, up = body[0, :, 0], body[0, :, 2]
    scale = 0.8 * min(rows / np.ptp(up), columns / np.ptp(side))
    screen = np.stack([side - side.mean(), up.mean() - up], axis=1) * scale
    screen += (columns / 2, rows / 2)
    depth = 5.0 + body[0, :, 1]

    def work(units: int) -> float:
        for _ in range(units):
            rasterise(screen, depth, mesh.faces, rows, columns)
        return units

    return work
