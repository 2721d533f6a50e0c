"""What stands under a table: where the figures come from, what the marks mean, the protocol."""

from collections.abc import Sequence

from gsam.metrics.protocol import DISPLACED_TAKES
from gsam.results.measured import BASELINES, MESH_BASELINES, Scores
from gsam.results.model import Table
from gsam.results.protocols import shared_lines
from gsam.results.spec import METRICS, TablesSpec

MARK = "▼"
BUDGET = ("epochs", "batch_size", "epoch_windows", "epoch_samples")


def table_notes(
    table: Table, own: Sequence[str], spec: TablesSpec, used: Sequence[Scores]
) -> tuple[str, ...]:
    """The notes of a filled table, in the order a reader needs them."""
    return (
        *_source_note(table, used),
        *_displaced_note(used),
        *_action_note(table, spec, used),
        *_average_note(table),
        *_seed_note(used),
        *_mark_note(table),
        *own,
        *_condition_notes(used),
    )


def _average_note(table: Table) -> list[str]:
    if "lifter" not in _kinds(table):
        return []
    if table.average == "frame_mean":
        return [
            "Every figure is a mean over all scored frames, as the benchmark has it, unless its "
            f'column says otherwise; "mean of the {table.grouped_by}s" is the unweighted mean of '
            f"the means per {table.grouped_by}. Both are measured, the paper prints the first."
        ]
    return [
        "MPJPE and its like are means of the per-action means; "
        '"frame mean" is the mean over all frames. Both are measured, the paper prints the first.'
    ]


def _mark_note(table: Table) -> list[str]:
    if not _kinds(table) & {"lifter", "mesh"}:
        return []
    return [
        f"{MARK} marks a row that diverged or does not beat every baseline of its data: "
        "no conclusion about the method can be drawn from it."
    ]


def _kinds(table: Table) -> set[str]:
    return {METRICS[column.metric].kind for block in table.blocks for column in block.columns}


def _condition_notes(used: Sequence[Scores]) -> list[str]:
    budgets = [
        (s.name, {key: s.recipe[key] for key in BUDGET if key in s.recipe})
        for s in used
        if s.recipe
    ]
    lines = shared_lines("Training", budgets)
    if budgets:
        lines.append(
            "Recipes stand in scores.json of the run (results/runs, detectors, meshes), learning "
            "curves in curve.csv there."
        )
    return lines + shared_lines("Protocol", [(s.name, s.protocol) for s in used])


def _source_note(table: Table, used: Sequence[Scores]) -> list[str]:
    if not table.dataset:
        return ["Nothing has been measured yet: every figure here is the paper's."]
    scales = sorted({scores.scale for scores in used if scores.scale})
    at = f" at scale {' and '.join(scales)}" if scales else ""
    if table.comparable:
        return [f"Measured on {table.dataset}{at}, the dataset of the published figures."]
    return [
        f"Measured on {table.dataset}{at}, published on {table.published_on}: "
        f"the differences are between two datasets ({table.dataset}, not {table.published_on}) "
        "and compare no methods."
    ]


def _displaced_note(used: Sequence[Scores]) -> list[str]:
    said = sorted({str(scores.protocol.get("displaced", "")) for scores in used} - {""})
    if DISPLACED_TAKES["drop"] not in said:
        return []
    return [
        "Test takes with displaced 3D are left out of the measured figures, as in the H36M-SH "
        "line; the published figures have them: the two do not compare."
    ]


def _action_note(table: Table, spec: TablesSpec, used: Sequence[Scores]) -> list[str]:
    if table.grouped_by != "action":
        return []
    if not any(column.detail for block in table.blocks for column in block.columns):
        return []
    measured = {action for scores in used for action in scores.actions}
    if not measured or measured & set(spec.actions.values()):
        return []
    return [
        f"The actions are those of {table.dataset}; the paper's fifteen are not in it, "
        "so the columns per action have no published counterpart."
    ]


def _seed_note(used: Sequence[Scores]) -> list[str]:
    names = {*BASELINES, *MESH_BASELINES}
    counts = sorted({len(scores.seeds) for scores in used if scores.name not in names})
    if counts in ([], [1]):
        return ["One seed per run (n=1): no spread can be given."] if counts else []
    return ["Mean over seeds ± half of the range between them; n is the number of seeds."]
