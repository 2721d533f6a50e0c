"""The doctor's look at folders that anything may be put in: checkpoints, boxes, motion capture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gsam.boxes.sources import box_files
from gsam.checkpoints.beside import hints_beside
from gsam.checkpoints.importing import import_checkpoint
from gsam.checkpoints.read import read_state_dict
from gsam.datasets.bvh.takes import BvhConfig, read_recording, recordings
from gsam.doctor.anatomy import side_fault, spread
from gsam.doctor.checksums import checksum_fault
from gsam.doctor.findings import ABSENT, NOTE, OK, WRONG, Faults, Progress, Report
from gsam.errors import DataError, GsamError

__all__ = ["examine_boxes", "examine_bvh", "examine_weights"]

_CHECKPOINTS = (".pth", ".bin", ".ckpt", ".tar", ".pt", ".safetensors")
_SAMPLED_BVH = 60


def examine_weights(report: Report, full: bool, progress: Progress) -> None:
    """Look at every checkpoint in the report's folder: what it holds, without running it."""
    found = [path for path in _files(report.folder) if path.suffix in _CHECKPOINTS]
    if not found:
        report.add(ABSENT, "*.pth, *.bin, *.ckpt", "none: models start from random weights")
    for path in progress(found, "look at checkpoints"):
        what = path.relative_to(report.folder).as_posix()
        if not _is_published(report, what, path):
            continue
        with report.checking(what):
            _check_network(report, what, path)


def _check_network(report: Report, what: str, path: Path) -> None:
    """Say which network a checkpoint is, and whether its keys are all accounted for."""
    state = read_state_dict(path)
    try:
        found = import_checkpoint(path, hints_beside(path))
    except GsamError as error:
        text = f"{len(state):,} arrays, of use as a backbone to start from at most: {error}"
        report.add(NOTE, what, text)
        return
    text = f"{found.title()}: {found.report.counts()}"
    report.add(OK if found.report.complete else WRONG, what, text)


def _is_published(report: Report, what: str, path: Path) -> bool:
    fault = checksum_fault(path)
    if fault:
        report.add(WRONG, what, fault)
    return not fault


def examine_boxes(report: Report, full: bool, progress: Progress) -> None:
    """Look at person boxes and person detectors in the report's folder."""
    found = [p for p in _files(report.folder) if p.suffix in (".json", ".cfg", ".onnx", ".weights")]
    if not found:
        report.add(ABSENT, "*.json, *.cfg, *.onnx", "none: people are cropped by their true boxes")
    for path in progress(found, "look at boxes"):
        what = path.relative_to(report.folder).as_posix()
        if path.suffix == ".weights":
            if _is_published(report, what, path) and not path.with_suffix(".cfg").is_file():
                report.add(WRONG, what, f"expected {path.stem}.cfg beside it")
            continue
        _told(report, what, lambda path=path: _open_boxes(path))  # type: ignore[misc]


def _open_boxes(path: Path) -> str:
    from gsam.boxes.sources import open_boxes

    if path.suffix == ".cfg":
        box_files(str(path))
    open_boxes(str(path))
    return "boxes of people" if path.suffix == ".json" else "a person detector"


def _told(report: Report, what: str, look: Callable[[], str]) -> None:
    """Add what `look` says, or the error it ends with."""
    try:
        report.add(OK, what, look())
    except GsamError as error:
        report.add(WRONG, what, str(error))


def examine_bvh(report: Report, full: bool, progress: Progress) -> None:
    """Look at motion capture in the report's folder: rigs, sides and bones."""
    what, folder = "*.bvh", report.folder
    if not folder.is_dir() or not any(folder.rglob("*.[Bb][Vv][Hh]")):
        report.add(ABSENT, what, "none: needed for `data: bvh` alone")
        return
    config = BvhConfig(bone_variation=0.0)
    faults = Faults()
    with report.checking(what):
        found = recordings(folder, config)
        some = found if full else [found[i] for i in spread(len(found), _SAMPLED_BVH)]
        for recording in progress(some, "look at motion capture"):
            with faults.catching(str(folder / recording.file)):
                joints = read_recording(folder, recording, config).joints
                # Bandai-Namco's body has narrow hips; what is not a thigh was refused before.
                fault = side_fault(joints[spread(len(joints), 48)])
                if fault:
                    raise DataError(fault)
        if not faults:
            report.add(OK, what, f"{len(found):,} takes; {len(some)} looked at: rigs, sides")
        faults.tell(report, what)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
