"""Shell commands of a page, typed for real, with stand-ins for programs that leave this machine."""

import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["AMI", "STORE", "TOKEN", "Typed", "type_in"]

ROOT = Path(__file__).resolve().parents[1]
TOKEN, AMI = "0123456789abcdef", "ami-0123456789abcdef0"
STORE = {
    "GSAM_STORE": "s3://my-bucket/gsam",
    "AWS_ACCESS_KEY_ID": "mine",
    "AWS_SECRET_ACCESS_KEY": "nobodys",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_PAGER": "less",
}
STAND_IN = """#!/bin/bash
printf '%q ' "$(basename "$0")" "$@" >> "$CALLS/list"; echo >> "$CALLS/list"
case "$(basename "$0") $*" in
  "kubectl "*" -f -"|"kubectl "*/dev/stdin) cat > "$CALLS/stdin-$(wc -l < "$CALLS/list")" ;;
  "ray get-auth-token"*) echo TOKEN ;;
  "aws ssm"*) echo AMI ;;
esac
"""


@dataclass
class Typed:
    """What a section's commands did: the calls of programs, and what those were given."""

    folder: Path
    calls: list[list[str]]

    def of(self, *start: str) -> list[list[str]]:
        return [call for call in self.calls if call[: len(start)] == list(start)]

    def given(self, *start: str) -> str:
        (number,) = (n for n, c in enumerate(self.calls, 1) if c[: len(start)] == list(start))
        return (self.folder / "calls" / f"stdin-{number}").read_text()


def type_in(folder: Path, blocks: list[str]) -> Typed:
    """Run the blocks one after another in a small checkout below `folder`; all must succeed."""
    checkout, stand_ins = folder / "checkout", folder / "bin"
    for made in (folder / "calls", stand_ins, checkout):
        made.mkdir()
    shutil.copytree(ROOT / "cluster", checkout / "cluster")
    shutil.copy(ROOT / "requirements.lock", checkout)
    (checkout / "secret").write_text("stays home")
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@t"]
    for words in (
        ["init", "-q"],
        ["add", "cluster", "requirements.lock"],
        ["commit", "-qm", "all"],
    ):
        subprocess.run([*git, *words], cwd=checkout, check=True)
    for name in ("kubectl", "helm", "docker", "aws", "ray", "python"):
        (stand_ins / name).write_text(STAND_IN.replace("TOKEN", TOKEN).replace("AMI", AMI))
        (stand_ins / name).chmod(0o755)
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", "\n".join(blocks)],
        cwd=checkout,
        env={
            "PATH": f"{stand_ins}:{os.environ['PATH']}",
            "CALLS": str(folder / "calls"),
            "HOME": str(folder),
            **STORE,
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    listed = (folder / "calls" / "list").read_text().splitlines()
    return Typed(folder, [shlex.split(line) for line in listed])
