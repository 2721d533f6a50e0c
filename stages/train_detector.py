"""Train one 2D detector, once per seed.

    python -m stages.train_detector NAME

Reads data/plan/detectors/<name>.json, data/images/<images>/. Writes models/detector/<name>/: one
seed<k>.safetensors per seed and run.json; results/detectors/<name>/: curve.csv and train.json.
Killed at any instant and run again, it goes on from its newest checkpoint (.gsam/runs, or
$GSAM_RUN_STORAGE) and ends with the same bits. A training that diverges is a result. Where the
images are not among the user's files, models/detector/<name>/missing.json and train.json say so.
"""

from collections.abc import Mapping
from typing import Any

from gsam.configs import build
from gsam.detectors import DetectorConfig, count_parameters
from gsam.errors import ConfigError
from gsam.images import ImageSet
from gsam.storage import atomic_directory, digest, read_json, write_json, write_text
from gsam.training.loop import Outcome
from gsam.weights import save_detector
from pipelines.run_storage import RunStorage
from pipelines.train_detector import SPLIT, train_detector
from stages.common import one_argument, planned, run_stage
from stages.curves import curve_text, reporter, rounded
from stages.paths import DETECTOR_MODELS, DETECTORS, IMAGES

CURVE = ("epoch", "lr", "train_loss", "val_loss", "val_mean_px")
MEASURES = CURVE[2:]


def main(arguments: list[str]) -> str:
    """Train every seed of a detector; returns the summary line."""
    name = one_argument(arguments, "name of a detector")
    run = planned(f"detectors/{name}")
    folder = IMAGES / run["images"]
    if (folder / "missing.json").exists():
        return write_missing(name, str(read_json(folder / "missing.json")["reason"]))
    config = build(DetectorConfig, run["detector"], "detector")
    images = ImageSet.load(folder, SPLIT)
    if images.skeleton.name != config.joint_set:
        raise ConfigError(
            f"detectors/{name}.detector.joint_set = {config.joint_set!r}: the images in {folder} "
            f"are labelled with {images.skeleton.name!r}"
        )
    outcomes, storages = {}, []
    for seed in run["seeds"]:
        storage = RunStorage(run, seed, images.data_hash)
        storages.append(storage)
        show = reporter(seed, run["train"]["epochs"], CURVE)
        outcomes[seed] = train_detector(run, folder, images, seed, storage, show)
    record = write_models(run, config, outcomes)
    write_results(run, config, images, outcomes, record)
    for storage in storages:
        storage.clear()
    return headline(config, images, outcomes)


def write_missing(name: str, reason: str) -> str:
    """Outs that say why there is no detector; returns the summary line."""
    with atomic_directory(DETECTOR_MODELS / name) as folder:
        write_json(folder / "missing.json", {"reason": reason})
    write_text(DETECTORS / name / "curve.csv", curve_text([], CURVE))
    trained = {"detector": name, "status": "missing", "reason": reason}
    write_json(DETECTORS / name / "train.json", trained)
    return f"not trained: {reason}"


def write_models(
    run: Mapping[str, Any], config: DetectorConfig, outcomes: Mapping[int, Outcome]
) -> dict[str, Any]:
    """Write the weights of every seed and what they are; returns that record by seed."""
    record: dict[str, Any] = {}
    with atomic_directory(DETECTOR_MODELS / run["name"]) as folder:
        for seed, outcome in outcomes.items():
            path = folder / f"seed{seed}.safetensors"
            notes = {"run": run["name"], "seed": seed, "status": outcome.status}
            save_detector(path, outcome.weights, config, notes)
            last = outcome.curve[-1]
            record[str(seed)] = {
                "status": outcome.status,
                "diverged_epoch": outcome.diverged_epoch,
                "epochs": len(outcome.curve),
                "samples": outcome.seen,
                **{key: rounded(last[key]) for key in MEASURES},
                "weights_hash": digest(path),
            }
        write_json(folder / "run.json", {"run": dict(run), "seeds": record})
    return record


def write_results(
    run: Mapping[str, Any],
    config: DetectorConfig,
    images: ImageSet,
    outcomes: Mapping[int, Outcome],
    record: Mapping[str, Any],
) -> None:
    """Write the learning curves and train.json."""
    rows = [(seed, row) for seed, outcome in outcomes.items() for row in outcome.curve]
    write_text(DETECTORS / run["name"] / "curve.csv", curve_text(rows, CURVE))
    diverged = [o.diverged_epoch for o in outcomes.values() if o.status == "diverged"]
    trained = {
        "detector": run["name"],
        "status": f"diverged at epoch {diverged[0]}" if diverged else "ok",
        "config": config.as_dict(),
        "recipe": run["train"],
        "augment": run["augment"],
        "samples": run["samples"],
        "parameters": count_parameters(config),
        "data_hash": images.data_hash,
        "images": len(images),
        "people": len(images.person_image),
        "seeds": record,
    }
    write_json(DETECTORS / run["name"] / "train.json", trained)


def headline(config: DetectorConfig, images: ImageSet, outcomes: Mapping[int, Outcome]) -> str:
    """What a person wants to see of a training, in one line."""
    parts = [
        f"{config.name} {config.height}x{config.width}",
        f"{len(images):,} images of {len(images.person_image):,} people",
    ]
    for seed, outcome in outcomes.items():
        last = outcome.curve[-1]
        if outcome.status == "diverged":
            parts.append(f"seed {seed}: diverged at epoch {outcome.diverged_epoch}")
            continue
        shown = f"loss {last['train_loss']:.4g}"
        if last["val_mean_px"] is not None:
            shown += f", held out {last['val_loss']:.4g} and {last['val_mean_px']:.1f} px of 256"
        parts.append(f"seed {seed}: {len(outcome.curve)} epochs, {shown}")
    return "  ".join(parts)


if __name__ == "__main__":
    run_stage(main)
