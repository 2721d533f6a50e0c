"""Turn the checkpoint that params.yaml names into one of ours, strictly.

    python -m stages.import_checkpoint

Reads data/plan/import_checkpoint.json and the file that it names (`checkpoint` in params.yaml, in
raw.weights or elsewhere, in a folder or at s3://) with what lies beside it: PARE's settings, mean
parameters. Writes results/checkpoint/keys.txt, which says what became of every key, and
models/checkpoint/: checkpoint.safetensors and checkpoint.json. Keys that are left over or missing
end the stage with exit code 1 once the report is written. Where no checkpoint is named, both say
so.
"""

import glob
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gsam.checkpoints.beside import hints_beside, names_beside
from gsam.checkpoints.importing import Imported, import_checkpoint
from gsam.errors import ConfigError
from gsam.storage import atomic_directory, digest, write_json, write_text
from gsam.weights import save_network
from pipelines.object_store import is_remote
from pipelines.raw_fetch import local_folder
from stages.common import planned, run_stage
from stages.paths import CHECKPOINT_MODEL, CHECKPOINT_RESULTS
from stages.raw_weights import checked

NONE = "no checkpoint named"


def main(arguments: list[str]) -> str:
    """Import the checkpoint; returns the summary line."""
    if arguments:
        raise ConfigError(f"expected no argument; got {arguments}")
    location = planned("import_checkpoint")["checkpoint"]
    if location is None:
        write_text(CHECKPOINT_RESULTS / "keys.txt", f"{NONE}\n")
        with atomic_directory(CHECKPOINT_MODEL) as out:
            write_json(out / "checkpoint.json", {"status": NONE})
        return NONE
    with opened(location) as file:
        checked(file, location, "checkpoint")
        found = import_checkpoint(file, hints_beside(file))
        write_text(CHECKPOINT_RESULTS / "keys.txt", f"{file.name}: {found.text()}\n")
        print(found.report.table())
        found.demand_all(location)
        write_model(found, file)
    return f"{file.name}  {found.title()}  every key of {len(found.weights)} accounted for"


@contextmanager
def opened(location: str) -> Iterator[Path]:
    """The checkpoint on this machine's disk, with what is looked for beside it."""
    if not is_remote(location):
        yield Path(location)
        return
    folder, name = location.rsplit("/", 1)
    with local_folder(folder, *map(glob.escape, (name, *names_beside(name)))) as found:
        yield found / name


def write_model(found: Imported, file: Path) -> None:
    """Write the weights and the record of where they come from."""
    record: dict[str, Any] = {
        "status": "ok",
        "kind": found.kind,
        "checkpoint": file.name,
        "file_hash": digest(file),
        "config": found.config.as_dict(),
        "sources": found.sources,
        "left_out": len(found.left_out),
    }
    with atomic_directory(CHECKPOINT_MODEL) as out:
        path = out / "checkpoint.safetensors"
        save_network(path, found.weights, found.config, {"translated_from": file.name})
        write_json(out / "checkpoint.json", {**record, "weights_hash": digest(path)})


if __name__ == "__main__":
    run_stage(main)
