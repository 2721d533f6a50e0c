"""Fetch the checkpoint that mesh regressors' backbones start from, out of the user's folder.

    python -m stages.backbone

Reads data/plan/backbone.json and the file that it names in raw.weights, in a folder or at s3://.
Writes data/backbone/: that file under its own name, or none.json where no backbone is named. Apart
from the trainings, so that a file added to the folder trains nothing again.
"""

import shutil

from gsam.errors import ConfigError
from gsam.storage import atomic_directory, write_json
from pipelines.raw_fetch import local_file
from stages.common import planned, run_stage
from stages.paths import BACKBONE
from stages.raw_weights import checked


def main(arguments: list[str]) -> str:
    """Copy the file; returns the summary line."""
    if arguments:
        raise ConfigError(f"expected no argument; got {arguments}")
    named = planned("backbone")["backbone"]
    with atomic_directory(BACKBONE) as out:
        if named is None:
            write_json(out / "none.json", {"backbone": None})
            return "no backbone named"
        with local_file(named) as file:
            checked(file, named, "mesh.backbone")
            shutil.copyfile(file, out / file.name)
            return f"{file.name}  {file.stat().st_size / 1e6:.1f} MB"


if __name__ == "__main__":
    run_stage(main)
