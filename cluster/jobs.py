"""Where a job's papers lie in the shared store."""

from __future__ import annotations

import json
import re

from gsam.errors import ConfigError, DataError
from pipelines.object_store import (
    STORE_VARIABLE,
    NotThere,
    exists,
    read_bytes,
    store_root,
    under,
    write_bytes,
)

__all__ = [
    "JOB_VARIABLE",
    "place",
    "register",
    "register_if_new",
    "shared_store",
    "submitted_files",
]

JOB_VARIABLE = "GSAM_JOB"
_SUBMISSION = "submission.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def shared_store() -> str:
    """$GSAM_STORE.

    Raises:
        ConfigError: it is not set, or not a store.
    """
    root = store_root()
    if root is None:
        raise ConfigError(
            f"{STORE_VARIABLE} is not set: expected s3://bucket/prefix, or a folder that this"
            " machine and every node of the cluster see"
        )
    return root


def place(root: str, job: str, *names: str) -> str:
    """The place of a job's papers.

    Raises:
        ConfigError: `job` cannot be the name of one.
    """
    if not _NAME.fullmatch(job):
        raise ConfigError(f"job {job!r}: expected letters, digits, dots, dashes and underscores")
    return under(root, "jobs", job, *names)


def register(root: str, job: str, files: dict[str, str]) -> None:
    """Note what a job starts from: SHA-256 by path.

    Raises:
        ConfigError: there is a job of that name, or the store cannot be written.
        DataError: the store fails.
    """
    if not register_if_new(root, job, files):
        raise ConfigError(f"there is a job {job} already: choose another --id, or --attach {job}")


def register_if_new(root: str, job: str, files: dict[str, str]) -> bool:
    """`register`, unless whoever submitted the job has done so; whether it did."""
    page = place(root, job, _SUBMISSION)
    if exists(page):
        return False
    write_bytes(page, json.dumps({"files": files}).encode())
    return True


def submitted_files(root: str, job: str) -> dict[str, str]:
    """What a job started from: SHA-256 by path.

    Raises:
        ConfigError: there is no such job.
        DataError: the store fails, or holds something else there.
    """
    page = place(root, job, _SUBMISSION)
    try:
        read = json.loads(read_bytes(page))
    except NotThere:
        raise ConfigError(f"there is no job {job} in {root}") from None
    except ValueError:
        raise DataError(f"{page}: not JSON") from None
    files = read.get("files") if isinstance(read, dict) else None
    if not isinstance(files, dict):
        raise DataError(f"{page}: expected files")
    return files
