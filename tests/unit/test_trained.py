"""A training's summary says where it had fewer workers than planned."""

import pytest

from stages.trained import fewer_workers


@pytest.mark.parametrize(
    ("processes", "workers", "said"),
    [
        ((1, 1, 1), 0, ""),
        ((2, 2), 2, ""),
        ((2, 2, 2, 1, 1), 2, ", with 1 of 2 workers from epoch 4 on"),
        ((1,), 4, ", with 1 of 4 workers from epoch 1 on"),
        ((2, 1, 2), 2, ", with 1 of 2 workers in epoch 2"),
        (
            (4, 3, 3, 4, 1),
            4,
            ", with 3 of 4 workers in epochs 2 to 3, with 1 of 4 workers from epoch 5 on",
        ),
    ],
)
def test_fewer_workers_are_told(processes: tuple[int, ...], workers: int, said: str) -> None:
    assert fewer_workers(processes, workers) == said
