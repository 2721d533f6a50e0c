"""How the store that all nodes share is reached: an S3 bucket or a folder, set up here alone.

`GSAM_STORE` names it. Endpoint, region and credentials come from the environment alone
(AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION), or from
the node's own role. boto3, pyarrow and DVC get the same time-outs, attempts and addressing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from pyarrow import fs

from gsam.errors import ConfigError
from pipelines.store_errors import store_errors

__all__ = [
    "STORE_VARIABLE",
    "client",
    "dvc_remote",
    "environment",
    "filesystem",
    "is_remote",
    "split",
    "store_root",
    "under",
]

STORE_VARIABLE = "GSAM_STORE"

CONNECT_SECONDS = 5
READ_SECONDS = 20
ATTEMPTS = 6
"""With the waits between attempts: a store that refuses is given up after a quarter to half a
minute, one that takes everything and answers nothing after two and a half (five when read)."""

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def store_root() -> str | None:
    """$GSAM_STORE without a slash at its end, or None where it is not set.

    Raises:
        ConfigError: it is neither s3://bucket[/prefix] nor an absolute folder.
    """
    root = os.environ.get(STORE_VARIABLE, "").strip()
    if not root:
        return None
    root = root.rstrip("/") or "/"
    if root.startswith("s3://"):
        split(root)
    elif is_remote(root) or not os.path.isabs(root):
        raise ConfigError(
            f"{STORE_VARIABLE} = {root}: expected s3://bucket/prefix or an absolute folder"
        )
    return root


def under(root: str, *names: str) -> str:
    """A place below `root`."""
    return "/".join([root.rstrip("/"), *names])


def is_remote(location: str | os.PathLike[str]) -> bool:
    """Whether it is a URI, not a path."""
    return "://" in os.fspath(location)


def split(uri: str) -> tuple[str, str]:
    """Bucket and key (or prefix, without slashes at its ends) of s3://bucket/key.

    Raises:
        ConfigError: it is nothing of the kind.
    """
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not _BUCKET.fullmatch(bucket):
        raise ConfigError(f"{uri}: expected s3://bucket/prefix")
    return bucket, key.strip("/")


def environment() -> dict[str, str]:
    """Settings that boto3, pyarrow and DVC read from the environment, for this process's children.

    Stores other than Amazon's often do not know the checksums that new clients add to every
    request; with a store of one's own they are sent only where S3 asks for them.
    """
    names = ("AWS_REQUEST_CHECKSUM_CALCULATION", "AWS_RESPONSE_CHECKSUM_VALIDATION")
    values = {name: os.environ.get(name, "when_required") for name in names} if _endpoint() else {}
    values["AWS_MAX_ATTEMPTS"] = str(_attempts())
    values["AWS_RETRY_MODE"] = os.environ.get("AWS_RETRY_MODE", "standard")
    return values


def _attempts() -> int:
    given = os.environ.get("AWS_MAX_ATTEMPTS", "")
    return int(given) if given.isdigit() and int(given) else ATTEMPTS


def _endpoint() -> str | None:
    given = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if given and not re.fullmatch(r"https?://[^/]+.*", given):
        raise ConfigError(f"AWS_ENDPOINT_URL = {given}: expected http://host:port or https://host")
    return given or None


def _region() -> str | None:
    given = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return given or ("us-east-1" if _endpoint() else None)


def client() -> Any:
    """boto3's client for the store; threads may share it."""
    # Whoever changes the environment gets another client.
    settings = tuple(sorted((k, v) for k, v in os.environ.items() if k.startswith("AWS_")))
    return _client(settings, (CONNECT_SECONDS, READ_SECONDS))


@lru_cache(maxsize=4)
def _client(settings: tuple[tuple[str, str], ...], seconds: tuple[float, float]) -> Any:
    import boto3
    from botocore.config import Config

    own = {}
    if _endpoint():
        own = {
            "s3": {"addressing_style": "path"},
            "request_checksum_calculation": "when_required",
            "response_checksum_validation": "when_required",
        }
    config = Config(
        connect_timeout=seconds[0],
        read_timeout=seconds[1],
        retries={"mode": "standard", "total_max_attempts": _attempts()},
        max_pool_connections=20,
        **own,
    )
    return boto3.session.Session().client(
        "s3", endpoint_url=_endpoint(), region_name=_region(), config=config
    )


def filesystem(location: str | os.PathLike[str]) -> tuple[fs.FileSystem, str]:
    """pyarrow's file system of `location`, and the path that it has there.

    It travels to Ray workers without credentials: these take their own node's.

    Raises:
        ConfigError: `location` is a URI, but not s3://bucket/prefix.
    """
    place = os.fspath(location)
    if not is_remote(place):
        return fs.LocalFileSystem(), str(Path(place).resolve())
    bucket, key = split(place)
    address: dict[str, Any] = {}
    if endpoint := _endpoint():
        scheme, _, host = endpoint.rstrip("/").partition("://")
        address = {"scheme": scheme, "endpoint_override": host}
    with store_errors(place):
        address["region"] = _region() or fs.resolve_s3_region(bucket)
    return _Store(address, _attempts()), f"{bucket}/{key}".rstrip("/")


class _Store(fs.S3FileSystem):
    """An S3 file system that keeps its number of attempts where it is sent, and goes there without
    credentials: pyarrow's own falls back to three attempts."""

    def __init__(self, settings: Mapping[str, Any], attempts: int) -> None:
        # pyarrow's C++ reads these from the environment.
        os.environ.update(environment())
        super().__init__(
            connect_timeout=CONNECT_SECONDS,
            request_timeout=READ_SECONDS,
            retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=attempts),
            **settings,
        )
        self._made_of = settings, attempts

    def __reduce__(self) -> tuple[Any, ...]:
        return _Store, self._made_of


def dvc_remote(root: str) -> dict[str, str]:
    """What `dvc config --local` needs to know of the remote below a store, by option; no secrets.

    `dvc` itself must be started with `environment()`.
    """
    url = under(root, "dvc")
    if not is_remote(root):
        return {"url": url}
    options = {"url": url, "endpointurl": _endpoint(), "region": _region()}
    options |= {"connect_timeout": str(CONNECT_SECONDS), "read_timeout": str(READ_SECONDS)}
    return {name: value for name, value in options.items() if value}
