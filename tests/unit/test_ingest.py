"""Where the actors that make samples run, and how many there are."""

from collections import Counter

import pytest

from pipelines.ingest import actors_for, homes


@pytest.mark.parametrize(
    ("cpus", "actors", "processes", "expected"),
    [
        ({"a": 8.0}, 7, 1, {"a": 7}),
        ({"a": 8.0, "b": 8.0}, 7, 1, {"a": 7}),
        ({"a": 2.0, "b": 16.0}, 5, 1, {"a": 1, "b": 4}),
        ({"a": 1.0, "b": 1.0}, 1, 1, {"a": 1}),
        ({"a": 16.0}, 3, 4, {"a": 3}),
        ({"b": 8.0}, 2, 1, {"a": 1, "b": 1}),
        ({}, 1, 1, {"a": 1}),
    ],
)
def test_actors_are_at_home_first(
    cpus: dict[str, float], actors: int, processes: int, expected: dict[str, int]
) -> None:
    assert Counter(homes(cpus, "a", actors, processes)) == expected


def test_actors_share_the_cpus_that_training_leaves() -> None:
    assert [actors_for(workers, 16) for workers in (1, 2, 4, 16)] == [15, 7, 3, 1]
