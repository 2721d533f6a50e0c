"""The audit as CSV (everything) and markdown (what differs)."""

import csv
import io
from collections.abc import Sequence

from gsam.results.audit import Finding
from gsam.results.render_markdown import markdown_table

HEADER = (
    "check",
    "where",
    "what",
    "printed",
    "expected",
    "difference",
    "tolerance",
    "verdict",
    "how",
)


def audit_to_csv(findings: Sequence[Finding]) -> str:
    """Every finding, agreeing ones too."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    for item in findings:
        writer.writerow(
            [
                item.check,
                item.where,
                item.what,
                item.printed,
                item.expected,
                "" if item.difference is None else f"{item.difference:.3f}",
                "" if item.tolerance is None else f"{item.tolerance:.3f}",
                item.verdict,
                item.how,
            ]
        )
    return out.getvalue()


_TITLES = {
    "average": "Averages against the mean of their own row",
    "ranking": "Lowest average, printed and by a row's own actions",
    "alignment": "Errors after alignment against errors before it",
    "repeated": "Rows that share a run of figures",
    "parameters": "Parameter counts against the architecture",
    "cross-table": "One configuration, two tables",
    "text": "The text against the tables",
}


def audit_to_markdown(findings: Sequence[Finding]) -> str:
    """What differs, per check, after a count of what was looked at."""
    counts = [
        (title, *(_count(findings, check, v) for v in ("agrees", "differs", "not checked")))
        for check, title in _TITLES.items()
    ]
    parts = [
        "# Audit of the published tables",
        "Every printed average, parameter count and statement that can be checked from the tables "
        "themselves or from the architecture. Differences larger than rounding allows are listed; "
        "`audit.csv` has everything that was looked at. The page states what is printed and what "
        "follows from what is printed, and draws no conclusion about its cause.",
        markdown_table(
            ("check", "agrees", "differs", "not checked"), (True, False, False, False), counts
        ),
    ]
    for check, title in _TITLES.items():
        rows = [_row(f) for f in findings if f.check == check and f.verdict == "differs"]
        if rows:
            headers = ("where", "what", "printed", "expected", "difference", "how")
            left = (True, True, False, False, False, True)
            parts += [f"## {title}", markdown_table(headers, left, rows)]
    return "\n\n".join(parts) + "\n"


def _count(findings: Sequence[Finding], check: str, verdict: str) -> str:
    return str(sum(f.check == check and f.verdict == verdict for f in findings))


def _row(item: Finding) -> tuple[str, ...]:
    difference = "" if item.difference is None else f"{item.difference:+.2f}"
    return (item.where, item.what, item.printed, item.expected, difference, item.how)
