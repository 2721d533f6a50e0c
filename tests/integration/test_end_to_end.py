"""The README's way in: a clone, `dvc repro`, an ablation, a kill, mistakes; on tiny takes."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]

TINY = """
twin: {frames_per_take: 24}
pictures:
  {step: 8, views: 1, size: 48, supersample: 1, still_size: 48,
   coco_train: 12, coco_val: 4, mpii_train: 12, mpii_valid: 4}
video:
  {train: 11, validation: 2, test: 2, seconds: 1.0, step: 6, longer_side: 64, supersample: 1}
threedhp: {seconds: 4.0, test_seconds: 4.0}
meshes:
  all:
    {size: 64, channels: 4, stem: 8, bottlenecks: 1, modules: [1, 1, 1], blocks: 1, depth: 14,
     base: 4}
  pare: {deconv_filters: 8, shape_features: 4}
  hmr: {hidden: 16}
mesh_rows: {all: {epochs: 1, epoch_samples: 32, batch_size: 8, lr: 0.001}}
rows_of_pictures: {frames: 3}
detectors:
  all:
    {height: 64, width: 64, stem: 8, channels: 4, bottlenecks: 1, modules: [1, 1, 1], blocks: 1,
     depth: 14, base: 4, features: 8, stacks: 1, attention_width: 8}
detector_rows: {all: {epochs: 1, epoch_samples: 64, batch_size: 16}}
detect: {batch_size: 64, flip_test: false}
lifters:
  gsam: {width: 8, depth: 1, heads: 2, head: sequence}
  videopose3d: {channels: 16}
rows: {all: {epochs: 1, batch_size: 64}}
main: {all: {epochs: 4, batch_size: 64, checkpoint_seconds: 0.0}}
"""

pytestmark = pytest.mark.e2e


class Clone:
    """A copy of the tracked files under git, with the commands that a user types there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        tracked = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, check=True, capture_output=True, text=True,
        )  # fmt: skip
        for name in filter(None, tracked.stdout.split("\0")):
            # The committed results are of another scale.
            if (ROOT / name).is_file() and not name.startswith(("results/", "dvc.lock")):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name)
        self.environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(folder.parent / "site"),
            "OMP_NUM_THREADS": "2",
            **{f"GIT_{who}_NAME": "t" for who in ("AUTHOR", "COMMITTER")},
            **{f"GIT_{who}_EMAIL": "t@example.org" for who in ("AUTHOR", "COMMITTER")},
        }
        self.run("git", "init", "-q")
        self.edit(scale="tiny", frames=9)
        (folder / "conf/scale/tiny.yaml").write_text(TINY)
        self.commit("a tiny scale")

    def run(self, *command: str, code: int = 0) -> str:
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        output = done.stdout + done.stderr
        assert done.returncode == code, output
        return output

    def commit(self, message: str) -> None:
        self.run("git", "add", "-A")
        self.run("git", "commit", "-q", "-m", message)

    def edit(self, **changes: object) -> None:
        path = self.folder / "params.yaml"
        path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | changes))

    def json(self, name: str) -> dict:
        return json.loads((self.folder / name).read_text())


