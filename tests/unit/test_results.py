"""Tables: the right figure in the right cell, and no figure where nothing was measured."""

import csv
import io
from pathlib import Path

import pytest
import yaml

from gsam.errors import DataError
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
from gsam.results.model import Row, Table
from gsam.results.published import read_published
from gsam.results.render_csv import to_csv
from stages.tables import read_plans
from tests.unit.results_fixtures import DETECTORS, MESHES, RUNS, Laboratory


@pytest.fixture
def laboratory(tmp_path: Path) -> Laboratory:
    lab = Laboratory(tmp_path)
    lab.baselines("imported")
    lab.baselines("gt")
    return lab


def table_of(lab: Laboratory, name: str) -> Table:
    published = read_published(lab.root / "conf/published")
    folders = [lab.root / "data/plan" / kind for kind in ("runs", "detectors", "meshes")]
    plans = {name: plan for folder in folders for name, plan in read_plans(folder).items()}
    content = yaml.safe_load((lab.root / "conf/tables.yaml").read_text())
    spec = parse_tables(content, published, plans)
    baselines, detectors = lab.root / "results/baselines", lab.root / "results/detectors"
    meshes, means = split_baselines(read_networks(lab.root / "results/meshes"))
    evidence = Evidence(
        published=published,
        runs=read_runs(lab.root / "results/runs") | read_networks(detectors) | meshes,
        missing=read_missing(baselines)
        | read_missing(detectors)
        | read_missing(lab.root / "results/meshes"),
        baselines=read_baselines(baselines) | means,
        plans=plans,
        counts=COUNTS,
    )
    return assemble(spec, next(t for t in spec.table_specs() if t.name == name), evidence)


def row_of(table: Table, run: str, block: int = 0) -> Row:
    return next(row for row in table.blocks[block].rows if row.run == run)


def test_a_measured_figure_stands_beside_the_published_one(laboratory: Laboratory) -> None:
    laboratory.run("gsam_cpn_81", 50.0)
    table = table_of(laboratory, "table1_human36m_cpn")
    scores = read_runs(laboratory.root / "results/runs")["gsam_cpn_81"]
    for block, metric, printed in ((0, "mpjpe_mm", "43.1"), (1, "pa_mpjpe_mm", "38.3")):
        average = row_of(table, "gsam_cpn_81", block).cells[0]
        expected = scores.estimate(metric, "action_mean")
        assert average.published == printed
        assert average.measured == expected
        assert expected is not None
        assert average.difference == pytest.approx(expected.mean - float(printed))


def test_every_action_goes_under_its_own_heading(laboratory: Laboratory) -> None:
    laboratory.run("gsam_cpn_81", 50.0)
    table = table_of(laboratory, "table1_human36m_cpn")
    columns = table.blocks[0].columns
    seed = read_runs(laboratory.root / "results/runs")["gsam_cpn_81"].seeds["0"]
    cells = dict(zip((c.header for c in columns), row_of(table, "gsam_cpn_81").cells, strict=True))
    for header, action in (("Punch", "Purchases"), ("Sit", "Sitting"), ("SitD.", "SittingDown")):
        measured = cells[header].measured
        assert measured is not None
        assert measured.mean == seed.per_action[action]["mpjpe_mm"]
    assert cells["SitD."].published == "60.2"


def test_what_has_not_run_has_no_figure(laboratory: Laboratory) -> None:
    table = table_of(laboratory, "table8_frames")
    for name in ("videopose3d_cpn_243", "gsam_cpn_9"):
        row = row_of(table, name)
        assert (row.state, row.remark) == ("not run", "not run")
        assert row.cells[0].measured is None
        assert row.cells[0].difference is None
    assert row_of(table, "gsam_cpn_81").cells[0].published == "43.3"


def test_a_method_printed_under_one_protocol_only(laboratory: Laboratory) -> None:
    table = table_of(laboratory, "table1_human36m_cpn")
    first = row_of(table, "videopose3d_cpn_243", 0)
    assert first.cells[0].published == ""
    assert "not printed under this heading" in first.remark
    assert row_of(table, "videopose3d_cpn_243", 1).cells[0].published == "36.5"
    assert "Zhen" not in [row.label for row in table.blocks[1].rows]


def test_seeds_give_a_mean_and_half_of_their_range(laboratory: Laboratory) -> None:
    laboratory.run("gsam_cpn_81", 50.0, seeds=3)
    estimate = row_of(table_of(laboratory, "table8_frames"), "gsam_cpn_81").cells[0].measured
    assert estimate is not None
    assert (estimate.seeds, estimate.half_range) == (3, pytest.approx(1.0))


