"""What a table consists of: the typed content of conf/tables.yaml."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from gsam.configs import build
from gsam.results.published import Selector


@dataclass(frozen=True)
class Metric:
    """How a metric is printed: its usual name, its unit, which way is better, and whose it is: a
    lifter's (averaged over actions and over frames), a detector's or a mesh regressor's."""

    label: str
    unit: str
    lower_is_better: bool = True
    kind: Literal["lifter", "detector", "mesh"] = "lifter"


MESH_PARTS = ("validation", "test", "test_occluded", "test_unoccluded")
"""The person-frames that mesh regressors are scored on: splits, and subsets of the test split."""


METRICS = {
    "mpjpe_mm": Metric("MPJPE", "mm"),
    "pa_mpjpe_mm": Metric("PA-MPJPE", "mm"),
    "n_mpjpe_mm": Metric("N-MPJPE", "mm"),
    "mpjve_mm": Metric("MPJVE", "mm/frame"),
    "pck150": Metric("PCK@150", "%", lower_is_better=False),
    "auc": Metric("AUC", "%", lower_is_better=False),
    "pck150_all17": Metric("PCK@150 over all 17 joints", "%", lower_is_better=False),
    "auc_all17": Metric("AUC over all 17 joints", "%", lower_is_better=False),
    "ap": Metric("AP", "%", lower_is_better=False, kind="detector"),
    "ap50": Metric("AP50", "%", lower_is_better=False, kind="detector"),
    "ap75": Metric("AP75", "%", lower_is_better=False, kind="detector"),
    "pck": Metric("PCK", "%", lower_is_better=False, kind="detector"),
    "pckh": Metric("PCKh@0.5", "%", lower_is_better=False, kind="detector"),
    "mean_px": Metric("mean error", "px at 256", kind="detector"),
    "median_px_visible": Metric("median error, visible joints", "px at 256", kind="detector"),
    "mean_image_px": Metric("mean error in the frame", "px", kind="detector"),
    **{
        f"{part}_{metric}_mm": Metric(label, "mm", kind="mesh")
        for part in MESH_PARTS
        for metric, label in (("mpjpe", "MPJPE"), ("pa_mpjpe", "PA-MPJPE"), ("pve", "PVE"))
    },
}


@dataclass(frozen=True)
class DescribeSpec:
    """A column that tells rows apart (frames, position); `tick` prints 1 as a tick."""

    column: str
    header: str
    tick: bool = False


@dataclass(frozen=True)
class ColumnSpec:
    """One measured metric and the published column that stands beside it (blank: none does)."""

    metric: str
    published: str = ""


@dataclass(frozen=True)
class RowSpec:
    """One row: a run (or a detector or a mesh regressor), a published row, or both.

    `published` selects the printed row (a text is short for its `method`); `reason` says why a row
    has no run; `keypoints` shows the row only if its run used those; `lifter` asks for a parameter
    count of an architecture that no run trains.
    """

    label: str
    run: str | None = None
    detector: str | None = None
    mesh: str | None = None
    published: dict[str, Any] | str | None = None
    reason: str = ""
    keypoints: str | None = None
    lifter: dict[str, Any] | None = None

    def selector(self, block: Mapping[str, Any]) -> Selector | None:
        """The printed row of this row inside a block that itself selects `block`."""
        if self.published is None:
            return None
        own = {"method": self.published} if isinstance(self.published, str) else self.published
        return {key: str(value) for key, value in {**block, **own}.items()}

    def problems(self) -> list[str]:
        """A row must show something, and say why nothing is measured."""
        own = [name for name in (self.run, self.detector, self.mesh) if name is not None]
        if len(own) > 1:
            return [f"row {self.label!r} names {' and '.join(own)}, expected one of them"]
        if not own and self.published is None and self.lifter is None:
            return ["a row needs run, detector, mesh, published or lifter"]
        if not own and self.lifter is None and not self.reason:
            return [f"row {self.label!r} has no run, so it needs a reason"]
        return []

    @property
    def source(self) -> str:
        """Name of the run, detector or mesh regressor; empty where nothing is measured."""
        return self.run or self.detector or self.mesh or ""


@dataclass(frozen=True)
class BlockSpec:
    """Rows under one heading; `per_action` adds one column per action of the first metric."""

    title: str
    columns: tuple[dict[str, Any], ...]
    rows: tuple[dict[str, Any], ...]
    select: dict[str, Any] = field(default_factory=dict)
    per_action: bool = False

    def column_specs(self) -> list[ColumnSpec]:
        return [build(ColumnSpec, column, self.title) for column in self.columns]

    def row_specs(self) -> list[RowSpec]:
        return [build(RowSpec, row, self.title) for row in self.rows]


@dataclass(frozen=True)
class TableSpec:
    """One table: its number and title as printed, the CSV it stands beside, its blocks.

    `keypoints` names the sources whose baselines are listed; `parameters` the published column
    of parameter counts in millions, which then stand beside the architecture's own; `published_on`
    the dataset of the printed figures where it is not that of the other tables; `average` which
    of a lifter's averages is printed; `groups` the columns per action, by header, where the
    dataset's are not the papers' actions, and `grouped_by` what a group is.
    """

    name: str
    number: str
    title: str
    published: str
    blocks: tuple[dict[str, Any], ...]
    keypoints: tuple[str, ...] = ()
    describe: tuple[dict[str, Any], ...] = ()
    parameters: str = ""
    published_on: str = ""
    average: Literal["action_mean", "frame_mean"] = "action_mean"
    groups: dict[str, str] = field(default_factory=dict)
    grouped_by: str = "action"
    notes: tuple[str, ...] = ()

    def block_specs(self) -> list[BlockSpec]:
        return [build(BlockSpec, block, self.name) for block in self.blocks]

    def describe_specs(self) -> list[DescribeSpec]:
        return [build(DescribeSpec, column, self.name) for column in self.describe]


@dataclass(frozen=True)
class TablesSpec:
    """The whole of conf/tables.yaml.

    `actions` maps a printed column to the action it stands for; `datasets` maps a dataset's name
    in the scores to the name that tables print; `published_on` is the dataset of the papers'
    numbers: only figures measured on it may be compared with them.
    """

    actions: dict[str, str]
    datasets: dict[str, str]
    published_on: str
    tables: tuple[dict[str, Any], ...]

    def table_specs(self) -> list[TableSpec]:
        return [build(TableSpec, table, "tables") for table in self.tables]
