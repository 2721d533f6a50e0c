"""Rows side by side: what starts when, what a failure takes along, what DVC's output becomes."""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from cluster import repro
from cluster import slots as machine
from cluster.dvc_run import exit_code
from cluster.graph import Graph, Stage
from cluster.lockfile import held
from cluster.rows import Rows
from cluster.transcript import Outcome, Transcript
from gsam.errors import ConfigError

GRAPH = {
    "plan": ([], []),
    "train@a": (["plan/a.json"], ["plan"]),
    "eval@a": (["m/a"], ["train@a"]),
    "train@b": (["plan/b.json"], ["plan"]),
    "eval@b": (["m/b"], ["train@b"]),
    "tables": (["e"], ["eval@a", "eval@b"]),
    "audit": (["conf"], []),
}
OUTS = {"plan": "plan", "train@a": "m/a", "eval@a": "e/a", "train@b": "m/b", "eval@b": "e/b"}


def graph_of(*stale: str) -> Graph:
    stages = {n: Stage(tuple(deps), frozenset(parents)) for n, (deps, parents) in GRAPH.items()}
    return Graph(stages, frozenset(stale))


class FakeDVC:
    """Writes dvc.lock as DVC does, and what DVC prints; some stages fail, some change nothing."""

    def __init__(self, bad: Mapping[str, int] = {}, same: Sequence[str] = (), meet: int = 1):
        self.stopping = False
        self.calls: list[list[str]] = []
        self.environments: list[Mapping[str, str]] = []
        self._bad, self._same = bad, same
        self._meet = threading.Barrier(meet)

    def run(
        self, arguments: Sequence[str], env: Mapping[str, str], hear: Callable[[str], None]
    ) -> int:
        stages = [name for name in arguments if name in GRAPH]
        assert list(arguments[:3]) == ["--wait-for-lock", "repro", "--single-item"]
        self.calls.append(stages)
        self.environments.append(env)
        if stages[0].startswith("train"):
            self._meet.wait(10)
        for stage in stages:
            hear(f"Running stage '{stage}':")
            hear(f"> python -m {stage}")
            if stage in self._bad:
                hear(f"{stage}: no such thing")
                code = self._bad[stage]
                hear(f"ERROR: failed to reproduce '{stage}': failed to run: x, exited with {code}")
                return code
            self._record(stage)
            hear(f"{stage}  done  (0.1 s)")
            hear("Updating lock file 'dvc.lock'")
        return 0

    def _record(self, stage: str) -> None:
        path = Path("dvc.lock")
        with held():
            content = yaml.safe_load(path.read_text()) if path.exists() else None
            content = content or {"schema": "2.0", "stages": {}}
            md5 = "same" if stage in self._same else f"{len(self.calls)}"
            outs = [{"path": OUTS[stage], "md5": md5}] if stage in OUTS else []
            content["stages"][stage] = {"cmd": "x", "outs": outs}
            path.write_text(yaml.safe_dump(content, sort_keys=False))


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(dvc: FakeDVC, *stale: str, jobs: int = 2) -> dict[str, str]:
    slots = [{"SLOT": str(slot)} for slot in range(jobs)]
    outcomes = Rows(graph_of(*stale), dvc, []).run(slots)
    assert len({outcome.stage for outcome in outcomes}) == len(outcomes)
    return {outcome.stage: outcome.result for outcome in outcomes}


def lock_order() -> list[str]:
    return list(yaml.safe_load(Path("dvc.lock").read_text())["stages"])


def test_rows_run_at_once_and_the_lock_file_has_the_order_of_one_dvc(capsys) -> None:
    dvc = FakeDVC(meet=2)  # a training waits until the other runs too
    assert run(dvc, *GRAPH) == dict.fromkeys(GRAPH, "ran")
    assert ["train@a", "eval@a"] in dvc.calls and ["train@b", "eval@b"] in dvc.calls
    assert lock_order() == list(GRAPH)
    assert {env["SLOT"] for env in dvc.environments} == {"0", "1"}
    assert "train@b  done  (0.1 s)\n" in capsys.readouterr().out


def test_a_failure_takes_along_only_what_depends_on_it(capsys) -> None:
    ended = run(FakeDVC(bad={"train@a": 3}), *GRAPH)
    assert ended == {
        **dict.fromkeys(["plan", "audit", "train@b", "eval@b"], "ran"),
        **{"train@a": "failed", "eval@a": "skipped", "tables": "skipped"},
    }
    assert capsys.readouterr().out.count("no such thing") == 1


def test_a_failure_behind_the_first_of_a_chain_keeps_the_first() -> None:
    ended = run(FakeDVC(bad={"eval@a": 1}), *GRAPH)
    assert ended["train@a"] == "ran" and ended["eval@a"] == "failed"
    assert "train@a" in lock_order() and "eval@a" not in lock_order()


def test_what_changed_nothing_runs_nothing_behind_it() -> None:
    same = {"plan": {"cmd": "x", "outs": [{"path": "plan", "md5": "same"}]}}
    Path("dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": same}))
    dvc = FakeDVC(same=["plan"])
    assert run(dvc, "plan") == {"plan": "ran"}
    assert dvc.calls == [["plan"]]


def test_dvc_is_asked_only_where_something_inside_an_out_may_have_changed(monkeypatch) -> None:
    asked = []

    def stale_among(names: set[str]) -> set[str]:
        asked.append(set(names))
        return {"train@b"}

    monkeypatch.setattr("cluster.rows.stale_among", stale_among)
    assert run(FakeDVC(), "plan") == dict.fromkeys(["plan", "train@b", "eval@b", "tables"], "ran")
    assert asked == [{"train@a", "train@b"}]


