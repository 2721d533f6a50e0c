"""What DVC leaves half-written when it is killed, made whole: dvc.lock and its table of locks.

DVC writes both in place. Cut short, dvc.lock stops every later command (or silently forgets the
stages at its end), and so does `.dvc/tmp/rwlock`. Every stage leaves a copy of dvc.lock when it
starts (stages/common.py); the newest one that is whole takes the place of a damaged one.
"""

import json
import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from stages.common import LOCK_COPIES, copy_lock

__all__ = ["changed_outs", "entries", "heal", "held", "in_order", "names", "settled"]

LOCK = Path("dvc.lock")
DVC_TMP = Path(".dvc/tmp")


def heal() -> list[str]:
    """Put back what a kill left damaged; what was done, a line each. Keeps a copy of dvc.lock.

    Waits for a DVC that is at work: what looks cut short may be in the middle of being written.
    """
    said = []
    table = DVC_TMP / "rwlock"
    if not _json(table):
        with held("rwlock.lock"):
            if not _json(table):
                table.unlink()
                said.append(f"{table} was cut short when DVC was killed: removed")
    if LOCK.exists() and _damaged():
        with held():
            if _damaged():
                said.append(_restored())
    copy_lock()
    return said


@contextmanager
def held(name: str = "lock") -> Iterator[None]:
    """Hold one of DVC's own locks, after waiting for whoever has it: nobody writes meanwhile."""
    from dvc.lock import make_lock

    DVC_TMP.mkdir(parents=True, exist_ok=True)
    with make_lock(str(DVC_TMP / name), wait=True):
        yield


def names(text: str) -> list[str]:
    """The stages in dvc.lock, in its order."""
    return list(_split(text)[1])


def entries(text: str, wanted: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    """What dvc.lock holds of those of the stages that it has."""
    blocks = _split(text)[1]
    return {
        name: next(iter(yaml.safe_load(blocks[name]).values())) for name in wanted if name in blocks
    }


def changed_outs(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """The paths of outs that are not what they were, by a stage's entries in dvc.lock."""
    old = {out["path"]: out for out in before.get("outs", [])}
    return {out["path"] for out in after.get("outs", []) if old.get(out["path"]) != out}


def in_order(text: str, order: Iterable[str]) -> str:
    """dvc.lock with its stages in that order, byte for byte as they stand; others at the end."""
    head, blocks, tail = _split(text)
    rest = dict(blocks)
    first = [rest.pop(name) for name in order if name in rest]
    return head + "".join([*first, *rest.values()]) + tail


def settled(order: Iterable[str]) -> str:
    """dvc.lock, put into the order that `dvc repro` alone gives it; empty if there is none.

    DVC leaves stages where they are and adds new ones at the end. So those of the last commit come
    first, and what was added since as in `order`, in whichever order they were finished.
    """
    with held():
        if not LOCK.exists():
            return ""
        text = LOCK.read_text()
        committed = _git("show", f"HEAD:./{LOCK}") or ""
        order, here = list(order), names(text)
        earlier = [name for name in here if name not in order]
        ordered = in_order(text, [*names(committed), *earlier, *order])
        if ordered != text:
            _write(ordered)
        return ordered


def _split(text: str) -> tuple[str, dict[str, str], str]:
    """What stands before the stages, each stage's lines, and what stands behind them."""
    head, blocks, tail = "", dict[str, str](), ""
    name, place = "", "head"
    for line in text.splitlines(keepends=True):
        if place == "head":
            head += line
            place = "stages" if line.startswith("stages:") else "head"
        elif place == "tail" or not line.startswith(" "):
            place, tail = "tail", tail + line
        else:
            if line[2] not in " -":
                name = line.strip().rstrip(":").strip("'\"")
            blocks[name] = blocks.get(name, "") + line
    return head, blocks, tail


def _json(path: Path) -> bool:
    """Whether a file is absent or holds JSON."""
    try:
        json.loads(path.read_text())
    except FileNotFoundError:
        return True
    except ValueError:
        return False
    return True


def _parses(text: str) -> bool:
    """Whether a text is a dvc.lock to its last line, as far as it can tell by itself."""
    try:
        content = yaml.load(text, yaml.CSafeLoader) if text.endswith("\n") else None
    except yaml.YAMLError:
        return False
    if not isinstance(content, dict) or "schema" not in content:
        return False
    stages = content.get("stages")
    return isinstance(stages, dict) and all(
        isinstance(stage, dict) and "cmd" in stage for stage in stages.values()
    )


def _damaged() -> bool:
    """Whether dvc.lock is cut short: unreadable, or without stages that its newest copy has.

    Cut at the end of a line it still reads well. A file that git knows is whole, however short.
    """
    text = LOCK.read_text(errors="replace")
    if not _parses(text):
        return True
    copy = next(_whole_copies(), None)
    if copy is None or set(names(copy.read_text())) <= set(names(text)):
        return False
    blob = _git("hash-object", str(LOCK))
    return blob is None or _git("cat-file", "-e", blob.strip()) is None


def _write(text: str) -> None:
    """Write dvc.lock, whole or not at all."""
    partial = LOCK.with_name(f".{LOCK.name}.{os.getpid()}")
    partial.write_text(text)
    os.replace(partial, LOCK)


def _restored() -> str:
    """Put the newest whole copy, or git's, in dvc.lock's place, with what dvc.lock has beyond it;
    what was done."""
    damage = f"{LOCK} was cut short when DVC was killed"
    copy = next(_whole_copies(), None)
    text = copy.read_text() if copy else _git("show", f"HEAD:./{LOCK}")
    if text is None:
        LOCK.unlink()
        return f"{damage} and has no copy: removed; stages run again or come from DVC's run cache"
    _write(_completed(LOCK.read_text(errors="replace"), text))
    source = copy or "git's last commit"
    return f"{damage}: restored from {source}, {len(names(text))} stages"


def _completed(text: str, copy: str) -> str:
    """The copy, with the stages that stand whole in a text cut short: the last one does not."""
    head, blocks, tail = _split(copy)
    found = _split(text)[1]
    if found and not _parses(text):
        found.popitem()
    for name, block in found.items():
        if not blocks.get(name, "").startswith(block):
            blocks[name] = block
    return head + "".join(blocks.values()) + tail


def _whole_copies() -> Iterator[Path]:
    """The copies that stages left, newest first, without those taken while DVC was writing."""
    copies = LOCK_COPIES.glob(f"{LOCK.name}.*")
    for path in sorted(copies, reverse=True):
        if _parses(path.read_text(errors="replace")):
            yield path


def _git(*arguments: str) -> str | None:
    """What git answers; None where it refuses, or there is none."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None
