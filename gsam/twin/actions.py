"""The fifteen actions by the benchmark's names, in the order of its tables."""

from collections.abc import Callable

from gsam.twin import actions_seated, actions_standing, actions_walking, posing
from gsam.twin.performance import Actor, Motion

ACTIONS: dict[str, Callable[[Actor], Motion]] = {
    "Directions": actions_standing.directions,
    "Discussion": actions_standing.discussion,
    "Eating": actions_seated.eating,
    "Greeting": actions_standing.greeting,
    "Phoning": actions_standing.phoning,
    "Photo": actions_standing.photo,
    "Posing": posing.posing,
    "Purchases": actions_standing.purchases,
    "Sitting": actions_seated.sitting,
    "SittingDown": actions_seated.sitting_down,
    "Smoking": actions_seated.smoking,
    "Waiting": actions_standing.waiting,
    "WalkDog": actions_walking.walk_dog,
    "Walking": actions_walking.walking,
    "WalkTogether": actions_walking.walk_together,
}