def test_nothing_starts_once_a_user_stops_it() -> None:
    dvc = FakeDVC()
    dvc.stopping = True
    assert set(run(dvc, *GRAPH).values()) == {"skipped"} and dvc.calls == []


def test_reading_a_folder_a_file_and_something_inside() -> None:
    stage = Stage(("results/runs", "plan/a.json"), frozenset())
    assert stage.reads(["results/runs/main/x"]) is True
    assert stage.reads(["plan/a.json"]) is True
    assert stage.reads(["plan"]) is None
    assert stage.reads(["results/runs2", "plan/a"]) is False
    assert stage.reads(["plan", "results/runs/x"]) is True


def hear(lines: str, stages: Sequence[str], code: int) -> list[Outcome]:
    transcript = Transcript(stages)
    for line in lines.splitlines():
        transcript.hear(line)
    return transcript.end(code)


def test_what_dvc_says_becomes_outcomes(capsys) -> None:
    said = """Stage 'a' is cached - skipping run, checking out outputs
Updating lock file 'dvc.lock'

Stage 'b' didn't change, skipping
Running stage 'c':
> python -m c
a warning of c
Use `dvc push` to send your updates to remote storage."""
    outcomes = hear(said, "abc", 0)
    assert [(o.stage, o.result) for o in outcomes] == [
        ("a", "reused"), ("b", "up to date"), ("c", "ran"),
    ]  # fmt: skip
    assert capsys.readouterr().out == "c: a warning of c\n"


def test_an_error_of_dvc_itself_is_shown_with_its_stage(capsys) -> None:
    (outcome,) = hear("\nERROR: failed to reproduce 'a': missing data 'source': x", "a", 1)
    assert (outcome.result, outcome.code) == ("failed", 1)
    assert "missing data" in capsys.readouterr().out
    (outcome,) = hear("ERROR: failed to reproduce 'a': failed to run: x, exited with -9", "a", 1)
    assert "exited with -9" in capsys.readouterr().out
    (outcome,) = hear("ERROR: configuration error - x", "ab", 2)
    assert (outcome.stage, outcome.result, outcome.code) == ("a", "failed", 2)


def test_a_stage_that_was_told_to_end_has_not_failed() -> None:
    (outcome,) = hear("Running stage 'a':\n> a\nERROR: interrupted by the user", "ab", 130)
    assert outcome.result == "stopped"


@pytest.mark.parametrize(("ended", "code"), [(1, 1), (2, 2), (3, 3), (-9, 1), (77, 1)])
def test_the_exit_code_is_the_stages(ended: int, code: int) -> None:
    try:
        try:
            raise RuntimeError(f"failed to run: python -m x, exited with {ended}")
        except RuntimeError as cause:
            raise ValueError("failed to reproduce 'x'") from cause
    except ValueError as error:
        assert exit_code(error) == code
    assert exit_code(ValueError("missing data")) is None


def test_gpus_are_shared_out_and_cores_given_up_by_who_waits(monkeypatch) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,7")
    with machine.slots(2, workers=0) as found:
        assert [slot["CUDA_VISIBLE_DEVICES"] for slot in found] == ["4,7", "5"]
        assert {slot["OMP_WAIT_POLICY"] for slot in found} == {"PASSIVE"}
        assert not any("OMP_NUM_THREADS" in slot for slot in found)  # other bits than alone
    with machine.slots(4, workers=0) as found:
        assert [slot["CUDA_VISIBLE_DEVICES"] for slot in found] == ["4", "5", "7", "4"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    with machine.slots(16, workers=0) as found:
        assert found == [{"OMP_WAIT_POLICY": "ACTIVE"}] * 16
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    with machine.slots(3, workers=2) as found:
        assert found == [{"OMP_WAIT_POLICY": "ACTIVE"}] * 3


def test_rows_never_outnumber_the_gpus_that_their_workers_need(monkeypatch) -> None:
    asked = []

    @contextmanager
    def shared(jobs: int, workers: int):
        asked.append((jobs, workers))
        yield "127.0.0.1:6379"

    monkeypatch.setattr(machine, "_shared_ray", shared)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    with machine.slots(4, workers=2) as found:
        assert [slot["RAY_ADDRESS"] for slot in found] == ["127.0.0.1:6379"] * 2
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with machine.slots(4, workers=2) as found:
        assert len(found) == 4
    assert asked == [(2, 2), (4, 2)]


def test_a_table_of_locks_that_is_being_written_is_read_again(monkeypatch) -> None:
    found = [ConfigError("Unable to read '.dvc/tmp/rwlock'"), Graph({}, frozenset())]

    def read(_stages: object, _force: bool) -> Graph:
        answer = found.pop(0)
        if isinstance(answer, ConfigError):
            raise answer
        return answer

    healed: list[str] = []
    monkeypatch.setattr(repro, "read_graph", read)
    monkeypatch.setattr(repro, "heal", lambda: [healed.append("once")])
    monkeypatch.setattr(repro.time, "sleep", lambda _seconds: None)
    assert repro._graph([], False) == Graph({}, frozenset()) and healed == ["once"]
    found[:] = [ConfigError("dvc.yaml is invalid")]
    with pytest.raises(ConfigError, match="invalid"):
        repro._graph([], False)
    found[:] = [ConfigError("rwlock")] * 4
    with pytest.raises(ConfigError, match="rwlock"):
        repro._graph([], False)
