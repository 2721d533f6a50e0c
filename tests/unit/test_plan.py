"""params.yaml and conf/ become one resolved file per run, or one line that names what is wrong."""

import shutil
from pathlib import Path

import pytest
import yaml

from gsam.configs import build
from gsam.detectors.config import DetectorConfig
from gsam.detectors.parameters import count_parameters as count_detector
from gsam.errors import ConfigError
from gsam.lifters.config import LifterConfig
from gsam.lifters.parameters import count_parameters
from gsam.meshes.config import MeshConfig
from gsam.meshes.parameters import count_parameters as count_mesh
from gsam.storage import read_json
from stages import compose, plan
from stages.params import DETECTORS, SOURCES

ROOT = Path(__file__).resolve().parents[2]
RAW = yaml.safe_load((ROOT / "params.yaml").read_text())["raw"]


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


def test_what_is_scored_trains_nothing_again(project: Path) -> None:
    def plans() -> dict[str, bytes]:
        plan.main([])
        folder = project / "data/plan"
        return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*.json")}

    before = plans()
    edit(project, displaced="drop")
    after = plans()
    assert {name for name in before if before[name] != after[name]} == {"scoring.json"}


def test_a_checkpoint_changes_what_imports_it_alone(project: Path) -> None:
    def plans() -> dict[Path, bytes]:
        plan.main([])
        return {path: path.read_bytes() for path in (project / "data/plan").rglob("*.json")}

    before = plans()
    for name, location in (
        ("hrnet.pth", "data/raw/weights/hrnet.pth"),
        ("/elsewhere/a.pth", "/elsewhere/a.pth"),
        ("s3://bucket/a.pth", "s3://bucket/a.pth"),
    ):
        edit(project, checkpoint=name)
        after = plans()
        changed = {path for path in before if after[path] != before[path]}
        assert {path.name for path in changed} == {"import_checkpoint.json"}
        assert read_json(changed.pop()) == {"checkpoint": location}


def test_stride_is_the_window_unless_named(project: Path) -> None:
    found = runs(project)
    assert found["gsam_cpn_9"]["windows"]["stride"] == 9
    edit(project, stride=5)
    assert runs(project)["main"]["windows"]["stride"] == 5


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
        ({"keypoints": "hrnett"}, "keypoints = 'hrnett': did you mean 'hrnet'?"),
        ({"detect": {"boxs": "truth"}}, "did you mean 'boxes'?"),
        ({"seeds": []}, "seeds"),
        ({"lr": "fast"}, "lr = 'fast': expected a number"),
        ({"dropout": 1.5}, "dropout = 1.5"),
        ({"mesh": {"truth": "male", "backbone": None}}, "mesh.truth = 'male'"),
        ({"raw": {"human36m": "x"}}, "raw.bvh: missing"),
        ({"raw": RAW | {"bvh": "gs://b/x"}}, "raw.bvh = gs://b/x: expected s3://bucket/prefix or"),
        ({"raw": RAW | {"smpl": "s3://B"}}, "raw.smpl = s3://B: expected s3://bucket/prefix or a"),
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


def detectors(project: Path) -> dict[str, dict]:
    plan.main([])
    return {path.stem: read_json(path) for path in (project / "data/plan/detectors").glob("*.json")}


def test_detectors_inherit_where_they_run_and_how_they_look_but_no_knob_of_main(
    project: Path,
) -> None:
    before = detectors(project)
    edit(project, lr=0.1, frames=9, keypoints="hrnet")
    assert detectors(project) == before
    edit(project, detect={"boxes": "mine.json", "flip_test": False, "quarter_offset": True})
    after = detectors(project)["cpn"]["detect"]
    assert (after["boxes"], after["flip_test"]) == ("data/raw/boxes/mine.json", False)
    edit(project, raw=RAW | {"boxes": "s3://bucket/boxes/"})
    assert detectors(project)["cpn"]["detect"]["boxes"] == "s3://bucket/boxes/mine.json"


@pytest.mark.parametrize("scale", ["smoke", "workstation", "paper"])
def test_full_detectors_are_the_papers_at_every_scale(project: Path, scale: str) -> None:
    edit(project, scale=scale)
    found = detectors(project)
    full = build(DetectorConfig, found["coco_hrnet"]["full_detector"], "full")
    assert count_detector(full) == 28_536_113
    assert found["hrnet_attention"]["full_detector"]["attention_stages"] == [1]
    assert found["mpii_hrnet"]["detector"]["joint_set"] == "mpii_16"


def test_rows_of_pictures_take_the_scales_frames_but_count_the_papers(project: Path) -> None:
    row = runs(project)["gsam_on_hrnet"]
    assert (row["frames"], row["full_lifter"]["frames"]) == (9, 81)
    assert runs(project)["gsam_cpn_81"]["frames"] == 81


