"""Set every measured figure beside the published one.

    python -m stages.tables

Reads conf/tables.yaml, conf/published/, data/plan/{runs,detectors,meshes}/ and the scores.json of
runs, detectors, mesh regressors and baselines under results/. Writes results/tables/: per table a
tidy CSV, a markdown page and a picture, and README.md that lists them. A run without scores is
shown as "not run".
"""

from pathlib import Path
from typing import Any

from gsam.errors import ConfigError
from gsam.results.architectures import COUNTS
from gsam.results.cells import Evidence, assemble
from gsam.results.check import parse_tables
from gsam.results.measured import (
    read_baselines,
    read_missing,
    read_networks,
    read_runs,
    split_baselines,
)
from gsam.results.model import Table
from gsam.results.published import read_published
from gsam.results.render_csv import to_csv
from gsam.results.render_markdown import index_to_markdown, to_markdown
from gsam.results.render_png import to_png
from gsam.storage import atomic_directory, read_json, write_text
from stages.common import PLAN, run_stage
from stages.params import read_yaml
from stages.paths import BASELINES, DETECTORS, MESHES, RUNS

CONF = Path("conf/tables.yaml")
PUBLISHED = Path("conf/published")
OUT = Path("results/tables")


def main(arguments: list[str]) -> str:
    """Write every table; returns the summary line."""
    if arguments:
        raise ConfigError(f"expected no arguments, got {arguments}")
    kinds = ("runs", "detectors", "meshes")
    plans = {name: plan for kind in kinds for name, plan in read_plans(PLAN / kind).items()}
    meshes, mesh_baselines = split_baselines(read_networks(MESHES))
    published = read_published(PUBLISHED)
    spec = parse_tables(read_yaml(CONF), published, plans)
    evidence = Evidence(
        published=published,
        runs=read_runs(RUNS) | read_networks(DETECTORS) | meshes,
        missing={
            name: reason
            for folder in (BASELINES, RUNS, DETECTORS, MESHES)
            for name, reason in read_missing(folder).items()
        },
        baselines=read_baselines(BASELINES) | mesh_baselines,
        plans=plans,
        counts=COUNTS,
    )
    tables = [assemble(spec, table, evidence) for table in spec.table_specs()]
    write(tables, OUT)
    datasets = sorted({table.dataset for table in tables if table.dataset})
    measured = len(set(evidence.runs) & set(plans))
    return (
        f"{len(tables)} tables  {measured} of {len(plans)} runs and networks measured"
        f"  on {', '.join(datasets) or 'nothing yet'}  -> {OUT}"
    )


def read_plans(folder: Path) -> dict[str, dict[str, Any]]:
    """The resolved runs by name; raises ConfigError when the plan has not been made."""
    plans = {path.stem: read_json(path) for path in sorted(folder.glob("*.json"))}
    if not plans:
        raise ConfigError(f"{folder}: no resolved runs, expected the output of the plan stage")
    return plans


def write(tables: list[Table], folder: Path) -> None:
    """Write the files of all tables and their index, replacing what was there."""
    with atomic_directory(folder) as out:
        for table in tables:
            write_text(out / f"{table.name}.csv", to_csv(table))
            write_text(out / f"{table.name}.md", to_markdown(table))
            (out / f"{table.name}.png").write_bytes(to_png(table))
        write_text(out / "README.md", index_to_markdown(tables))


if __name__ == "__main__":
    run_stage(main)
