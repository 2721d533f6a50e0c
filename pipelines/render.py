"""The twin's pictures on Ray Data: many processes, each rendering takes and blocks of stills."""

import shutil
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gsam.twin.config import TwinConfig
from gsam.twin.images.config import TwinImagesConfig
from gsam.twin.images.layout import Work, assemble, do_work, plan_work
from gsam.twin_mark import write_mark
from pipelines.pieces import Progress, attempt, pieces_done, succeeded
from pipelines.runtime import quiet_ray

PIECES_PER_TASK = 4
"""About a second of work: it hides Ray's scheduling and still leaves both cores busy to the end."""


def render_twin(
    target: Path,
    twin: TwinConfig,
    images: TwinImagesConfig,
    num_cpus: int | None = None,
    progress: Progress = lambda rows, total: rows,
) -> dict[str, int]:
    """Fill the folder `target` with the three raw layouts, each marked as a twin's; the bytes do
    not depend on `num_cpus`.

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
        for row in succeeded(progress(_rendered(parts, twin, images, work), len(work))):
            done[row["dataset"]] += row["pictures"]
    assemble(parts, target, work)
    for dataset in done:
        write_mark(target / dataset, dataset, twin.seed)
    shutil.rmtree(parts)
    return done


def _rendered(
    parts: Path, twin: TwinConfig, images: TwinImagesConfig, work: list[Work]
) -> Iterable[dict[str, Any]]:
    items = [
        {"parts": str(parts), "twin": asdict(twin), "images": asdict(images), **asdict(piece)}
        for piece in work
    ]
    return pieces_done(items, _render, PIECES_PER_TASK)


def _render(item: dict[str, Any]) -> dict[str, Any]:
    """Render one piece."""
    piece = Work(item["dataset"], item["split"], item["first"], item["last"])
    twin, images = TwinConfig(**item["twin"]), TwinImagesConfig(**item["images"])
    done = attempt(piece.name, lambda: do_work(Path(item["parts"]), twin, images, piece))
    return {"dataset": piece.dataset, **done}
