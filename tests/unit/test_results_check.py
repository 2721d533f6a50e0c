"""Wrong names in conf/tables.yaml and malformed files: one line that names them, and no table."""

from pathlib import Path

import pytest
import yaml

from gsam.errors import ConfigError, DataError
from gsam.results.check import parse_tables
from gsam.results.measured import read_runs
from gsam.results.published import read_published
from tests.unit.results_fixtures import ACTIONS, DETECTORS, MESHES, ROOT, RUNS, Laboratory

KNOWN = [*RUNS, *DETECTORS, *MESHES]


@pytest.mark.parametrize(
    ("written", "mistyped"),
    [
        ("run: gsam_cpn_81,", "run: gsam_cpn_18,"),
        ("metric: pa_mpjpe_mm", "metric: pa_mpjpe"),
        ('published: "Yang et al. [6]"', 'published: "Yang et al. [5]"'),
        ("published: table5_modules", "published: table5_module"),
        ("per_action: true", "per_actions: true"),
        ("column: position", "column: positions"),
    ],
)
def test_unknown_names_are_answered_with_the_nearest(written: str, mistyped: str) -> None:
    text = (ROOT / "conf/tables.yaml").read_text()
    assert written in text
    published = read_published(ROOT / "conf/published")
    key, value = written.split(": ", 1)
    name = key if key == "per_action" else value.strip('",')
    with pytest.raises(ConfigError) as caught:
        parse_tables(yaml.safe_load(text.replace(written, mistyped)), published, KNOWN)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_wrong_names_are_named_at_once() -> None:
    text = (ROOT / "conf/tables.yaml").read_text()
    text = text.replace("run: sam_after_mlp", "run: sam_afterwards").replace("pa_mpjpe_mm", "pa")
    with pytest.raises(ConfigError) as caught:
        parse_tables(yaml.safe_load(text), read_published(ROOT / "conf/published"), KNOWN)
    assert "sam_afterwards" in str(caught.value)
    assert "'pa'" in str(caught.value)


def test_a_published_row_cannot_be_left_out() -> None:
    content = yaml.safe_load((ROOT / "conf/tables.yaml").read_text())
    content["tables"][6]["blocks"][0]["rows"].pop()
    with pytest.raises(ConfigError, match="no row shows published module=TAM"):
        parse_tables(content, read_published(ROOT / "conf/published"), KNOWN)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('"dataset": "twin", ', "", "dataset"),
        ('"seeds": {', '"seed": {', "seeds"),
        ('"frame_mean": {"mpjpe_mm": ', '"frame_mean": {"mpjpe_mm": NaN, "was": ', "finite"),
        ("}", "", "JSON"),
    ],
)
def test_malformed_scores_name_file_and_field(
    tmp_path: Path, old: str, new: str, named: str
) -> None:
    laboratory = Laboratory(tmp_path)
    laboratory.run("gsam_cpn_81", 50.0)
    path = laboratory.root / "results/runs/gsam_cpn_81/scores.json"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(DataError, match=named) as caught:
        read_runs(laboratory.root / "results/runs")
    assert "gsam_cpn_81" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "named"),
    [("method,a\nOur,1,2\n", "line 2"), ("method,method\nOur,1\n", "twice"), ("x\n", "at least")],
)
def test_malformed_published_tables_are_refused(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "table1.csv").write_text(text)
    with pytest.raises(DataError, match=named):
        read_published(tmp_path)


def test_the_published_tables_are_the_shared_ones(shared: Path) -> None:
    source = shared / "papers/published"
    if not source.is_dir():
        pytest.skip("the papers' tables are not on this machine")
    for path in sorted(source.glob("*.csv")):
        assert (ROOT / "conf/published" / path.name).read_bytes() == path.read_bytes()


def test_the_benchmark_has_fifteen_actions() -> None:
    assert len(ACTIONS) == 15
