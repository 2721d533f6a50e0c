"""Training a mesh regressor on images: samples from threads and the network in this process, or
samples from Ray Data and the network on Ray Train.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from gsam.body.bodies import Bodies, read_bodies
from gsam.body.mean_params import read_mean_params
from gsam.configs import build
from gsam.meshes.augment import MeshAugment
from gsam.meshes.backbone_weights import start_backbone
from gsam.meshes.build import MeshModel, build_mesh
from gsam.meshes.config import MeshConfig
from gsam.meshes.fixed import FixedPeople, fixed_people
from gsam.meshes.losses import MeshLossConfig
from gsam.meshes.samples import MeshSampler, open_sampler
from gsam.meshes.sources import MeshSamples, MeshSources, SourceFiles
from gsam.meshes.task import MeshTask
from gsam.training.checkpoint import Keeper
from gsam.training.config import TrainConfig
from gsam.training.feed import Feed, ThreadFeed
from gsam.training.initial import fresh
from gsam.training.loop import Outcome, fit
from gsam.training.task import CurveRow
from gsam.training.threads import few_threads
from pipelines.node_files import Shipped
from pipelines.ray_train import RayKeeper, fit_on_ray, warn
from pipelines.run_storage import RunStorage

__all__ = ["MeshData", "train_mesh"]

PROBED_PEOPLE = 32

Run = Mapping[str, Any]
Report = Callable[[CurveRow], None]


@dataclass(frozen=True)
class MeshData:
    """Where the data of a training lies: the people to train on, those for the curve, the body
    models (`gsam.body.bodies.write_bodies`) and the mean parameters."""

    training: tuple[SourceFiles, ...]
    validation: SourceFiles
    bodies: Path
    mean: Path

    @property
    def paths(self) -> list[Path]:
        """Every folder and file that is read, once."""
        sources = [*self.training, self.validation]
        found = [path for one in sources for path in (one.images, one.labels) if path]
        return list(dict.fromkeys([*found, self.bodies, self.mean]))

    def on_this_node(self, files: Shipped) -> "MeshData":
        """The same data where this node has it."""
        return MeshData(
            training=tuple(_moved(one, files) for one in self.training),
            validation=_moved(self.validation, files),
            bodies=files.path(self.bodies),
            mean=files.path(self.mean),
        )


def _moved(source: SourceFiles, files: Shipped) -> SourceFiles:
    labels = files.path(source.labels) if source.labels else None
    return replace(source, images=files.path(source.images), labels=labels)


def train_mesh(
    run: Run, data: MeshData, sources: MeshSources, seed: int, storage: RunStorage, report: Report
) -> Outcome:
    """Train one seed of a resolved run, going on from its newest checkpoint if there is one.

    Args:
        run: as `stages.plan` resolves it: `mesh`, `train`, `augment`, `samples`, `losses`, `truth`,
            `backbone`, `workers`.
        data: what Ray workers read again.
        sources: the people to train on, opened.
        report: called with each epoch's row of the curve (in this process only).

    Raises:
        DataError: an image is damaged, a file cannot be used, or the training failed on Ray, after
            its retries.
        LicensedDataMissing: `truth` asks for bodies that are not there.
    """
    if run["workers"] == 0:
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        keeper = storage.keeper(warn)
        mesh = build(MeshConfig, run["mesh"], "mesh")
        augment = build(MeshAugment, run["augment"], "augment")
        with ThreadFeed(MeshSampler(sources, mesh.size, augment, seed)) as feed:
            return _fit(run, data, sources, seed, keeper, report, device, feed)
    if run["backbone"]:
        run = {**run, "backbone": str(Path(run["backbone"]).resolve())}
    return fit_on_ray(
        _ray_worker,
        {"run": dict(run), "seed": seed, "data": data},
        reads=[*data.paths, *([Path(run["backbone"])] if run["backbone"] else [])],
        workers=run["workers"],
        name=storage.name,
        root=storage.root,
    )


def _ray_worker(settings: dict[str, Any]) -> None:
    """What every Ray worker runs: its samples come from actors of its own."""
    from ray.train.torch import get_device

    from pipelines.ingest import worker_feed

    run, files, seed = settings["run"], settings["files"], settings["seed"]
    data = settings["data"].on_this_node(files)
    if run["backbone"]:
        run = {**run, "backbone": str(files.path(run["backbone"]))}
    size = build(MeshConfig, run["mesh"], "mesh").size
    opened = partial(_open_sampler, files, settings["data"], size, run["augment"], seed)
    sources = MeshSources.open(data.training)
    with worker_feed(opened, run["train"]["epochs"], run["workers"]) as feed:
        _fit(run, data, sources, seed, RayKeeper(), None, get_device(), feed)


def _open_sampler(
    files: Shipped, data: MeshData, size: int, augment: dict[str, Any], seed: int
) -> MeshSampler:
    """What an actor makes samples with, wherever it runs."""
    return open_sampler(data.on_this_node(files).training, size, augment, seed)


def _fit(
    run: Run,
    data: MeshData,
    sources: MeshSources,
    seed: int,
    keeper: Keeper,
    report: Report | None,
    device: torch.device,
    feed: Feed,
) -> Outcome:
    """Build the regressor with the seed's own initial weights and train it."""
    mesh = build(MeshConfig, run["mesh"], "mesh")
    config = build(TrainConfig, run["train"], "train")
    losses = build(MeshLossConfig, run["losses"], "losses")
    samples = build(MeshSamples, run["samples"], "samples")
    bodies, mean = read_bodies(data.bodies), read_mean_params(data.mean)
    order = sources.order(samples, seed, config.batch_size)
    shown = _shown(run, data, sources, samples, bodies, mesh.size)
    task = MeshTask(mesh, losses, bodies.neutral, mean, order, feed, shown, device)

    def started() -> MeshModel:
        model = build_mesh(mesh, mean)
        if run["backbone"]:
            start_backbone(model, run["backbone"])
        return model

    model = fresh(started, seed)
    with few_threads(model):
        workers = run["workers"] or None
        return fit(model, task, config, seed=seed, workers=workers, keeper=keeper, report=report)


def _shown(
    run: Run,
    data: MeshData,
    sources: MeshSources,
    samples: MeshSamples,
    bodies: Bodies,
    size: int,
) -> FixedPeople:
    """The validation people; where none are asked for, some who are trained on show at least a
    divergence."""
    most = samples.validation_samples
    if most:
        validated = data.validation.open()
        return fixed_people(validated, bodies, run["truth"], size=size, most=most, held_out=True)
    labelled = [one for one in sources.sources if one.labels]
    trained = (labelled or sources.sources)[0]
    return fixed_people(
        trained, bodies, run["truth"], size=size, most=PROBED_PEOPLE, held_out=False
    )
