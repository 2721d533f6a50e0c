"""Fabricated plans and scores for the tests of tables: no figure here was measured."""

import json
import shutil
import zlib
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
ACTIONS = list(yaml.safe_load((ROOT / "conf/tables.yaml").read_text())["actions"].values())
METRICS = ("mpjpe_mm", "pa_mpjpe_mm", "n_mpjpe_mm", "mpjve_mm", "pck150", "auc")
RUNS: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "conf/runs.yaml").read_text())
DETECTORS: dict[str, Any] = yaml.safe_load((ROOT / "conf/detectors.yaml").read_text())
MESHES: dict[str, Any] = yaml.safe_load((ROOT / "conf/meshes.yaml").read_text())


def figures(name: str, level: float) -> dict[str, float]:
    """One fabricated figure per metric, a little different for every name."""
    shift = zlib.crc32(name.encode()) % 1000 / 200
    factors = (1.0, 0.75, 0.9, 0.1, 0.8, 0.5)
    return {m: round((level + shift) * f, 3) for m, f in zip(METRICS, factors, strict=True)}


def seed_entry(name: str, level: float, actions: list[str]) -> dict[str, Any]:
    per_action = {action: figures(name + action, level) for action in actions}
    count = len(actions)
    mean = {m: sum(per_action[a][m] for a in actions) / count for m in METRICS}
    return {
        "status": "ok",
        "diverged_epoch": None,
        "weights_hash": "0" * 12,
        "action_mean": mean,
        "frame_mean": {m: value + 0.5 for m, value in mean.items()},
        "per_action": per_action,
    }


def common(dataset: str, keypoints: str) -> dict[str, Any]:
    protocol = {
        "dataset": dataset,
        "keypoints": keypoints,
        "joint_set": "human36m_17",
        "root": "pelvis",
        "alignment": "root-relative",
        "dropped": [],
        "averaging": "action_mean",
        "flip_test": True,
    }
    return {"dataset": dataset, "keypoints": keypoints, "data_hash": "d", "protocol": protocol}


class Laboratory:
    """A folder laid out as the repository's, with fabricated results."""

    def __init__(self, root: Path, dataset: str = "twin", actions: list[str] | None = None) -> None:
        self.root, self.dataset, self.actions = root, dataset, actions or ACTIONS
        shutil.copytree(ROOT / "conf", root / "conf")
        for name, run in RUNS.items():
            run = run or {"lifter": "gsam", "keypoints": "imported", "frames": 81}
            lifter = {"name": run["lifter"], "frames": run["frames"]}
            lifter |= {key: run[key] for key in ("sam", "tam", "conv") if key in run}
            plan = {"name": name, "keypoints": run["keypoints"], "lifter": lifter}
            self.write(f"data/plan/runs/{name}.json", plan | {"full_lifter": lifter})
        for name, run in DETECTORS.items():
            places = {key: run[key] for key in run if key.startswith("attention")}
            detector = {"name": run["family"], "height": 256, "width": 256, **places}
            plan = {"name": name, "images": run["images"], "detector": detector}
            self.write(f"data/plan/detectors/{name}.json", plan | {"full_detector": detector})

        for name, run in MESHES.items():
            own = {key: value for key, value in run.items() if key != "family"}
            backbone = "hrnet_conv" if run["family"] == "pare" else "resnet"
            mesh = {"name": run["family"], "backbone": backbone, **own}
            self.write(
                f"data/plan/meshes/{name}.json", {"name": name, "mesh": mesh} | {"full_mesh": mesh}
            )

    def write(self, path: str, content: object) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content))

    def run(
        self, name: str, level: float, seeds: int = 1, diverged: dict[int, int] | None = None
    ) -> None:
        keypoints = (RUNS[name] or {}).get("keypoints", "imported")
        entries = {}
        for seed in range(seeds):
            entry = seed_entry(name, level + seed, self.actions)
            epoch = (diverged or {}).get(seed)
            if epoch is not None:
                entry |= {"status": "diverged", "diverged_epoch": epoch}
            entries[str(seed)] = entry
        scores = common(self.dataset, keypoints) | {
            "run": name,
            "scale": "smoke",
            "frames": 81,
            "head": "centre",
            "recipe": {"epochs": 8, "batch_size": 32, "lr": 0.001},
            "parameters": {"trained": 1, "full": 2},
            "seeds": entries,
        }
        self.write(f"results/runs/{name}/scores.json", scores)

    def detector(self, name: str, level: float, status: str = "ok") -> None:
        images = DETECTORS[name]["images"]
        dataset = self.dataset if images == "human36m" else f"{images}_{self.dataset}"
        keys = ("ap", "ap50", "ap75", "pck", "mean_px", "median_px_visible", "mean_image_px")
        scores = {
            "detector": name,
            "dataset": dataset,
            "images": images,
            "scale": "smoke",
            "data_hash": "d",
            "status": status,
            "reason": "no pictures",
            "protocol": {"dataset": dataset, "boxes": "truth"},
            "parameters": {"trained": 1, "full": 2},
            "seeds": {"0": {"diverged_epoch": None, "figures": dict.fromkeys(keys, level)}},
        }
        self.write(f"results/detectors/{name}/scores.json", scores)

    def baselines(self, keypoints: str, mean_pose: float = 140.0, ridge: float = 60.0) -> None:
        entries = {
            "mean_pose": seed_entry("mean_pose", mean_pose, self.actions),
            "ridge": seed_entry("ridge", ridge, self.actions),
        }
        scores = common(self.dataset, keypoints) | entries
        self.write(f"results/baselines/{keypoints}/scores.json", scores)

    def mesh(
        self, name: str, level: float, status: str = "ok", pa_mpjpe: float | None = None
    ) -> None:
        parts = ("validation", "test", "test_occluded", "test_unoccluded")
        values = {"mpjpe": level, "pa_mpjpe": pa_mpjpe or level, "pve": level}
        figures = {f"{part}_{name}_mm": value for part in parts for name, value in values.items()}
        dataset = f"threedpw_{self.dataset}"
        scores = {
            "mesh": name,
            "dataset": dataset,
            "images": "threedpw",
            "scale": "smoke",
            "data_hash": "d",
            "status": status,
            "reason": "no 3DPW",
            "protocol": {"dataset": dataset, "body": "free body"},
            "seeds": {"0": {"diverged_epoch": None, "figures": figures}},
        }
        self.write(f"results/meshes/{name}/scores.json", scores)