def stages_run(output: str) -> set[str]:
    return {line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")}


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    made = Clone(tmp_path_factory.mktemp("clone"))
    made.run("dvc", "repro", "evaluate_lifter@main")
    made.commit("results")
    yield made


def test_main_is_trained_and_scored_on_what_it_says(clone: Clone) -> None:
    metrics, scores = (clone.json(f"results/runs/main/{n}.json") for n in ("metrics", "scores"))
    assert metrics["status"] == "ok" and 0 < metrics["mpjpe_mm"] < 1000
    assert scores["dataset"] == "twin" and scores["protocol"]["keypoints"] == "gt"
    assert len(scores["seeds"]["0"]["per_action"]) == 15
    curve = (clone.folder / "results/runs/main/curve.csv").read_text().splitlines()
    assert len(curve) == 5


def test_a_second_repro_runs_nothing(clone: Clone) -> None:
    output = clone.run("dvc", "repro", "evaluate_lifter@main")
    assert stages_run(output) == set()
    assert clone.run("git", "status", "--porcelain") == ""


def test_pictures_become_keypoints_that_a_lifter_learns_from(clone: Clone) -> None:
    output = clone.run("dvc", "repro", "evaluate_lifter@gsam_on_hrnet_attention")
    assert {"raw_images", "images", "train_detector@hrnet_attention", "detect@cpn"} <= stages_run(
        output
    )
    scores = clone.json("results/runs/gsam_on_hrnet_attention/scores.json")
    assert scores["protocol"]["keypoints"] == "hrnet_attention"
    assert scores["protocol"]["frames"].startswith("every frame that has a picture")
    clone.run("dvc", "repro", "evaluate_detector@hrnet_attention")
    detector = clone.json("results/detectors/hrnet_attention/scores.json")
    assert detector["dataset"] == "twin" and 0 < detector["seeds"]["0"]["figures"]["mean_px"] < 256
    clone.commit("pictures")


def test_bodies_are_regressed_by_both_pares_and_shown(clone: Clone) -> None:
    output = clone.run("dvc", "repro", "mesh_pictures")
    assert {"bodies", "train_mesh@pare", "train_mesh@pare_attention"} <= stages_run(output)
    scores = clone.json("results/meshes/pare_attention/scores.json")
    assert scores["dataset"] == "threedpw_twin" and "free body" in scores["body"]
    figures = scores["seeds"]["0"]["figures"]
    assert 0 < figures["test_pa_mpjpe_mm"] <= figures["test_mpjpe_mm"] < 1000
    clone.commit("bodies")


def test_tables_say_what_was_not_run(clone: Clone) -> None:
    clone.run("dvc", "repro", "--single-item", "tables")
    table = (clone.folder / "results/tables/table2_human36m_gt.md").read_text()
    assert "not run" in table and "twin" in table and "mean pose" in table.lower()
    clone.run("git", "checkout", "-q", ".")


def test_one_ablation_retrains_main_alone_and_is_listed(clone: Clone) -> None:
    output = clone.run("dvc", "exp", "run", "-n", "slow", "-S", "lr=0.0001", "evaluate_lifter@main")
    assert stages_run(output) == {"plan", "train_lifter@main", "evaluate_lifter@main"}
    shown = clone.run("dvc", "exp", "show", "--csv")
    assert "slow" in shown and "mpjpe_mm" in shown
    clone.run("git", "checkout", "-q", ".")


def test_a_training_that_blows_up_is_shown_as_diverged(clone: Clone) -> None:
    clone.run(
        "dvc", "exp", "run", "-n", "wild", "-S", "optimizer=sgd", "-S", "lr=1000.0",
        "evaluate_lifter@main",
    )  # fmt: skip
    assert clone.json("results/runs/main/metrics.json")["status"].startswith("diverged at epoch")
    assert "diverged at epoch" in clone.run("dvc", "exp", "show", "--csv")
    clone.run("git", "checkout", "-q", ".")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("lrr=0.1", "Could not override 'lrr'"),
        ("+lrr=0.1", "unknown key 'lrr'; did you mean 'lr'?"),
        ("lifter=gsamm", "did you mean 'gsam'?"),
        ("data=archives", "Human3.6M"),
    ],
)
def test_mistakes_stop_before_any_training(clone: Clone, change: str, message: str) -> None:
    output = clone.run("dvc", "exp", "run", "-S", change, "evaluate_lifter@main", code=255)
    assert message in output
    assert "train_lifter" not in stages_run(output)
    assert "Traceback" not in output
    clone.run("git", "checkout", "-q", ".")


def test_killed_and_run_again_it_ends_with_the_same_bits(clone: Clone) -> None:
    weights = clone.folder / "models/lifter/main/seed0.safetensors"
    clone.run("dvc", "repro", "train_lifter@main")
    undisturbed = weights.read_bytes()
    killed = subprocess.Popen(
        ["dvc", "repro", "--force", "--single-item", "train_lifter@main"],
        cwd=clone.folder, env=clone.environment, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    storage = clone.folder / ".gsam/runs"
    deadline = time.monotonic() + 120

    def going_on() -> bool:
        return any(not (path.parent / "finished").exists() for path in storage.rglob("*.ckpt"))

    while not going_on() and time.monotonic() < deadline:
        assert killed.poll() is None, "training ended before it could be killed"
        time.sleep(0.01)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    assert not weights.exists()
    clone.run("dvc", "repro", "train_lifter@main")
    assert weights.read_bytes() == undisturbed
    assert not going_on(), "what is finished is marked, for the next training to remove"
