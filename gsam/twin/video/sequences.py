"""The sequences of 3DPW: their names by split, what is done in them here, who hides whom.

A twin of few sequences has the first of each list, which mix occluded ones (3DPW-OCC's scenes) and
others, of one person and of two.
"""

from dataclasses import dataclass

from gsam.datasets.threedpw.subsets import is_occluded, scene_of
from gsam.twin.video.config import SPLITS, TwinVideoConfig

# What the first person does, of the twin's fifteen actions.
NAMES: dict[str, dict[str, str]] = {
    "train": {
        "courtyard_backpack_00": "Purchases",
        "courtyard_arguing_00": "Discussion",
        "courtyard_bodyScannerMotions_00": "Posing",
        "courtyard_capoeira_00": "Posing",
        "courtyard_laceShoe_00": "SittingDown",
        "courtyard_captureSelfies_00": "Photo",
        "outdoors_climbing_00": "Posing",
        "courtyard_giveDirections_00": "Directions",
        "courtyard_basketball_00": "Greeting",
        "courtyard_relaxOnBench_00": "Sitting",
        "courtyard_jacket_00": "Waiting",
        "courtyard_shakeHands_00": "Greeting",
        "outdoors_slalom_00": "Walking",
        "courtyard_rangeOfMotions_00": "Posing",
        "courtyard_golf_00": "Directions",
        "courtyard_warmWelcome_00": "Greeting",
        "courtyard_box_00": "Purchases",
        "courtyard_dancing_01": "Posing",
        "outdoors_freestyle_00": "Posing",
        "courtyard_goodNews_00": "Phoning",
        "outdoors_climbing_01": "Purchases",
        "courtyard_relaxOnBench_01": "Smoking",
        "outdoors_climbing_02": "Posing",
        "outdoors_slalom_01": "Walking",
    },
    "validation": {
        "outdoors_parcours_00": "Walking",
        "downtown_walkDownhill_00": "Walking",
        "outdoors_golf_00": "Posing",
        "courtyard_hug_00": "Greeting",
        "courtyard_basketball_01": "Purchases",
        "courtyard_drinking_00": "Eating",
        "outdoors_freestyle_01": "Posing",
        "courtyard_dancing_00": "Posing",
        "outdoors_crosscountry_00": "Walking",
        "courtyard_jumpBench_01": "SittingDown",
        "outdoors_parcours_01": "Posing",
        "courtyard_rangeOfMotions_01": "Posing",
    },
    "test": {
        "downtown_stairs_00": "Posing",
        "downtown_walking_00": "Walking",
        "downtown_arguing_00": "Discussion",
        "flat_packBags_00": "Purchases",
        "office_phoneCall_00": "Phoning",
        "downtown_cafe_00": "Eating",
        "outdoors_fencing_01": "Posing",
        "downtown_sitOnStairs_00": "Sitting",
        "downtown_warmWelcome_00": "Greeting",
        "flat_guitar_01": "Smoking",
        "downtown_runForBus_00": "Walking",
        "downtown_weeklyMarket_00": "Purchases",
        "downtown_windowShopping_00": "Directions",
        "downtown_bar_00": "Discussion",
        "downtown_walkBridge_01": "WalkTogether",
        "downtown_bus_00": "Waiting",
        "downtown_upstairs_00": "Walking",
        "downtown_enterShop_00": "Purchases",
        "downtown_walkUphill_00": "WalkDog",
        "downtown_car_00": "SittingDown",
        "downtown_downstairs_00": "Walking",
        "downtown_crossStreets_00": "Waiting",
        "downtown_rampAndStairs_00": "Walking",
        "downtown_runForBus_01": "Walking",
    },
}
INDOORS = ("downtown_bar", "downtown_bus", "downtown_cafe")
# One sequence in so many has a stretch of frames in which the camera's pose was not found.
LOST_ONE_IN = 3


@dataclass(frozen=True)
class SequencePlan:
    """One sequence to film.

    action: of the first person. people: 1 or 2. occluded: a person or a thing gets in the way, as
    in no other sequence. lost: the camera's pose is missing for some frames.
    """

    split: str
    name: str
    action: str
    people: int
    occluded: bool
    lost: bool

    @property
    def indoors(self) -> bool:
        """Whether it takes place in a room."""
        return self.name.startswith(("flat_", "office_")) or scene_of(self.name) in INDOORS


def plan_sequences(config: TwinVideoConfig) -> list[SequencePlan]:
    """All sequences by split; every second occluded one and every second other has two people."""
    plans = []
    for split in SPLITS:
        planned = {True: 0, False: 0}
        for number, (name, action) in enumerate(NAMES[split].items()):
            occluded = is_occluded(name)
            # The first occluded sequence has two people, the first other one has one.
            pair = planned[occluded] % 2 != int(occluded)
            planned[occluded] += 1
            lost = number % LOST_ONE_IN == 0
            if number < getattr(config, split):
                plans.append(SequencePlan(split, name, action, 1 + int(pair), occluded, lost))
    return plans
