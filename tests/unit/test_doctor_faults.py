"""The doctor names each of ten planted faults, and finds nothing wrong where none is planted."""

import re
from collections.abc import Iterator

import pytest

from gsam.doctor.examining import examine
from gsam.doctor.findings import MISSING, OK, WRONG, Report
from tests.planted_faults import FAULTS, plant, write_twins

DATASETS = ("human36m", "threedhp", "threedpw", "coco")


@pytest.fixture(scope="module")
def looks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict[str, Report]]]:
    """What the doctor says of sound twins, then of the same with ten faults."""
    raw = tmp_path_factory.mktemp("raw")
    write_twins(raw)
    sound = {name: examine(name, raw / name) for name in DATASETS}
    plant(raw)
    yield {"sound": sound, "faulty": {name: examine(name, raw / name) for name in DATASETS}}


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_sound_twin_is_fine(looks: dict[str, dict[str, Report]], dataset: str) -> None:
    report = looks["sound"][dataset]
    assert report.exit_code == 0, report.text()
    assert OK in report.statuses() and not report.statuses() & {WRONG, MISSING}
    assert any(finding.what == "twin.json" for finding in report.findings)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_named(looks: dict[str, dict[str, Report]], fault: str) -> None:
    _, dataset, said = FAULTS[fault]
    report = looks["faulty"][dataset]
    assert report.exit_code == 1
    texts = [finding.text for finding in report.findings if finding.status == WRONG]
    assert any(re.search(said, text) for text in texts), report.text()


def test_one_fault_is_not_told_as_many(looks: dict[str, dict[str, Report]]) -> None:
    wrong = [
        finding
        for report in looks["faulty"].values()
        for finding in report.findings
        if finding.status == WRONG
    ]
    assert len(wrong) == len(FAULTS)
