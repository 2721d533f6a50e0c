"""A table as it will be shown: blocks of rows of cells, independent of any output format."""

from dataclasses import dataclass
from typing import Literal

from gsam.results.measured import Estimate
from gsam.results.published import number

State = Literal["measured", "diverged", "not run", "not measured"]


@dataclass(frozen=True)
class Column:
    """What a column holds; `detail` columns (one per action) are set apart from the averages."""

    header: str
    metric: str
    average: str
    published: str
    detail: bool = False


@dataclass(frozen=True)
class Cell:
    """A published figure as printed (blank: none) and the measured one (None: none)."""

    published: str
    measured: Estimate | None

    @property
    def difference(self) -> float | None:
        """Measured minus published, where both exist."""
        printed = number(self.published)
        if printed is None or self.measured is None:
            return None
        return self.measured.mean - printed


@dataclass(frozen=True)
class Parameters:
    """Parameter counts: printed in millions, of the full architecture, of the network trained."""

    published: str = ""
    full: int | None = None
    trained: int | None = None


@dataclass(frozen=True)
class Row:
    """One method. `beats_baselines` is None where nothing can be said."""

    label: str
    kind: Literal["run", "baseline"]
    run: str
    keypoints: str
    describe: tuple[str, ...]
    cells: tuple[Cell, ...]
    state: State
    remark: str
    parameters: Parameters
    beats_baselines: bool | None = None


@dataclass(frozen=True)
class Block:
    """Rows under one heading, all with the same columns."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Table:
    """One table with everything a reader needs beside it.

    `dataset` is where the measured figures come from ("" while nothing has been measured),
    `published_on` where the paper's do; they may be compared only if `comparable`. `average` is
    the printed one of a lifter's, `grouped_by` says what the columns in detail are of.
    """

    name: str
    number: str
    title: str
    dataset: str
    published_on: str
    describe: tuple[str, ...]
    ticks: tuple[bool, ...]
    blocks: tuple[Block, ...]
    has_parameters: bool
    notes: tuple[str, ...]
    average: str = "action_mean"
    grouped_by: str = "action"

    @property
    def comparable(self) -> bool:
        return self.dataset == self.published_on

    @property
    def measured_rows(self) -> int:
        """How many distinct runs of this table have a figure."""
        rows = [row for block in self.blocks for row in block.rows]
        return len({row.run for row in rows if row.kind == "run" and row.state == "measured"})
