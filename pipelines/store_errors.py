"""What object stores and disks complain about, in one line each: what, where, what to do."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from gsam.errors import ConfigError, DataError, GsamError

__all__ = ["NotThere", "store_errors", "store_problem"]


class NotThere(DataError):
    """An object, a file or a prefix that is not in the store."""


_CREDENTIALS = (
    "wrong credentials, expected AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY that this store knows"
)
_NO_CREDENTIALS = (
    "no credentials, expected AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment"
)
_FULL = "the store is full"
_UNREACHABLE = "the store cannot be reached (tried several times); is AWS_ENDPOINT_URL right?"
_SLOW = "the store did not answer in time (tried several times)"
_BUSY = "the store is out of order or overloaded (it answered 500 or 503 several times)"
_READ_ONLY = "read-only: these credentials may not write here"
_FORBIDDEN = "these credentials may not read here"

# Codes of S3 and of stores that speak its language, lower case and without underscores: boto3 and
# pyarrow write the same ones in different ways.
_CODES = {
    "accessdenied": "forbidden",
    "403": "forbidden",
    "allaccessdisabled": "forbidden",
    "methodnotallowed": "forbidden",
    "405": "forbidden",
    "invalidaccesskeyid": "credentials",
    "signaturedoesnotmatch": "credentials",
    "invalidclienttokenid": "credentials",
    "unrecognizedclient": "credentials",
    "invalidtoken": "credentials",
    "authfailure": "credentials",
    "expiredtoken": "expired",
    "requestexpired": "expired",
    "requesttimetooskewed": "clock",
    "nosuchbucket": "bucket",
    "invalidbucketname": "bucket",
    "nosuchkey": "absent",
    "resourcenotfound": "absent",
    "404": "absent",
    "507": "full",
    "quotaexceeded": "full",
    "storagefull": "full",
    "xminiostoragefull": "full",
    "insufficientstorage": "full",
    "slowdown": "busy",
    "throttling": "busy",
    "serviceunavailable": "busy",
    "internalerror": "busy",
    "internalfailure": "busy",
    "500": "busy",
    "502": "busy",
    "503": "busy",
    "504": "slow",
    "requesttimeout": "slow",
    "networkconnection": "unreachable",
}

_ERRNOS = {
    errno.EROFS: (DataError, "read-only file system"),
    errno.ENOSPC: (DataError, "the disk is full"),
    errno.EDQUOT: (DataError, "the disk quota is used up"),
    errno.EACCES: (DataError, "permission denied"),
    errno.EPERM: (DataError, "permission denied"),
    errno.ENOTDIR: (ConfigError, "not a folder, expected one"),
    errno.ENOENT: (NotThere, "not there"),
}

_ARROW = re.compile(r"AWS Error ([A-Za-z_]+)(?: \(HTTP status (\d+)\))? during (\w+) operation")
_TOLD = re.compile(r"Unable to parse ExceptionName: (\w+)")


@contextmanager
def store_errors(where: str) -> Iterator[None]:
    """Turn what boto3, pyarrow or the disk raise inside the block into one line that names `where`.

    Raises:
        ConfigError: credentials, bucket or endpoint are wrong.
        NotThere: the object is absent.
        DataError: the store is read-only, full, out of order, or cannot be reached.
    """
    try:
        yield
    except Exception as error:
        problem = store_problem(error, where)
        if problem is None:
            raise
        raise problem from error


def store_problem(error: BaseException, where: str) -> GsamError | None:
    """The error as a user should see it, or None where it does not come from a store or a disk."""
    if isinstance(error, GsamError):
        return None
    kind, writing = _boto(error) or _arrow(error) or (None, False)
    if kind is not None:
        return _said(kind, where, writing, error)
    if isinstance(error, OSError):
        cls, text = _ERRNOS.get(error.errno or 0, (DataError, ""))
        return cls(f"{where}: {text or _first_line(error)}")
    return None


def _boto(error: BaseException) -> tuple[str, bool] | None:
    from boto3.exceptions import Boto3Error
    from botocore import exceptions

    # A download that broke again and again holds the last reason.
    error = getattr(error, "last_exception", None) or error
    if isinstance(error, exceptions.ClientError):
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = str(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))
        kind = _CODES.get(_plain(code)) or _CODES.get(status, "other")
        return kind, _writes(error.operation_name)
    if isinstance(error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
        return "no credentials", False
    if isinstance(error, exceptions.ReadTimeoutError | exceptions.ConnectTimeoutError):
        return "slow", False
    broken = (
        exceptions.HTTPClientError,
        exceptions.ConnectionError,
        exceptions.IncompleteReadError,
    )
    if isinstance(error, broken):
        return "unreachable", False
    return ("other", False) if isinstance(error, exceptions.BotoCoreError | Boto3Error) else None


def _arrow(error: BaseException) -> tuple[str, bool] | None:
    """pyarrow raises OSError for everything; what was wrong is in its text alone."""
    text = str(error)
    found = _ARROW.search(text)
    if found is None:
        return None
    code, status, operation = found.groups()
    told = _TOLD.search(text)
    names = [_plain(code), _plain(told.group(1)) if told else "", status or ""]
    kind = next((_CODES[name] for name in names if name in _CODES), "other")
    if kind == "unreachable" and "timeout" in text.lower():
        kind = "slow"
    return kind, _writes(operation)


def _said(kind: str, where: str, writing: bool, error: BaseException) -> GsamError:
    match kind:
        case "credentials":
            return ConfigError(f"{where}: {_CREDENTIALS}")
        case "no credentials":
            return ConfigError(f"{where}: {_NO_CREDENTIALS}")
        case "expired":
            return ConfigError(f"{where}: the credentials have expired, expected fresh ones")
        case "clock":
            return ConfigError(f"{where}: this machine's clock differs from the store's")
        case "bucket":
            return ConfigError(f"{where}: no such bucket")
        case "absent":
            return NotThere(f"{where}: not there")
        case "forbidden":
            return DataError(f"{where}: {_READ_ONLY if writing else _FORBIDDEN}")
    texts = {"full": _FULL, "busy": _BUSY, "slow": _SLOW, "unreachable": _UNREACHABLE}
    return DataError(f"{where}: {texts.get(kind) or _first_line(error)}")


def _plain(code: str) -> str:
    return code.replace("_", "").replace("Exception", "").lower()


def _writes(operation: str) -> bool:
    return operation.startswith(("Put", "Upload", "Create", "Complete", "Delete", "Abort", "Copy"))


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]
