"""The twin's pictures on Ray Data: many processes, each rendering takes and blocks of stills."""

import shutil
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gsam.errors import DataError, GsamError
from gsam.twin.config import TwinConfig
from gsam.twin.images.config import TwinImagesConfig
from gsam.twin.images.layout import Work, assemble, do_work, plan_work
from pipelines.runtime import quiet_ray

PIECES_PER_TASK = 4
"""About a second of work: it hides Ray's scheduling and still leaves both cores busy to the end."""

Progress = Callable[[Iterable[dict[str, Any]], int], Iterable[dict[str, Any]]]


def render_twin(
    target: Path,
    twin: TwinConfig,
    images: TwinImagesConfig,
    num_cpus: int | None = None,
    progress: Progress = lambda rows, total: rows,
) -> dict[str, int]:
    """Fill the folder `target` with the three raw layouts; the bytes do not depend on `num_cpus`.

    Args:
        target: an existing folder.
        twin: the takes whose frames are rendered.
        images: what to render.
        num_cpus: cores of a local Ray (default: all).
        progress: wraps the iteration over finished pieces of work, given their number.

    Returns:
        pictures per dataset.

    Raises:
        DataError: a piece of work failed.
    """
    work = plan_work(twin, images)
    parts = target.resolve() / ".parts"
    parts.mkdir()
    done = {"human36m": 0, "coco": 0, "mpii": 0}
    with quiet_ray(num_cpus):
        for row in progress(_rendered(parts, twin, images, work), len(work)):
            if row["error"]:
                raise DataError(row["error"])
            done[row["dataset"]] += row["pictures"]
    assemble(parts, target, work)
    shutil.rmtree(parts)
    return done


def _rendered(
    parts: Path, twin: TwinConfig, images: TwinImagesConfig, work: list[Work]
) -> Iterable[dict[str, Any]]:
    import ray

    items = [
        {"parts": str(parts), "twin": asdict(twin), "images": asdict(images), **asdict(piece)}
        for piece in work
    ]
    blocks = max(1, len(items) // PIECES_PER_TASK)
    rows: Iterable[dict[str, Any]] = (
        ray.data.from_items(items, override_num_blocks=blocks).map(_render).iter_rows()
    )
    return rows


def _render(item: dict[str, Any]) -> dict[str, Any]:
    """Render one piece; a user's error travels as data, not in Ray's traceback."""
    import torch

    # The batches are too small to share between threads, and the cores are taken.
    torch.set_num_threads(1)
    piece = Work(item["dataset"], item["split"], item["first"], item["last"])
    result = {"dataset": piece.dataset, "pictures": 0, "error": ""}
    try:
        result["pictures"] = do_work(
            Path(item["parts"]),
            TwinConfig(**item["twin"]),
            TwinImagesConfig(**item["images"]),
            piece,
        )
    except GsamError as error:
        result["error"] = f"{piece.name}: {error}"
    return result
