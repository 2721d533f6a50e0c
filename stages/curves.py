"""Learning curves, as they are shown while a training runs and as they are kept."""

import sys
from collections.abc import Callable, Sequence

from gsam.training.task import CurveRow

__all__ = ["curve_text", "reporter", "rounded"]


def curve_text(rows: Sequence[tuple[int, CurveRow]], columns: Sequence[str]) -> str:
    """The curves of several seeds as CSV; empty where nothing was measured or it is not finite."""
    lines = [",".join(["seed", *columns])]
    for seed, row in rows:
        numbers = ["" if row[key] is None else f"{row[key]:.6g}" for key in columns]
        lines.append(",".join([str(seed), *numbers]))
    return "\n".join(lines) + "\n"


def rounded(value: float | int | None) -> float | None:
    """Four decimals, as everywhere in results."""
    return None if value is None else round(float(value), 4)


def reporter(seed: int, epochs: int, columns: Sequence[str]) -> Callable[[CurveRow], None]:
    """Shows each epoch on a terminal; a log gets the stage's one line alone."""

    def show(row: CurveRow) -> None:
        if sys.stderr.isatty():
            numbers = "  ".join(
                f"{key} {row[key]:.4g}" for key in columns[1:] if row[key] is not None
            )
            print(
                f"\r\033[Kseed {seed}  epoch {row['epoch']}/{epochs}  {numbers}",
                end="",
                file=sys.stderr,
            )
            if row["epoch"] == epochs:
                print("\r\033[K", end="", file=sys.stderr, flush=True)

    return show
