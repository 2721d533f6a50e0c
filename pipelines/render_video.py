"""The twin's videos on Ray Data: many processes, each filming one sequence after another."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from gsam.twin.video import TwinVideoConfig
from gsam.twin.video.layout import write_sequence
from gsam.twin.video.sequences import SequencePlan, plan_sequences
from gsam.twin_mark import write_mark
from pipelines.pieces import Progress, attempt, pieces_done, succeeded
from pipelines.runtime import quiet_ray

SEQUENCES_PER_TASK = 1
"""About a second of work and more."""


def render_video_twin(
    target: Path,
    config: TwinVideoConfig,
    num_cpus: int | None = None,
    progress: Progress = lambda rows, total: rows,
) -> dict[str, int]:
    """Fill the folder `target` with 3DPW's raw layout, marked as a twin's; the bytes do not depend
    on `num_cpus`.

    Args:
        target: an existing folder.
        config: what to render.
        num_cpus: cores of a local Ray (default: all).
        progress: wraps the iteration over finished sequences, given their number.

    Returns:
        sequences and pictures.

    Raises:
        DataError: a sequence failed.
    """
    plans = plan_sequences(config)
    common = {"folder": str(target.resolve()), "config": asdict(config)}
    items = [{**common, "plan": asdict(plan)} for plan in plans]
    pictures = 0
    with quiet_ray(num_cpus):
        rows = pieces_done(items, _render, SEQUENCES_PER_TASK)
        for row in succeeded(progress(rows, len(items))):
            pictures += row["pictures"]
    write_mark(target, "threedpw", config.seed)
    return {"sequences": len(plans), "pictures": pictures}


def _render(item: dict[str, Any]) -> dict[str, Any]:
    """Film one sequence."""
    config, plan = TwinVideoConfig(**item["config"]), SequencePlan(**item["plan"])
    return attempt(plan.name, lambda: write_sequence(Path(item["folder"]), config, plan))
