"""Turn poses and keypoints into clips: normalised 2D and root-relative 3D, per take and camera.

    python -m stages.preprocess

Reads data/poses/ and data/keypoints/. Writes data/clips/<source>/<take>.parquet, each frame once:
a training window is an index into a clip, made by stride sampling when a run loads them, because
frames and stride are the run's own (stored here, they would retrain every table row whenever
`frames` changed).
"""

from contextlib import ExitStack

from gsam.storage import atomic_directory, read_json, write_json
from pipelines.preprocess import preprocess
from stages.common import run_stage
from stages.params import SOURCES
from stages.paths import CLIPS, KEYPOINTS, POSES


def main(arguments: list[str]) -> str:
    """Write data/clips; returns the summary line."""
    with ExitStack() as stack:
        folders = {}
        for source in SOURCES:
            folder = stack.enter_context(atomic_directory(CLIPS / source))
            missing = KEYPOINTS / source / "missing.json"
            if missing.exists():
                write_json(folder / "missing.json", read_json(missing))
            else:
                folders[source] = folder
        frames = preprocess(POSES, KEYPOINTS, folders)
    return "clips  " + ", ".join(f"{source} {count:,} frames" for source, count in frames.items())


if __name__ == "__main__":
    run_stage(main)
