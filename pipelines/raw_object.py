"""One object of a bucket into one local file: it goes on where it broke off and is held to the
store's checksum."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from gsam.errors import DataError
from pipelines.object_store import client, split, store_errors

__all__ = ["download", "matches"]

CHUNK = 1 << 18
FRUITLESS = 6
"""Connections in a row that may break off before they have brought a megabyte."""
PROGRESS = 1 << 20

_MD5 = re.compile(r"[0-9a-f]{32}")
_PARTS = re.compile(r"[0-9a-f]{32}-([0-9]+)")


def download(uri: str, size: int, etag: str, path: Path, advance: Callable[[int], None]) -> None:
    """Fetch an object into `path`, after what an earlier attempt has left there.

    Args:
        size, etag: of the object when it was listed.
        advance: called with each number of bytes that is there, less than 0 where bytes turned out
            to be wrong.

    Raises:
        DataError: the object is not the listed one any more, came twice with a wrong checksum, or
            the store or the disk fails.
        ConfigError: the credentials are wrong.
    """
    for _ in range(2):
        _append(uri, size, etag, path, advance)
        if matches(uri, size, etag, path):
            return
        advance(-path.stat().st_size)
        path.unlink()
    raise DataError(f"{uri}: came twice with another checksum than the store's, {etag}")


def _append(uri: str, size: int, etag: str, path: Path, advance: Callable[[int], None]) -> None:
    """Fetch what lacks, over as many connections as it takes."""
    from botocore.exceptions import FlexibleChecksumError, HTTPClientError, IncompleteReadError

    with store_errors(str(path.parent)), path.open("ab") as out:
        if out.tell() > size:
            out.truncate(0)
        advance(out.tell())
        fruitless = 0
        while (start := out.tell()) < size:
            try:
                for chunk in _chunks(uri, etag, start):
                    out.write(chunk)
                    advance(len(chunk))
            except (HTTPClientError, IncompleteReadError) as error:
                fruitless = 0 if out.tell() - start >= PROGRESS else fruitless + 1
                if fruitless == FRUITLESS:
                    text = "the connection broke off again and again"
                    raise DataError(f"{uri}: {text}; run again to go on") from error
                time.sleep(0.1 * 2**fruitless)
            except FlexibleChecksumError:
                # It came whole; whether it is right is for `matches` to say.
                return


def _chunks(uri: str, etag: str, start: int) -> Iterator[bytes]:
    """The object's bytes from `start` on, as long as it is the one that was listed."""
    from botocore.exceptions import ClientError

    bucket, key = split(uri)
    wanted = {"Range": f"bytes={start}-"} if start else {}
    with store_errors(uri):
        try:
            answer = client().get_object(Bucket=bucket, Key=key, IfMatch=f'"{etag}"', **wanted)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] not in (404, 412):
                raise
            text = "changed or went away since it was listed; run again"
            raise DataError(f"{uri}: {text}") from error
    while chunk := answer["Body"].read(CHUNK):
        yield chunk


def matches(uri: str, size: int, etag: str, path: Path) -> bool:
    """Whether a file is the listed object, by the strongest checksum that its store gives.

    That is the MD5, or the MD5 of the parts' MD5s where it was stored in parts of one size. An ETag
    is neither where the store encrypts with the user's keys: there it is the size (and, with
    Amazon's, the checksum that boto3 compares while it reads).
    """
    if path.stat().st_size != size:
        return False
    if _MD5.fullmatch(etag):
        return _md5_of(path, size, 1) == etag or _encrypted(uri)
    if found := _PARTS.fullmatch(etag):
        part, count = _part_size(uri), int(found[1])
        if part and -(-size // part) == count:
            return _md5_of(path, part, count) == etag or _encrypted(uri)
    return True


def _md5_of(path: Path, part: int, count: int) -> str:
    """The ETag that a file gets when it is stored in `count` parts (its plain MD5: in one)."""
    sums = []
    with path.open("rb") as stream:
        for _ in range(count):
            left, digest = part, hashlib.md5(usedforsecurity=False)
            while left and (chunk := stream.read(min(left, 1 << 20))):
                digest.update(chunk)
                left -= len(chunk)
            sums.append(digest)
    if count == 1:
        return sums[0].hexdigest()
    joined = b"".join(one.digest() for one in sums)
    return f"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{count}"


def _part_size(uri: str) -> int:
    """Size in bytes of the first of the parts that the object was stored in; of some stores the
    whole object's, or 0, which do not tell."""
    from botocore.exceptions import ClientError

    bucket, key = split(uri)
    with store_errors(uri):
        try:
            found = client().head_object(Bucket=bucket, Key=key, PartNumber=1)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 405, 501):
                return 0
            raise
    return int(found["ContentLength"])


def _encrypted(uri: str) -> bool:
    bucket, key = split(uri)
    with store_errors(uri):
        found = client().head_object(Bucket=bucket, Key=key)
    kind = found.get("ServerSideEncryption", "")
    return bool(kind.startswith("aws:kms") or "SSECustomerAlgorithm" in found)
