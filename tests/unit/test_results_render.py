"""What tables look like: aligned markdown, pictures with fixed bytes, labelled differences."""

import csv
import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsam.results.layout import Grid, Line, grids
from gsam.results.measured import Estimate
from gsam.results.model import Block, Cell, Column, Parameters, Row, Table
from gsam.results.protocols import shared_lines
from gsam.results.render_csv import to_csv
from gsam.results.render_markdown import grid_to_markdown, to_markdown
from gsam.results.render_png import to_png
from stages import tables as stage
from tests.unit.results_fixtures import Laboratory


def small_table(dataset: str = "twin", beats: bool | None = False) -> Table:
    columns = (
        Column("MPJPE", "mpjpe_mm", "action_mean", "mpjpe_mm"),
        Column("frame mean", "mpjpe_mm", "frame_mean", ""),
        Column("Dir.", "mpjpe_mm", "Directions", "Dir.", detail=True),
    )
    cells = (
        Cell("43.1", Estimate(45.26, 0.4, 3)),
        Cell("", Estimate(46.0, 0.1, 3)),
        Cell("45.0", Estimate(44.0, 0.0, 3)),
    )
    row = Row("Our", "run", "r_1", "imported", ("1",), cells, "measured", "", Parameters(), beats)
    return Table(
        name="table",
        number="I",
        title="Title",
        dataset=dataset,
        published_on="Human3.6M",
        describe=("SAM",),
        ticks=(True,),
        blocks=(Block("Block", columns, (row,)),),
        has_parameters=False,
        notes=("a note",),
    )


def test_markdown_labels_dataset_spread_seeds_and_mark() -> None:
    text = to_markdown(small_table())
    assert "measured on twin" in text
    assert "published on Human3.6M" in text
    assert "difference (twin, not Human3.6M)" in text
    assert re.search(r"\|\s+✓ \|\s+43\.1 \|\s+45\.3 ± 0\.4 ▼ \|\s+\+2\.2 \|", text)
    assert "n=3" in text


def test_a_difference_on_the_same_dataset_needs_no_label() -> None:
    text = to_markdown(small_table("Human3.6M", beats=True))
    assert "difference |" in text
    assert "not Human3.6M" not in text
    assert "▼" not in text


def test_per_action_figures_have_their_own_grid() -> None:
    summary, detail = grids(small_table())
    assert detail.headers == ("method", "figures", "Dir.")
    assert [line.cells for line in detail.lines] == [
        ("Our", "published", "45.0"),
        ("", "twin", "44.0"),
    ]
    assert "Dir." not in summary.headers


def test_csv_has_one_line_per_cell() -> None:
    lines = list(csv.DictReader(io.StringIO(to_csv(small_table()))))
    assert [line["average"] for line in lines] == ["action_mean", "frame_mean", "Directions"]
    first = lines[0]
    assert (first["published"], first["measured"]) == ("43.1", "45.260")
    assert (first["half_range"], first["seeds"], first["difference"]) == ("0.400", "3", "2.160")
    assert first["beats_baselines"] == "no"


def test_pictures_have_the_same_bytes_every_time() -> None:
    first, second = to_png(small_table()), to_png(small_table())
    assert first == second
    assert first.startswith(b"\x89PNG")
    assert b"Software" not in first
    assert to_png(small_table("bvh")) != first


@given(
    st.lists(
        st.tuples(*[st.text(st.characters(codec="ascii", exclude_characters="\r\n\\"))] * 2),
        max_size=4,
    )
)
def test_markdown_tables_are_aligned_whatever_they_hold(rows: list[tuple[str, str]]) -> None:
    grid = Grid("title", ("left", "right"), (True, False), tuple(Line(row) for row in rows))
    lines = grid_to_markdown(grid).split("\n")
    assert len(lines) == 2 + len(rows)
    assert len({len(line) for line in lines}) == 1
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 3 for line in lines)


def test_shared_conditions_are_said_once() -> None:
    lines = shared_lines(
        "P",
        [("a", {"root": "pelvis", "flip": True}), ("b", {"root": "pelvis", "flip": False})],
    )
    assert lines == ["P: root: pelvis", "P of a: flip: yes", "P of b: flip: no"]
    assert shared_lines("P", []) == []


def test_the_stage_writes_every_table_twice_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Laboratory(tmp_path)
    lab.baselines("imported")
    lab.run("gsam_cpn_81", 50.0)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stage, "to_png", lambda table: table.name.encode())
    summary = stage.main([])
    assert summary.startswith("10 tables  1 of 73 runs and networks measured  on twin")
    first = {path.name: path.read_bytes() for path in stage.OUT.iterdir()}
    stage.main([])
    assert first == {path.name: path.read_bytes() for path in stage.OUT.iterdir()}
    assert len(first) == 3 * 10 + 1
    assert b"table8_frames.md" in first["README.md"]
