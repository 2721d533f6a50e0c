"""Table III: another benchmark's headline (the frame mean), its settings, and its own name."""

from pathlib import Path

import pytest
import yaml

from gsam.datasets.mpi_inf_3dhp.files import TESTS
from gsam.results.layout import grids
from gsam.results.model import Block, Row, Table
from tests.unit.results_fixtures import ROOT, Laboratory
from tests.unit.test_results import table_of

SETTINGS = sorted({test.setting for test in TESTS.values()})
NAME = "table3_mpi_inf_3dhp"


def table(root: Path, dataset: str) -> Table:
    lab = Laboratory(root, dataset, SETTINGS)
    lab.baselines("threedhp_gt", mean_pose=40.0, ridge=90.0)
    lab.run("threedhp_gsam_9", 100.0)
    lab.run("threedhp_gsam_1", 60.0)
    return table_of(lab, NAME)


def row_of(block: Block, run: str) -> Row:
    return next(row for row in block.rows if row.run == run)


def test_the_headline_is_the_frame_mean_and_the_other_average_has_its_name(tmp_path: Path) -> None:
    official, errors = table(tmp_path, "mpi_inf_3dhp_twin").blocks
    shown = [(column.header, column.average) for column in official.columns if not column.detail]
    assert shown == [
        ("PCK@150", "frame_mean"),
        ("AUC", "frame_mean"),
        ("MPJPE", "frame_mean"),
        ("PCK@150 over all 17 joints", "frame_mean"),
        ("AUC over all 17 joints", "frame_mean"),
        ("mean of the settings", "action_mean"),
    ]
    cells = row_of(errors, "threedhp_gsam_9").cells
    assert cells[0].measured is not None and cells[1].measured is not None
    # The fixture's frame means lie half a unit above its means of the groups.
    assert cells[0].measured.mean - cells[1].measured.mean == pytest.approx(0.5)
    assert cells[0].published == "76.3" and cells[1].published == ""


def test_settings_stand_in_columns_of_their_own(tmp_path: Path) -> None:
    filled = table(tmp_path, "mpi_inf_3dhp_twin")
    for block in filled.blocks:
        assert sorted(c.average for c in block.columns if c.detail) == SETTINGS
        details = [i for i, column in enumerate(block.columns) if column.detail]
        assert all(row_of(block, "threedhp_gsam_9").cells[i].measured for i in details)
    titles = [grid.title for grid in grids(filled)]
    assert "The official figures, PCK@150 per setting" in titles
    assert "Errors (mm), MPJPE per setting" in titles


def test_every_published_row_is_shown_and_higher_pck_beats_a_baseline(tmp_path: Path) -> None:
    filled = table(tmp_path, "mpi_inf_3dhp_twin")
    official = filled.blocks[0]
    assert {row.cells[0].published for row in official.rows} - {""} == {
        *("86.0", "83.6", "81.2", "87.9", "88.6", "89.1")
    }
    good, poor = (row_of(official, f"threedhp_gsam_{frames}") for frames in (9, 1))
    assert good.beats_baselines is True and poor.beats_baselines is False


@pytest.mark.parametrize(
    ("dataset", "shown", "comparable"),
    [
        ("mpi_inf_3dhp_twin", "twin of MPI-INF-3DHP", False),
        ("mpi_inf_3dhp", "MPI-INF-3DHP", True),
    ],
)
def test_a_twin_never_passes_for_the_original(
    tmp_path: Path, dataset: str, shown: str, comparable: bool
) -> None:
    filled = table(tmp_path, dataset)
    assert (filled.dataset, filled.published_on) == (shown, "MPI-INF-3DHP")
    assert filled.comparable is comparable


def test_the_groups_are_the_settings_that_test_takes_are_named_by() -> None:
    tables = yaml.safe_load((ROOT / "conf/tables.yaml").read_text())["tables"]
    groups = next(entry["groups"] for entry in tables if entry["name"] == NAME)
    assert sorted(groups.values()) == SETTINGS
