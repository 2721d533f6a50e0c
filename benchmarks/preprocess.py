"""Preprocess: frames per second, and peak memory of all its processes with ten times the data.

    python -m benchmarks.preprocess FOLDER

is the measured process: it turns FOLDER's poses and keypoints into FOLDER/clips.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psutil

from benchmarks.harness import Effort, Series, Table, Value
from benchmarks.synthetic import JOINT_METADATA, METADATA, projected, take
from gsam.datasets.takes import Take, camera_rows, file_stem, pose_table, sequence_row
from gsam.schemas import CAMERAS, KEYPOINTS, POSES, SEQUENCES
from gsam.storage import list_column, write_table
from stages.common import progress

__all__ = ["Watched", "run", "watch", "write_tables"]

TAKES, FRAMES = 60, 286
"""Of the smaller amount of data; with four cameras 68,640 frames."""

TIMES = 10
ROUNDS = 2
GOAL = 1.3
SAMPLE_SECONDS = 0.05
MB = 1e6


def write_tables(folder: Path, takes: int, frames: int) -> int:
    """Fill `folder`/poses and `folder`/keypoints/gt as the earlier stages do; frames x cameras.

    All takes hold the same motion, each in files of its own.
    """
    shown = take(frames)
    copies = [replace(shown, name=f"walk {i}") for i in range(takes)]
    poses, keypoints = folder / "poses", folder / "keypoints" / "gt"
    sequences = [sequence_row(copy) for copy in copies]
    cameras = [row for copy in copies for row in camera_rows(copy)]
    write_table(poses / "sequences.parquet", _columns(sequences), SEQUENCES, METADATA)
    write_table(poses / "cameras.parquet", _columns(cameras), CAMERAS, METADATA)
    pose_files = [poses / "frames" / f"{file_stem(copy.sequence)}.parquet" for copy in copies]
    point_files = [keypoints / file.name for file in pose_files]
    points = _keypoint_columns(shown)
    write_table(pose_files[0], pose_table(shown), POSES, JOINT_METADATA)
    write_table(point_files[0], points, KEYPOINTS, JOINT_METADATA)
    for files in (pose_files, point_files):
        for file in files[1:]:
            shutil.copyfile(files[0], file)
    return takes * frames * len(shown.cameras)


def _keypoint_columns(shown: Take) -> dict[str, object]:
    """The columns of one take's file: camera by camera, frame by frame."""
    frames, cameras = len(shown.joints), shown.cameras
    total = frames * len(cameras)
    found = projected(shown)
    return {
        "sequence": [shown.sequence] * total,
        "camera": [camera.name for camera in cameras for _ in range(frames)],
        "frame": list(range(frames)) * len(cameras),
        "points": list_column(np.concatenate([points for points, _ in found])),
        "scores": list_column(np.concatenate([scores for _, scores in found])),
        "detector": ["gt"] * total,
        "version": ["1"] * total,
    }


def _columns(rows: Sequence[dict[str, object]]) -> dict[str, list[object]]:
    return {name: [row[name] for row in rows] for name in rows[0]}


@dataclass(frozen=True)
class Watched:
    """A finished process: seconds, and the peak memory of it and its descendants, in bytes."""

    seconds: float
    peak: float
    output: str


def watch(command: Sequence[str]) -> Watched:
    """Run a command while adding up, every 50 ms, what it and its descendants hold in memory.

    Pages that processes share are counted once where the system tells (Linux: PSS).

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    start = time.perf_counter()
    peak = 0.0
    with tempfile.TemporaryFile("w+") as out:
        with psutil.Popen(command, stdout=out) as process:
            while process.poll() is None:
                peak = max(peak, _memory(process))
                time.sleep(SAMPLE_SECONDS)
        taken = time.perf_counter() - start
        out.seek(0)
        output = out.read()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(command), output)
    return Watched(taken, peak, output)


def _memory(root: psutil.Process) -> float:
    total = 0.0
    try:
        family = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return total
    for process in family:
        try:
            held = process.memory_full_info()
            total += getattr(held, "pss", held.rss)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return total


def run(effort: Effort) -> list[Table]:
    """One row per amount of data; amounts take turns."""
    takes, frames = (2, 20) if effort.quick else (TAKES, FRAMES)
    rounds = 1 if effort.quick else min(effort.rounds, ROUNDS)
    found: dict[int, list[tuple[float, Watched]]] = {1: [], TIMES: []}
    counts = {}
    with tempfile.TemporaryDirectory() as place:
        for times in found:
            counts[times] = write_tables(Path(place) / str(times), takes * times, frames)
        for times in progress([t for _ in range(rounds) for t in found], "preprocess"):
            command = [sys.executable, "-m", "benchmarks.preprocess", str(Path(place) / str(times))]
            seen = watch(command)
            inside = json.loads(seen.output.splitlines()[-1])
            if inside["frames"] != counts[times]:
                raise RuntimeError(f"preprocess wrote {inside} of {counts[times]} frames")
            found[times].append((inside["seconds"], seen))
    return [_table(found, counts)]


def _table(found: dict[int, list[tuple[float, Watched]]], counts: dict[int, int]) -> Table:
    peaks = {t: Series(tuple(seen.peak / MB for _, seen in runs)) for t, runs in found.items()}
    rows: list[dict[str, Value]] = []
    for times, runs in found.items():
        seconds = Series(tuple(taken for taken, _ in runs))
        rows.append(
            {
                "data": f"{times}x",
                "frames": counts[times],
                "seconds": seconds,
                "frames/s": Series(tuple(counts[times] / value for value in seconds.values)),
                "peak memory, MB": peaks[times],
                "x 1x": peaks[times] / peaks[1],
                "goal": f"<= {GOAL}" if times > 1 else "",
            }
        )
    slope = counts[TIMES] - counts[1]
    more = [slope / (b - a) for (a, _), (b, _) in zip(found[1], found[TIMES], strict=True) if b > a]
    steady = f"{sorted(more)[len(more) // 2]:,.0f}" if more else "not measurable"
    note = (
        "A frame is one camera's. seconds: pipelines.preprocess, starting and stopping Ray too;\n"
        f"by the difference of the rows, without that: {steady} frames/s. Memory: the driver, Ray\n"
        "and its workers together, shared pages once."
    )
    return Table("preprocess", "Preprocess", rows, note)


def main(folder: Path) -> None:
    """Preprocess a folder and print, as JSON, how many frames it had and the seconds it took."""
    from pipelines.preprocess import ClipSource, preprocess

    clips = folder / "clips"
    shutil.rmtree(clips, ignore_errors=True)
    clips.mkdir()
    start = time.perf_counter()
    source = ClipSource(folder / "keypoints" / "gt", clips)
    written = preprocess(folder / "poses", {"gt": source})
    print(json.dumps({"frames": written["gt"], "seconds": time.perf_counter() - start}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
