"""The work that pictures of the twin are made of, and the raw files that it is put together to.

Every piece of work draws from its own named streams and leaves a part (`parts`), so that any number
of processes make the same bytes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gsam.twin.config import TwinConfig
from gsam.twin.images import coco, mpii
from gsam.twin.images.config import TwinImagesConfig
from gsam.twin.images.frames import draw_frames
from gsam.twin.images.mpii_mat import write_release, write_valid_truth
from gsam.twin.images.parts import (
    Labels,
    read_labels,
    write_compact,
    write_part,
    write_tar,
    write_zip,
)
from gsam.twin.images.stills import STILLS_PER_BLOCK, draw_stills
from gsam.twin.subjects import BETAS, plan_takes

# One picture in so many of MPII's is kept for tests, without labels, besides those asked for.
TESTED = 20


@dataclass(frozen=True)
class Work:
    """One piece: the take `first` of human36m, or the stills `first` to `last` - 1 of a split."""

    dataset: str
    split: str
    first: int
    last: int

    @property
    def name(self) -> str:
        """Name of its part."""
        return f"{self.dataset}-{self.split}-{self.first:06d}"


def plan_work(twin: TwinConfig, config: TwinImagesConfig) -> list[Work]:
    """All pieces, in the order of their datasets, splits and numbers."""
    work = [
        Work("human36m", plan.subject, number, number + 1)
        for number, plan in enumerate(plan_takes(twin))
    ]
    for dataset, split, count in (
        ("coco", "train", config.coco_train),
        ("coco", "val", config.coco_val),
        ("mpii", "train", config.mpii_train),
        ("mpii", "valid", config.mpii_valid),
        ("mpii", "test", config.mpii_train // TESTED),
    ):
        for first in range(0, count, STILLS_PER_BLOCK):
            work.append(Work(dataset, split, first, min(first + STILLS_PER_BLOCK, count)))
    return work


def do_work(folder: Path, twin: TwinConfig, config: TwinImagesConfig, work: Work) -> int:
    """Make one part in `folder`; returns its number of pictures."""
    return write_part(folder, work.name, _draw(twin, config, work))


def _draw(
    twin: TwinConfig, config: TwinImagesConfig, work: Work
) -> Iterator[tuple[str, bytes, Labels]]:
    if work.dataset == "human36m":
        yield from draw_frames(twin, config, work.first)
        return
    file_name: Callable[[str, int], str] = {"coco": coco, "mpii": mpii}[work.dataset].file_name
    inside = f"{work.split}2017" if work.dataset == "coco" else "images"
    for number, jpeg, labels in draw_stills(
        config, work.dataset, work.split, work.first, work.last
    ):
        yield f"{inside}/{file_name(work.split, number)}", jpeg, labels


def assemble(folder: Path, target: Path, work: list[Work]) -> None:
    """Put the parts in `folder` together to the raw layouts in `target`."""
    _assemble_human36m(folder, target / "human36m" / "frames", work)
    _assemble_coco(folder, target / "coco", work)
    _assemble_mpii(folder, target / "mpii", work)


def _names(work: list[Work], dataset: str, *splits: str) -> list[str]:
    return [w.name for split in splits for w in work if (w.dataset, w.split) == (dataset, split)]


def _assemble_human36m(folder: Path, target: Path, work: list[Work]) -> None:
    for subject in BETAS:
        names = _names(work, "human36m", subject)
        write_tar(target / f"{subject}.tar", folder, names)
        write_compact(target / f"{subject}.json", read_labels(folder, names))


def _assemble_coco(folder: Path, target: Path, work: list[Work]) -> None:
    for split in ("train", "val"):
        names = _names(work, "coco", split)
        write_zip(target / f"{split}2017.zip", folder, names)
        labels = _by_file(read_labels(folder, names))
        path = target / "annotations" / f"person_keypoints_{split}2017.json"
        write_compact(path, coco.annotations(split, labels))


def _assemble_mpii(folder: Path, target: Path, work: list[Work]) -> None:
    write_zip(target / "images.zip", folder, _names(work, "mpii", "train", "valid", "test"))
    people = {}
    for split in ("train", "valid", "test"):
        labels = _by_file(read_labels(folder, _names(work, "mpii", split)))
        people[split] = [(name, mpii.rectangles(label)) for name, label in labels.items()]
    for split in ("train", "valid"):
        write_compact(target / "annot" / f"{split}.json", mpii.hrnet_entries(people[split]))
    write_valid_truth(target / "annot" / "gt_valid.mat", people["valid"])
    labelled = [*people["train"], *people["valid"]]
    write_release(target / "mpii_human_pose_v1_u12_1.mat", labelled, people["test"])


def _by_file(labels: Labels) -> Labels:
    return {member.rpartition("/")[2]: label for member, label in labels.items()}
