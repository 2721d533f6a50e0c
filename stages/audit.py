"""Hold the published tables against themselves, the papers' text and the architectures.

    python -m stages.audit

Reads conf/published/. Writes results/audit/audit.csv (everything that was looked at) and audit.md
(what differs, and how it was computed).
"""

from collections import Counter
from pathlib import Path

from gsam.errors import ConfigError
from gsam.results.architectures import COUNTS
from gsam.results.audit_run import run_audit
from gsam.results.published import read_published
from gsam.results.render_audit import audit_to_csv, audit_to_markdown
from gsam.storage import atomic_directory, write_text
from stages.common import run_stage
from stages.params import read_yaml

PUBLISHED = Path("conf/published")
CLAIMS = PUBLISHED / "claims.yaml"
OUT = Path("results/audit")


def main(arguments: list[str]) -> str:
    """Write the audit; returns the summary line."""
    if arguments:
        raise ConfigError(f"expected no arguments, got {arguments}")
    findings = run_audit(read_yaml(CLAIMS), read_published(PUBLISHED), COUNTS)
    with atomic_directory(OUT) as out:
        write_text(out / "audit.csv", audit_to_csv(findings))
        write_text(out / "audit.md", audit_to_markdown(findings))
    verdicts = Counter(finding.verdict for finding in findings)
    return f"{verdicts['agrees']} figures agree  {verdicts['differs']} differ  -> {OUT}"


if __name__ == "__main__":
    run_stage(main)
