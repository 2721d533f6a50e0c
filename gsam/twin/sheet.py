"""Contact sheet of the twin: `python -m gsam.twin.sheet OUT.png [SUBJECT]` draws a row of stick
figures per action.

Right limbs are red, left ones blue; the line is the floor. Eight frames, evenly spaced over the
first take of each action.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gsam.body.files import load_body
from gsam.errors import ConfigError, DataError
from gsam.storage import atomic_path
from gsam.twin import archive
from gsam.twin.actions import ACTIONS
from gsam.twin.config import TwinConfig
from gsam.twin.generate import Performer
from gsam.twin.subjects import BETAS, plan_takes

PARENTS = (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15)
RIGHT, LEFT, MIDDLE = (60, 60, 220), (220, 120, 40), (60, 60, 60)
COLOURS = {
    **dict.fromkeys((1, 2, 3, 14, 15, 16), RIGHT),
    **dict.fromkeys((4, 5, 6, 11, 12, 13), LEFT),
}
CELL, LABEL, FRAMES = 150, 110, 8
PIXELS_PER_METRE = 66.0


def contact_sheet(
    subject: str = "S9", config: TwinConfig | None = None, take: int = 0
) -> NDArray[np.uint8]:
    """Image (H, W, 3) BGR with the fifteen actions of one subject in two columns of rows.

    `take` 0 or 1 picks the first or second take of each action (where there are two). Raises
    ConfigError for an unknown subject.
    """
    if subject not in BETAS:
        raise ConfigError(f"subject '{subject}': expected one of {', '.join(BETAS)}")
    config = TwinConfig() if config is None else config
    performer = Performer(subject, config, load_body())
    rows = []
    for action in ACTIONS:
        plans = [p for p in plan_takes(config) if (p.subject, p.action) == (subject, action)]
        raw = performer.joints(performer.perform(plans[min(take, len(plans) - 1)]))
        rows.append(_row(action, raw))
    rows.append(np.full_like(rows[0], 255))
    half = len(rows) // 2
    return np.concatenate([np.concatenate(rows[:half]), np.concatenate(rows[half:])], axis=1)


def _row(action: str, raw: NDArray[np.float32]) -> NDArray[np.uint8]:
    image = np.full((CELL, LABEL + FRAMES * CELL, 3), 255, dtype=np.uint8)
    cv2.putText(image, action, (6, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.5, MIDDLE, 1, cv2.LINE_AA)
    for cell, frame in enumerate(np.linspace(0, len(raw) - 1, FRAMES).astype(int)):
        joints = raw[frame]
        left = LABEL + cell * CELL
        cv2.line(image, (left + 10, CELL - 12), (left + CELL - 10, CELL - 12), (200, 200, 200), 1)
        _figure(image, joints, left)
    return image


def _figure(image: NDArray[np.uint8], joints: NDArray[np.float32], left: int) -> None:
    """One stick figure seen from the world's -y side and a little from its -x side, near limbs
    drawn last.
    """
    azimuth = np.radians(25.0)
    right_axis = np.array([np.cos(azimuth), -np.sin(azimuth), 0.0])
    depth_axis = np.array([np.sin(azimuth), np.cos(azimuth), 0.0])
    centred = joints - joints[0] * np.array([1.0, 1.0, 0.0])
    x = left + CELL / 2 + PIXELS_PER_METRE * centred @ right_axis
    y = CELL - 12 - PIXELS_PER_METRE * centred[:, 2]
    points = np.stack([x, y], axis=-1)
    bones = [
        (archive.KEPT[p], archive.KEPT[j], COLOURS.get(j, MIDDLE))
        for j, p in enumerate(PARENTS)
        if p >= 0
    ]
    bones += [(3, 4, RIGHT), (8, 9, LEFT), (27, 30, RIGHT), (19, 22, LEFT)]
    depth = centred @ depth_axis
    for start, end, colour in sorted(bones, key=lambda b: -float(depth[b[0]] + depth[b[1]])):
        a, b = (tuple(round(8 * float(v)) for v in points[i]) for i in (start, end))
        cv2.line(image, a, b, colour, 2, cv2.LINE_AA, 3)


def main(arguments: list[str]) -> int:
    """Draw the sheet to the path given; 0 when done, 1 or 2 with one line on standard error
    otherwise.
    """
    if len(arguments) not in (1, 2):
        print("usage: python -m gsam.twin.sheet OUT.png [SUBJECT]", file=sys.stderr)
        return ConfigError.exit_code
    try:
        image = contact_sheet(arguments[1] if len(arguments) == 2 else "S9")
        with atomic_path(Path(arguments[0])) as temporary:
            if not cv2.imwrite(str(temporary), image):
                raise DataError(f"{arguments[0]}: not written, expected a path that ends in .png")
    except (ConfigError, DataError) as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
