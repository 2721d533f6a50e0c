"""Objects of the store that all nodes share: read, written, listed and removed.

All functions take s3://bucket/key or a path; what they raise is a `GsamError` of one line. How the
store is reached is `pipelines.store_access`'s, whose names can be had from here as well.
"""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gsam.storage import atomic_path
from pipelines.store_access import (
    STORE_VARIABLE,
    client,
    dvc_remote,
    environment,
    filesystem,
    is_remote,
    split,
    store_root,
    under,
)
from pipelines.store_errors import NotThere, store_errors

__all__ = [
    "STORE_VARIABLE",
    "Entry",
    "NotThere",
    "client",
    "delete",
    "delete_tree",
    "dvc_remote",
    "environment",
    "exists",
    "filesystem",
    "get_file",
    "is_remote",
    "listed",
    "put_file",
    "read_bytes",
    "split",
    "store_errors",
    "store_root",
    "under",
    "write_bytes",
]


@dataclass(frozen=True)
class Entry:
    """An object or a file: its name below what was listed, size in bytes, and the store's ETag
    without quotes (empty for files)."""

    name: str
    size: int
    etag: str


def read_bytes(uri: str) -> bytes:
    """A whole object or file.

    Raises:
        NotThere: it is absent.
        ConfigError, DataError: the store is wrong or fails (`store_errors`).
    """
    with store_errors(uri):
        if not is_remote(uri):
            return Path(uri).read_bytes()
        bucket, key = split(uri)
        content = io.BytesIO()
        client().download_fileobj(bucket, key, content, Config=_transfer())
    return content.getvalue()


def _transfer() -> Any:
    from boto3.s3.transfer import TransferConfig

    # Each of these attempts makes all of the client's.
    return TransferConfig(num_download_attempts=2)


def write_bytes(uri: str, data: bytes) -> None:
    """Write an object or file, which others see whole or not at all.

    Raises:
        ConfigError, DataError: the store is wrong, read-only, full or fails (`store_errors`).
    """
    with store_errors(uri):
        if is_remote(uri):
            bucket, key = split(uri)
            client().upload_fileobj(io.BytesIO(data), bucket, key)
        else:
            with atomic_path(uri) as temporary:
                temporary.write_bytes(data)


def put_file(path: str | os.PathLike[str], uri: str) -> None:
    """Copy a local file to the store, whole or not at all; raises as `write_bytes`."""
    with store_errors(uri):
        if is_remote(uri):
            bucket, key = split(uri)
            with open(path, "rb") as stream:
                client().upload_fileobj(stream, bucket, key)
        else:
            with atomic_path(uri) as temporary:
                shutil.copyfile(path, temporary)


def get_file(uri: str, path: str | os.PathLike[str]) -> None:
    """Copy an object to a local file, whole or not at all; raises as `read_bytes`."""
    with store_errors(uri), atomic_path(path) as temporary:
        if is_remote(uri):
            bucket, key = split(uri)
            client().download_file(bucket, key, str(temporary), Config=_transfer())
        else:
            shutil.copyfile(uri, temporary)


def listed(uri: str) -> list[Entry]:
    """Everything below a prefix or folder, by name; empty where there is nothing.

    Raises:
        ConfigError, DataError: the store is wrong or fails (`store_errors`).
    """
    with store_errors(uri):
        if not is_remote(uri):
            files = (path for path in Path(uri).rglob("*") if path.is_file())
            found = [Entry(f.relative_to(uri).as_posix(), f.stat().st_size, "") for f in files]
            return sorted(found, key=lambda entry: entry.name)
        size = len(_prefix(uri))
        return [
            Entry(item["Key"][size:], item["Size"], item["ETag"].strip('"'))
            for item in _below(uri)
            # pyarrow, and so Ray, marks a folder by an empty object of its name with a slash.
            if not item["Key"].endswith("/")
        ]


def _prefix(uri: str) -> str:
    key = split(uri)[1]
    return f"{key}/" if key else ""


def _below(uri: str) -> Iterator[dict[str, Any]]:
    pages = client().get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=split(uri)[0], Prefix=_prefix(uri)):
        yield from page.get("Contents", ())


def exists(uri: str) -> bool:
    """Whether an object or a file is there; raises as `read_bytes` where the store fails."""
    if not is_remote(uri):
        return Path(uri).is_file()
    from botocore.exceptions import ClientError

    bucket, key = split(uri)
    try:
        with store_errors(uri):
            try:
                client().head_object(Bucket=bucket, Key=key)
            except ClientError:
                # This request's answers give no reasons; another one's do.
                client().list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)
                raise
    except NotThere:
        return False
    return True


def delete(uri: str) -> None:
    """Remove an object or a file, if it is there; raises as `write_bytes`."""
    with store_errors(uri):
        if is_remote(uri):
            bucket, key = split(uri)
            client().delete_object(Bucket=bucket, Key=key)
        else:
            Path(uri).unlink(missing_ok=True)


def delete_tree(uri: str) -> None:
    """Remove everything below a prefix or folder; raises as `write_bytes`."""
    with store_errors(uri):
        if is_remote(uri):
            for item in list(_below(uri)):
                client().delete_object(Bucket=split(uri)[0], Key=item["Key"])
        elif Path(uri).exists():
            shutil.rmtree(uri)