def test_a_diverged_run_is_marked_with_its_epoch_and_enters_no_mean(laboratory: Laboratory) -> None:
    laboratory.run("lr_adam_gsam_025", 50.0, diverged={0: 3})
    laboratory.run("lr_adam_gsam_010", 50.0, seeds=3, diverged={1: 2})
    table = table_of(laboratory, "table9_learning_rate")
    alone = row_of(table, "lr_adam_gsam_025")
    assert alone.state == "diverged"
    assert alone.remark.startswith("diverged at epoch 3")
    assert alone.cells[0].measured is None
    assert alone.beats_baselines is False
    some = row_of(table, "lr_adam_gsam_010")
    assert "1 of 3 seeds diverged (seed 1 at epoch 2)" in some.remark
    estimate = some.cells[0].measured
    assert estimate is not None
    assert (estimate.seeds, estimate.half_range) == (2, pytest.approx(1.0))


@pytest.mark.parametrize(
    ("level", "beats", "remark"),
    [
        (50.0, True, ""),
        (70.0, False, "does not beat ridge regression"),
        (200.0, False, "does not beat the mean pose nor ridge regression"),
    ],
)
def test_rows_that_do_not_beat_the_baselines_say_so(
    laboratory: Laboratory, level: float, beats: bool, remark: str
) -> None:
    laboratory.run("martinez_cpn", level)
    row = row_of(table_of(laboratory, "table1_human36m_cpn"), "martinez_cpn")
    assert row.beats_baselines is beats
    assert row.remark.removeprefix("; ") == remark


def test_baselines_of_other_clips_judge_nothing(laboratory: Laboratory) -> None:
    laboratory.run("martinez_cpn", 200.0)
    path = laboratory.root / "results/baselines/imported/scores.json"
    path.write_text(path.read_text().replace('"data_hash": "d"', '"data_hash": "older"'))
    row = row_of(table_of(laboratory, "table1_human36m_cpn"), "martinez_cpn")
    assert row.beats_baselines is None


def test_main_stands_where_its_keypoints_are(laboratory: Laboratory) -> None:
    laboratory.run("main", 50.0)
    labels = {
        name: [row.run for row in table_of(laboratory, name).blocks[0].rows]
        for name in ("table1_human36m_cpn", "table2_human36m_gt")
    }
    assert "main" in labels["table1_human36m_cpn"]
    assert "main" not in labels["table2_human36m_gt"]


def test_the_three_readings_of_table_nine_use_their_own_runs(laboratory: Laboratory) -> None:
    blocks = table_of(laboratory, "table9_learning_rate").blocks
    runs = [[row.run for row in block.rows if row.kind == "run"] for block in blocks]
    assert [len(names) for names in runs] == [8, 8, 8]
    assert all(name.startswith("lr_adam_") for name in runs[0])
    assert all(name.startswith("lr_sgd_") for name in runs[1])
    reused = {"videopose3d_cpn_81", "poseformer_cpn_81", "gsam_cpn_81"}
    assert {name for name in runs[2] if not name.startswith("dropout_")} == reused


def test_both_parameter_counts_stand_beside_the_published_one(laboratory: Laboratory) -> None:
    plan = {
        "name": "gsam_cpn_9",
        "keypoints": "imported",
        "full_lifter": {"name": "gsam", "frames": 9},
    }
    small = {"name": "gsam", "frames": 9, "width": 16, "depth": 2, "heads": 4}
    laboratory.write("data/plan/runs/gsam_cpn_9.json", plan | {"lifter": small})
    table = table_of(laboratory, "table8_frames")
    parameters = row_of(table, "gsam_cpn_9").parameters
    assert (parameters.published, parameters.full) == ("9.85", 9_587_197)
    assert parameters.trained is not None
    assert parameters.trained < parameters.full
    grouped = [row for row in table.blocks[0].rows if row.label == "GSAM, grouped"]
    assert [row.parameters.full for row in grouped] == [9_835_773, 9_845_583, 9_875_013]


def test_motion_capture_brings_its_own_actions(tmp_path: Path) -> None:
    lab = Laboratory(tmp_path, "bvh", ["bow", "kick"])
    lab.run("gsam_gt_81", 50.0)
    table = table_of(lab, "table2_human36m_gt")
    detail = [column.header for column in table.blocks[0].columns if column.detail]
    assert detail == ["bow", "kick"]
    assert all(not c.published for c in table.blocks[0].columns if c.detail)
    assert any("no published counterpart" in note for note in table.notes)
    assert row_of(table, "gsam_gt_81").cells[0].published == "31.0"


def test_differences_between_datasets_are_not_comparable(laboratory: Laboratory) -> None:
    laboratory.run("gsam_cpn_81", 50.0)
    lines = list(csv.DictReader(io.StringIO(to_csv(table_of(laboratory, "table8_frames")))))
    line = next(x for x in lines if x["run"] == "gsam_cpn_81" and x["average"] == "action_mean")
    assert (line["measured_on"], line["published_on"]) == ("twin", "Human3.6M")
    assert line["comparable"] == "no"


def test_the_real_dataset_is_comparable(tmp_path: Path) -> None:
    lab = Laboratory(tmp_path, "human36m")
    lab.run("gsam_cpn_81", 50.0)
    table = table_of(lab, "table8_frames")
    assert table.dataset == "Human3.6M"
    assert table.comparable


