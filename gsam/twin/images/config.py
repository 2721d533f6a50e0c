"""Settings of the twin's pictures: how many, how large, from which seed."""

from dataclasses import dataclass

SMALLEST_PICTURE = 48
CAMERAS = 4
JPEG_QUALITY = 92


@dataclass(frozen=True, kw_only=True)
class TwinImagesConfig:
    """What is rendered for the three raw layouts.

    step: every step-th frame of a take is filmed; views: by how many of its four cameras; size:
    side in pixels of the stored square window around the person. coco_train, coco_val, mpii_train,
    mpii_valid: number of stills, whose longer side is still_size pixels. supersample: samples per
    pixel and axis, 2 for smooth edges. seed: everything drawn follows from it.
    """

    step: int = 10
    views: int = 2
    size: int = 128
    supersample: int = 1
    still_size: int = 256
    coco_train: int = 1200
    coco_val: int = 300
    mpii_train: int = 500
    mpii_valid: int = 200
    seed: int = 0

    def problems(self) -> list[str]:
        """Values that cannot be rendered."""
        least = {
            "step": 1,
            "views": 1,
            "size": SMALLEST_PICTURE,
            "supersample": 1,
            "still_size": SMALLEST_PICTURE,
            "coco_train": 1,
            "coco_val": 1,
            "mpii_train": 1,
            "mpii_valid": 1,
            "seed": 0,
        }
        most = {"views": CAMERAS, "supersample": 4}
        found = [
            f"{name} = {getattr(self, name)}: expected {low} or more"
            for name, low in least.items()
            if getattr(self, name) < low
        ]
        return found + [
            f"{name} = {getattr(self, name)}: expected {high} at most"
            for name, high in most.items()
            if getattr(self, name) > high
        ]
