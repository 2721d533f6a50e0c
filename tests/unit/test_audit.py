"""The audit finds what the papers' tables contradict, and nothing where they agree."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gsam.errors import ConfigError, DataError
from gsam.results.architectures import COUNTS
from gsam.results.audit import Finding, audit_aligned, audit_averages, printed_number, roman
from gsam.results.audit_run import run_audit
from gsam.results.published import PublishedTable, half_unit, read_published
from gsam.results.render_audit import audit_to_csv, audit_to_markdown
from stages import audit as stage
from tests.unit.results_fixtures import ROOT

FIGURE = "mpjpe_mm"
PUBLISHED = ROOT / "conf/published"


def claims() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((PUBLISHED / "claims.yaml").read_text())
    return content


@pytest.fixture(scope="module")
def findings() -> list[Finding]:
    return run_audit(claims(), read_published(PUBLISHED), COUNTS)


def named(findings: list[Finding], check: str, *words: str) -> list[Finding]:
    texts = ((f, f"{f.where} {f.what} {f.how}") for f in findings if f.check == check)
    return [finding for finding, text in texts if all(word in text for word in words)]


@pytest.mark.parametrize(
    ("where", "printed", "expected"),
    [
        ("Table I, protocol 1, Our", "43.1", "48.60"),
        ("Table I, protocol 2, Yang et al. [6]", "39.0", "35.96"),
        ("Table II, protocol 1, Our", "31.0", "28.67"),
    ],
)
def test_averages_that_are_not_their_rows(
    findings: list[Finding], where: str, printed: str, expected: str
) -> None:
    (finding,) = named(findings, "average", where)
    assert (finding.printed, finding.expected) == (printed, expected)
    assert finding.verdict == "differs"


def test_both_protocols_of_every_row_are_looked_at(findings: list[Finding]) -> None:
    assert len(named(findings, "average", "Table I, protocol 1")) == 7
    assert len(named(findings, "average", "Table I, protocol 2")) == 6
    (chen,) = named(findings, "average", "Chen")
    assert chen.verdict == "not checked"


@pytest.mark.parametrize(
    ("where", "what", "printed", "expected", "verdict"),
    [
        ("Table VIII, SimplePose [4], 243", "", "12.75", "16.952", "differs"),
        ("Table VIII, SimplePose [4], 81", "", "12.70", "12.754", "differs"),
        ("Table VIII, PoseFormer [6], 81", "", "9.59", "9.603", "differs"),
        ("Table VIII, PoseFormer [6], 27", "", "9.60", "9.573", "differs"),
        ("Table IX, PoseFormer [6], 0.25", "", "9.60", "9.603", "agrees"),
        ("Table VIII, Our, 81", "millions, depthwise", "9.86", "9.626", "differs"),
        ("Table VIII, Our, 9", "millions, grouped", "9.85", "9.836", "differs"),
    ],
)
def test_parameter_counts_against_the_architecture(
    findings: list[Finding], where: str, what: str, printed: str, expected: str, verdict: str
) -> None:
    found = named(findings, "parameters", where, what)
    assert (found[0].printed, found[0].expected) == (printed, expected)
    assert found[0].verdict == verdict


def test_a_count_that_belongs_to_another_row_is_recognised(findings: list[Finding]) -> None:
    (finding,) = named(findings, "parameters", "SimplePose [4], 243")
    assert finding.how.endswith("the printed figure is that of name videopose3d, frames 81")


def test_detector_counts_are_near_the_printed_ones(findings: list[Finding]) -> None:
    found = named(findings, "parameters", "Table VI,")
    assert len(found) == 9
    for finding in found:
        assert abs(float(finding.printed) - float(finding.expected)) < 0.01 * float(finding.printed)
        assert "no sizes of its attention module" in finding.how
    plain = next(finding for finding in found if "none" in finding.where)
    assert plain.expected == "28.536" and plain.verdict == "agrees"


@pytest.mark.parametrize(
    ("check", "words", "printed", "expected", "verdict"),
    [
        ("cross-table", ("SAM, after_msa",), "43.7", "44.10", "differs"),
        ("cross-table", ("Table I and Table IX",), "43.1", "43.10", "agrees"),
        ("text", ("28.3% MPJPE", "Table II "), "28.3", "31.00", "differs"),
        ("text", ("28.3% MPJPE", "Table IV "), "28.3", "28.60", "differs"),
        ("text", ("second-best",), "31.0", "32.00", "differs"),
        ("text", ("gain of 3%",), "3", "3.12", "agrees"),
        ("text", ("decreases by 3.2%",), "3.2", "4.74", "differs"),
        ("text", ("reduced MPJPE",), "falls", "44.3, 44.6", "differs"),
        ("text", ("all the actions (ground",), "lower in all 15", "lower in 14 of 15", "differs"),
        ("text", ("Table X shows",), "Table X", "Table IX", "differs"),
        ("text", ("for TAM",), "44.9", "lowest: 44.9 (module=TAM, position=after_msa)", "agrees"),
        ("alignment", ("mesh validation, PARE (2021)",), "93.9", "at most 93.4", "differs"),
        ("alignment", ("self-attention (ours)",), "81.5", "at most 138.5", "agrees"),
        ("alignment", ("Table I, Yang et al. [6], WalkT.",), "33.2", "at most 32.2", "differs"),
        ("ranking", ("Table I, protocol 1",), "Our (43.1)", "Yang et al. [6] (44.2)", "differs"),
    ],
)
def test_claims(
    findings: list[Finding],
    check: str,
    words: tuple[str, ...],
    printed: str,
    expected: str,
    verdict: str,
) -> None:
    (finding,) = named(findings, check, *words)
    assert (finding.printed, finding.expected, finding.verdict) == (printed, expected, verdict)


def test_repeated_figures(findings: list[Finding]) -> None:
    (finding,) = named(findings, "repeated")
    assert finding.where.count("Zhen") == 2
    assert finding.printed == "7 equal figures"


def test_every_finding_says_how(findings: list[Finding]) -> None:
    assert all(finding.where and finding.what and finding.how for finding in findings)
    lines = list(csv.DictReader(io.StringIO(audit_to_csv(findings))))
    assert len(lines) == len(findings)


def test_markdown_lists_only_what_differs(findings: list[Finding]) -> None:
    text = audit_to_markdown(findings)
    assert "Table I, protocol 1, Our" in text
    assert "Table I, protocol 1, Martinez" not in text


def rows_table(actions: list[str], average: str) -> PublishedTable:
    columns = ("protocol", "method", *(f"a{i}" for i in range(len(actions))), "Avg.")
    row: Mapping[str, str] = dict(zip(columns, ("1", "Our", *actions, average), strict=True))
    return PublishedTable("table1_x", columns, (row,))


@given(st.lists(st.floats(1, 150), min_size=2, max_size=20))
def test_rounding_alone_is_never_reported(errors: list[float]) -> None:
    actions = [f"{error:.1f}" for error in errors]
    average = f"{sum(errors) / len(errors):.1f}"
    found = list(audit_averages(rows_table(actions, average), "Avg.", "protocol"))
    assert found[0].verdict == "agrees"


@given(st.lists(st.floats(1, 150), min_size=2, max_size=20), st.floats(0.21, 50))
def test_more_than_rounding_is_always_reported(errors: list[float], shift: float) -> None:
    actions = [f"{error:.1f}" for error in errors]
    average = f"{sum(errors) / len(errors) + shift:.1f}"
    found = list(audit_averages(rows_table(actions, average), "Avg.", "protocol"))
    assert found[0].verdict == "differs"


def test_an_aligned_error_may_be_as_large_as_the_other() -> None:
    row = {"method": "Our", "before": "50.0", "after": "50.1"}
    table = PublishedTable("t", ("method", "before", "after"), (row,))
    (finding,) = audit_aligned(table, "before", "after")
    assert finding.verdict == "agrees"


def test_table_numbers() -> None:
    assert [roman(n) for n in (1, 4, 9, 10, 14)] == ["I", "IV", "IX", "X", "XIV"]
    assert printed_number("table9_learning_rate") == "IX"
    assert printed_number("mesh_validation") == ""
    assert float(half_unit("3.20")) == 0.005
    assert float(half_unit("37")) == 0.5


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ({"check": "sames"}, "expected one of"),
        ({"check": "same"}, "same needs against; .*same needs cell"),
        ({"check": "value", "state": "3"}, "unknown key 'state'"),
    ],
)
def test_wrong_claims_are_configuration_errors(claim: dict[str, Any], message: str) -> None:
    content = {**claims(), "claims": [{"where": "here", "quote": "q", **claim}]}
    with pytest.raises(ConfigError, match=message):
        run_audit(content, read_published(PUBLISHED), COUNTS)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ({"table": "table7", "select": {}, "column": "x"}, "no published table 'table7'"),
        ({"table": "table7_positions", "select": {"module": "SAM"}, "column": FIGURE}, "3 rows"),
        ({"table": "table7_positions", "select": {"modul": "SAM"}, "column": FIGURE}, "'module'"),
    ],
)
def test_claims_about_cells_that_do_not_exist(cell: dict[str, Any], message: str) -> None:
    claim = {"where": "here", "quote": "q", "check": "lowest", "cell": cell}
    with pytest.raises(DataError, match=message):
        run_audit({**claims(), "claims": [claim]}, read_published(PUBLISHED), COUNTS)


def test_the_stage_writes_both_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stage, "PUBLISHED", PUBLISHED)
    monkeypatch.setattr(stage, "CLAIMS", PUBLISHED / "claims.yaml")
    assert "differ" in stage.main([])
    assert {path.name for path in stage.OUT.iterdir()} == {"audit.csv", "audit.md"}
