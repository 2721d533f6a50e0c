"""params.yaml and conf/ become one resolved file per run, or one line that names what is wrong."""

import shutil
from pathlib import Path

import pytest
import yaml

from gsam.configs import build
from gsam.errors import ConfigError
from gsam.lifters.config import LifterConfig
from gsam.lifters.parameters import count_parameters
from gsam.storage import read_json
from stages import compose, plan

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the configuration to edit, as the working folder."""
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    compose.composed.cache_clear()
    return tmp_path


def edit(project: Path, **changes: object) -> None:
    path = project / "params.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | changes))


def runs(project: Path) -> dict[str, dict]:
    plan.main([])
    return {path.stem: read_json(path) for path in (project / "data/plan/runs").glob("*.json")}


def test_a_headline_knob_changes_main_alone(project: Path) -> None:
    before = runs(project)
    edit(project, lr=0.1)
    after = runs(project)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"main"}
    assert after["main"]["train"]["lr"] == 0.1


def test_where_it_runs_changes_every_run(project: Path) -> None:
    before = runs(project)
    edit(project, seeds=[3])
    after = runs(project)
    assert all(before[name] != after[name] for name in before)


def test_stride_is_the_window_unless_named(project: Path) -> None:
    found = runs(project)
    assert found["gsam_cpn_9"]["train"]["stride"] == 9
    edit(project, stride=5)
    assert runs(project)["main"]["train"]["stride"] == 5


def test_full_models_have_the_published_size(project: Path) -> None:
    full = runs(project)["gsam_cpn_81"]["full_lifter"]
    assert count_parameters(build(LifterConfig, full, "full")) == 9_602_885 + 23_552


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"lifter": "gsamm"}, "did you mean 'gsam'?"),
        ({"lrr": 0.1}, "unknown key 'lrr'; did you mean 'lr'?"),
        ({"scale": "smok"}, "did you mean 'smoke'?"),
        ({"frames": 80}, "frames = 80: expected an odd number"),
        ({"keypoints": "hrnet"}, "keypoints = 'hrnet'"),
        ({"seeds": []}, "seeds"),
        ({"lr": "fast"}, "lr = 'fast': expected a number"),
        ({"dropout": 1.5}, "dropout = 1.5"),
        ({"raw": {"human36m": "x"}}, "raw.bvh: missing"),
    ],
)
def test_mistakes_stop_before_any_work(
    project: Path, changes: dict[str, object], expected: str
) -> None:
    edit(project, **changes)
    with pytest.raises(ConfigError) as caught:
        plan.main([])
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (project / "data").exists()


def test_a_misspelt_key_of_a_run_is_named_with_its_run(project: Path) -> None:
    path = project / "conf/runs.yaml"
    path.write_text(path.read_text() + "\nextra: {lifter: gsam, keypoints: cpn, framse: 81}\n")
    with pytest.raises(
        ConfigError, match=r"conf/runs\.yaml extra: unknown key 'framse'; did you mean"
    ):
        plan.main([])


def test_dvc_trains_exactly_the_declared_runs_on_their_own_clips() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    declared = yaml.safe_load((ROOT / "conf/runs.yaml").read_text())
    expected = {
        name: {"clips": run.get("keypoints", "${keypoints}")} for name, run in declared.items()
    }
    for stage in ("train_lifter", "evaluate_lifter"):
        assert stages[stage]["foreach"] == expected
