"""The whole audit, as conf/published/claims.yaml lists it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gsam.configs import build, problems_of
from gsam.errors import ConfigError, DataError
from gsam.results.audit import (
    Finding,
    audit_aligned,
    audit_aligned_blocks,
    audit_averages,
    audit_repeated,
    compare,
    place,
)
from gsam.results.audit_claims import Claim, audit_claim
from gsam.results.published import PublishedTable, half_unit, require_numbers

WHERE = "conf/published/claims.yaml"
MILLION = 1_000_000

CountParameters = Callable[[Mapping[str, Any]], int]


@dataclass(frozen=True)
class AverageSpec:
    """A table whose column `average` should be the mean of a row's actions; blocks by `group`."""

    table: str
    average: str
    group: str


@dataclass(frozen=True)
class AlignedSpec:
    """Errors before and after alignment: two columns, or two blocks where `group` is given."""

    table: str
    before: str | int
    after: str | int
    group: str = ""


@dataclass(frozen=True)
class ArchitectureSpec:
    """The printed rows of one architecture: a lifter's or a detector's."""

    select: dict[str, Any]
    lifter: dict[str, Any] | None = None
    detector: dict[str, Any] | None = None

    @property
    def kind(self) -> str:
        """Which of the two it is."""
        return "lifter" if self.lifter is not None else "detector"

    @property
    def network(self) -> dict[str, Any]:
        """Its configuration."""
        return self.lifter or self.detector or {}

    def problems(self) -> list[str]:
        """One network, and not two."""
        if (self.lifter is None) == (self.detector is None):
            return ["expected lifter or detector, one of them"]
        return []


@dataclass(frozen=True)
class ParametersSpec:
    """Which architecture each printed parameter count belongs to; `note` says more of it."""

    table: str
    column: str
    rows: tuple[dict[str, Any], ...]
    note: str = ""


@dataclass(frozen=True)
class AuditSpec:
    """The content of conf/published/claims.yaml."""

    averages: tuple[dict[str, Any], ...]
    aligned: tuple[dict[str, Any], ...]
    repeated: tuple[str, ...]
    parameters: tuple[dict[str, Any], ...]
    claims: tuple[dict[str, Any], ...]


PARTS: dict[str, type] = {
    "averages": AverageSpec,
    "aligned": AlignedSpec,
    "parameters": ParametersSpec,
    "claims": Claim,
}


def run_audit(
    content: Mapping[str, Any],
    published: Mapping[str, PublishedTable],
    counts: Mapping[str, CountParameters],
) -> list[Finding]:
    """Every finding, in the order of the file; `counts` by the kind of network.

    Raises:
        ConfigError: the file has an unknown key or a claim that lacks something.
        DataError: it names a table, row or column that is not published.
    """
    found = problems_of(AuditSpec, content, WHERE) or _part_problems(content)
    if found:
        raise ConfigError("; ".join(found))
    spec = build(AuditSpec, content, WHERE)
    return list(_findings(spec, published, counts))


def _part_problems(content: Mapping[str, Any]) -> list[str]:
    found = []
    for key, cls in PARTS.items():
        for index, item in enumerate(content[key]):
            where = f"{WHERE}: {key}[{index}]"
            problems = problems_of(cls, item, where)
            if cls is ParametersSpec and not problems:
                for row in item.get("rows", ()):
                    problems += problems_of(ArchitectureSpec, row, f"{where}.rows")
            found += problems
    return found


def _findings(
    spec: AuditSpec,
    published: Mapping[str, PublishedTable],
    counts: Mapping[str, CountParameters],
) -> Iterator[Finding]:
    def table(name: str) -> PublishedTable:
        if name not in published:
            raise DataError(f"{WHERE}: no published table {name!r}; known: {sorted(published)}")
        return published[name]

    for item in spec.averages:
        average = build(AverageSpec, item, WHERE)
        yield from audit_averages(table(average.table), average.average, average.group)
    for item in spec.aligned:
        aligned = build(AlignedSpec, item, WHERE)
        pair = str(aligned.before), str(aligned.after)
        if aligned.group:
            yield from audit_aligned_blocks(table(aligned.table), aligned.group, *pair)
        else:
            yield from audit_aligned(table(aligned.table), *pair)
    yield from audit_repeated([table(name) for name in spec.repeated])
    for item in spec.parameters:
        parameters = build(ParametersSpec, item, WHERE)
        yield from _parameters(table(parameters.table), parameters, counts)
    for item in spec.claims:
        yield audit_claim(build(Claim, item, WHERE), published)


def _parameters(
    table: PublishedTable, spec: ParametersSpec, counts: Mapping[str, CountParameters]
) -> Iterator[Finding]:
    """Printed parameter counts (millions) against the architecture's own."""
    require_numbers(table, (spec.column,))
    listed = [build(ArchitectureSpec, item, WHERE) for item in spec.rows]
    counted = [counts[item.kind](item.network) for item in listed]
    for item, values in zip(listed, counted, strict=True):
        network = item.network
        for row in table.matching({key: str(value) for key, value in item.select.items()}):
            # Columns that say the same in every row name nothing.
            naming = [
                column for column in table.columns if len({r[column] for r in table.rows}) > 1
            ]
            own = ", ".join(row[column] for column in naming[:2])
            yield compare(
                "parameters",
                f"{place(table)}, {own}",
                f"millions, {network.get('conv', network.get('name', ''))}",
                row[spec.column],
                values / MILLION,
                float(half_unit(row[spec.column])),
                f"{values:,} values in the architecture ({_named(network)})"
                + (f"; {spec.note}" if spec.note else "")
                + _also(row[spec.column], item, listed, counted),
                digits=3,
            )


def _named(network: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in network.items())


def _also(
    printed: str,
    own: ArchitectureSpec,
    listed: Sequence[ArchitectureSpec],
    counted: Sequence[int],
) -> str:
    """Which other architectures of the same family have the printed count."""
    tolerance = float(half_unit(printed))
    found = [
        _named(other.network)
        for other, values in zip(listed, counted, strict=True)
        if other.network != own.network
        and other.network.get("name") == own.network.get("name")
        and values != counted[listed.index(own)]
        and abs(values / MILLION - float(printed)) <= tolerance
    ]
    return f"; the printed figure is that of {' and of '.join(found)}" if found else ""