def test_figures_of_two_datasets_do_not_share_a_table(laboratory: Laboratory) -> None:
    laboratory.run("gsam_cpn_81", 50.0)
    laboratory.dataset = "bvh"
    laboratory.run("gsam_cpn_9", 50.0)
    with pytest.raises(DataError, match="mixes datasets"):
        table_of(laboratory, "table8_frames")


def test_missing_detections_are_explained(laboratory: Laboratory) -> None:
    content = {"keypoints": "imported", "status": "missing", "reason": "no CPN file in data/raw"}
    laboratory.write("results/baselines/imported/scores.json", content)
    notes = table_of(laboratory, "table8_frames").notes
    assert "No imported keypoints: no CPN file in data/raw" in notes


def test_every_run_of_the_repository_fills_some_cell(laboratory: Laboratory) -> None:
    names = [
        "table1_human36m_cpn",
        "table2_human36m_gt",
        "table3_mpi_inf_3dhp",
        "table4_detectors",
        "table5_modules",
        "table6_hrnet_attention",
        "table7_positions",
        "table8_frames",
        "table9_learning_rate",
        "mesh_validation",
    ]
    used = {
        row.run
        for name in names
        for block in table_of(laboratory, name).blocks
        for row in block.rows
    }
    assert set(RUNS) | set(MESHES) | (set(DETECTORS) - {"mpii_hrnet"}) <= used


def test_a_detector_stands_beside_its_published_figures_and_parameters(
    laboratory: Laboratory,
) -> None:
    laboratory.detector("coco_sub1", 41.5)
    table = table_of(laboratory, "table6_hrnet_attention")
    row = row_of(table, "coco_sub1")
    assert (table.dataset, table.published_on) == ("twin of COCO", "COCO") and not table.comparable
    assert row.cells[0].published == "75.4" and row.cells[0].measured is not None
    assert row.cells[0].measured.mean == 41.5
    assert row.parameters.published == "31.1"
    assert row.parameters.full is not None and 30.9e6 < row.parameters.full < 31.3e6
    assert not any(row.kind == "baseline" for row in table.blocks[0].rows)
    assert not any("frame mean" in note for note in table.notes)


def test_a_detector_without_pictures_says_why(laboratory: Laboratory) -> None:
    laboratory.detector("coco_sub1", 0.0, status="missing")
    row = row_of(table_of(laboratory, "table6_hrnet_attention"), "coco_sub1")
    assert (row.state, row.remark) == ("not measured", "not measured: no pictures")
    assert row.cells[0].measured is None


def test_mesh_regressors_stand_beside_the_papers_and_above_their_baseline(
    laboratory: Laboratory,
) -> None:
    laboratory.mesh("pare_attention", 90.0)
    laboratory.mesh("pare", 120.0)
    laboratory.mesh("mean_parameters", 100.0)
    table = table_of(laboratory, "mesh_validation")
    assert (table.dataset, table.published_on) == ("twin of 3DPW", "3DPW") and not table.comparable
    ours, vanilla = row_of(table, "pare_attention"), row_of(table, "pare")
    assert [cell.published for cell in ours.cells] == ["138.5", "81.5", ""]
    assert ours.beats_baselines is True and ours.cells[0].measured is not None
    assert vanilla.beats_baselines is False
    assert "does not beat the mean parameters" in vanilla.remark
    assert ours.remark == ""
    laboratory.mesh("mean_parameters", 100.0, pa_mpjpe=80.0)
    ours = row_of(table_of(laboratory, "mesh_validation"), "pare_attention")
    assert (
        ours.beats_baselines is True and "not better than the baseline in PA-MPJPE" in ours.remark
    )
    for block in table.blocks:
        last = block.rows[-1]
        assert last.kind == "baseline" and last.label == "mean parameters of training (threedpw)"
        assert last.cells[0].measured is not None and last.cells[0].measured.mean == 100.0
    assert row_of(table, "hmr").state == "not run"
    assert not any("frame mean" in note for note in table.notes)


def test_a_mesh_regressor_without_3dpw_says_why(laboratory: Laboratory) -> None:
    laboratory.mesh("pare", 0.0, status="missing")
    row = row_of(table_of(laboratory, "mesh_validation"), "pare")
    assert (row.state, row.remark) == ("not measured", "not measured: no 3DPW")


def test_lifters_and_their_detectors_share_table_four(laboratory: Laboratory) -> None:
    laboratory.run("gsam_on_hrnet", 60.0)
    laboratory.detector("hrnet", 5.0)
    table = table_of(laboratory, "table4_detectors")
    lifting, detectors = table.blocks
    assert next(r for r in lifting.rows if r.run == "gsam_on_hrnet").cells[0].published == "45.1"
    row = next(r for r in detectors.rows if r.run == "hrnet")
    assert [cell.measured.mean for cell in row.cells if cell.measured] == [5.0] * 4
    assert table.dataset == "twin"