def test_rows_of_another_dataset_have_budgets_of_their_own_but_main_does_not(project: Path) -> None:
    edit(project, keypoints="threedhp_gt")
    found, scale = runs(project), yaml.safe_load((project / "conf/scale/smoke.yaml").read_text())
    own = scale["rows_of_threedhp"]
    assert found["threedhp_gsam_9"]["train"]["epochs"] == own["all"]["epochs"]
    assert found["threedhp_videopose3d_81"]["windows"]["stride"] == own["videopose3d"]["stride"]
    assert found["gsam_cpn_9"]["train"]["epochs"] == scale["rows"]["all"]["epochs"]
    assert found["main"]["train"]["epochs"] == scale["main"]["all"]["epochs"]
    # Frames and networks are those of the other rows: it is not a source of pictures.
    assert found["threedhp_gsam_27"]["frames"] == 27
    assert found["threedhp_gsam_9"]["lifter"] == found["gsam_cpn_9"]["lifter"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("cpn: {family: cpn,", "cpn: {family: cnp,", "family = 'cnp': did you mean 'cpn'?"),
        ("images: mpii}", "images: mppi}", "did you mean 'mpii'?"),
        ("attention_stages: [1, 2, 3]", "attention_stages: [4]", "coco_stage321"),
        ("attention_stages: [1, 2, 3]", "atention_stages: [1]", "did you mean 'attention_stages'"),
        ("hourglass: {family: hourglass, images: human36m}", "", "hourglass must be there"),
    ],
)
def test_a_wrong_detector_is_named(project: Path, old: str, new: str, expected: str) -> None:
    path = project / "conf/detectors.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        plan.main([])
    assert expected in str(caught.value)


def test_dvc_trains_exactly_the_declared_detectors_on_their_own_pictures() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    declared = yaml.safe_load((ROOT / "conf/detectors.yaml").read_text())
    expected = {name: {"images": run["images"]} for name, run in declared.items()}
    for stage in ("train_detector", "evaluate_detector"):
        assert stages[stage]["foreach"] == expected
    assert tuple(stages["detect"]["foreach"]) == DETECTORS
    made = {
        Path(next(iter(out))).parent.name
        for stage in ("baselines", "baselines_detected", "baselines_threedhp")
        for out in stages[stage]["outs"]
    }
    assert made == set(SOURCES)


def meshes(project: Path) -> dict[str, dict]:
    plan.main([])
    return {path.stem: read_json(path) for path in (project / "data/plan/meshes").glob("*.json")}


@pytest.mark.parametrize("scale", ["smoke", "hour", "workstation", "paper"])
def test_both_pares_differ_in_part_self_attention_alone(project: Path, scale: str) -> None:
    edit(project, scale=scale)
    found = meshes(project)
    plain, attended = found["pare"], found["pare_attention"]
    assert attended["mesh"].pop("attention_heads") > 0
    assert plain["mesh"] == attended["mesh"]
    for part in ("train", "augment", "samples", "losses", "truth", "backbone", "seeds"):
        assert plain[part] == attended[part] == found["hmr"][part]


def test_full_mesh_regressors_are_the_papers(project: Path) -> None:
    full = build(MeshConfig, meshes(project)["pare"]["full_mesh"], "full")
    assert count_mesh(full) == 44_562_424 - 82  # the oracle counts SMPL's default pose and shape


def test_mesh_regressors_inherit_no_knob_of_main(project: Path) -> None:
    before = meshes(project)
    edit(project, lr=0.1, frames=9)
    assert meshes(project) == before
    edit(project, mesh={"truth": "gendered", "backbone": "hrnet.pth"})
    after = meshes(project)["hmr"]
    assert (after["truth"], after["backbone"]) == ("gendered", "data/backbone/hrnet.pth")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("family: hmr", "family: hmm", "family = 'hmm': did you mean 'hmr'?"),
        ("attention_heads: 2", "attention_head: 2", "did you mean 'attention_heads'"),
        ("attention_heads: 2", "attention_heads: -1", "attention_heads = -1"),
        ("{family: hmr}", "{family: hmr, mix: {threedpw: 0.5, coco: 0.5}}", "coco"),
    ],
)
def test_a_wrong_mesh_regressor_is_named(project: Path, old: str, new: str, expected: str) -> None:
    path = project / "conf/meshes.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        plan.main([])
    assert expected in str(caught.value)


def test_dvc_trains_exactly_the_declared_mesh_regressors() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    declared = list(yaml.safe_load((ROOT / "conf/meshes.yaml").read_text()))
    for stage in ("train_mesh", "evaluate_mesh"):
        assert stages[stage]["foreach"] == declared


@pytest.mark.parametrize("key", ["pictures", "video", "threedhp"])
def test_a_scale_without_a_twins_size_is_told_so(project: Path, key: str) -> None:
    path = project / "conf/scale/smoke.yaml"
    scale = yaml.safe_load(path.read_text())
    del scale[key]
    path.write_text(yaml.safe_dump(scale))
    with pytest.raises(ConfigError, match=f"conf/scale/smoke.yaml: {key} is missing"):
        plan.main([])
