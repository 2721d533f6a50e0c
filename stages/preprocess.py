"""Turn poses and keypoints into clips: normalised 2D and root-relative 3D, per take and camera.

    python -m stages.preprocess archived
    python -m stages.preprocess detected
    python -m stages.preprocess threedhp

Reads data/poses/ (of MPI-INF-3DHP data/poses_threedhp/) and data/keypoints/. Writes
data/clips/<source>/<take>.parquet, each frame once: a training window is an index into a clip, made
by stride sampling when a run loads them, because frames and stride are the run's own (stored here,
they would retrain every table row whenever `frames` changed). `archived` makes the clips of the
sources that come with the data; `detected` those of our own detectors, which are of the frames that
have pictures, and other sources' clips of the same frames; `threedhp` those of MPI-INF-3DHP.
"""

from contextlib import ExitStack
from pathlib import Path

from gsam.storage import atomic_directory, read_json, write_json
from pipelines.preprocess import ClipSource, preprocess
from stages.common import run_stage
from stages.params import DETECTORS, GROUPS, IMAGED, group_of
from stages.paths import CLIPS, KEYPOINTS, POSES, THREEDHP_POSES

IMAGED_FRAMES = KEYPOINTS / DETECTORS[0]
"""Every detector sees the same pictures: the frames of one are those of all."""


def main(arguments: list[str]) -> str:
    """Write data/clips of one group of sources; returns the summary line."""
    group = group_of(arguments)
    with ExitStack() as stack:
        sources = {}
        for source in GROUPS[group]:
            folder = stack.enter_context(atomic_directory(CLIPS / source))
            missing = missing_file(source)
            if missing is not None:
                write_json(folder / "missing.json", read_json(missing))
            else:
                sources[source] = clip_source(source, folder)
        poses = THREEDHP_POSES if group == "threedhp" else POSES
        frames = preprocess(poses, sources) if sources else {}
    return "clips  " + (
        ", ".join(f"{source} {count:,} frames" for source, count in frames.items()) or "none"
    )


def missing_file(source: str) -> Path | None:
    """The file that says why a source has no keypoints, if there is one."""
    needed = [KEYPOINTS / IMAGED.get(source, source)]
    if source in IMAGED:
        needed.append(IMAGED_FRAMES)
    return next((f / "missing.json" for f in needed if (f / "missing.json").exists()), None)


def clip_source(source: str, folder: Path) -> ClipSource:
    """Where a source's keypoints are, and which of their frames become clips."""
    if source in IMAGED:
        return ClipSource(KEYPOINTS / IMAGED[source], folder, frames_of=IMAGED_FRAMES)
    return ClipSource(KEYPOINTS / source, folder)


if __name__ == "__main__":
    run_stage(main)
