"""Checksums that publishers state: of whole archives, and in the names of weights."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

__all__ = ["PUBLISHED_MD5", "checksum_fault"]

PUBLISHED_MD5 = {
    "train2017.zip": "cced6f7f71b7629ddf16f17bbcfab6b2",
    "val2017.zip": "442b8da7639aecaf257c1dceb8ba8c80",
    "annotations_trainval2017.zip": "f4bbac642086de4f52a3fdda2de5fa2c",
    "mpii_human_pose_v1.tar.gz": "b6bc9c6869d3f035a5570b2e68ec84c4",
    "yolov3.weights": "c84e5b99d0e52cd466ae710cadf6d84c",
}
"""MD5 of files that are published whole, as COCO's, MPII's and Darknet's users list them."""

_HASH_IN_NAME = re.compile(r"-([0-9a-f]{8})\.pth(\.tar)?$")
"""PyTorch's model zoo names files by the start of their SHA-256 (`resnet50-0676ba61.pth`)."""


def checksum_fault(path: Path) -> str | None:
    """Why a file is not the published one: "" if it is, None where no checksum is published.

    Reads the whole file.
    """
    named = _HASH_IN_NAME.search(path.name)
    expected = PUBLISHED_MD5.get(path.name) if named is None else named[1]
    if expected is None:
        return None
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "md5" if named is None else "sha256").hexdigest()
    if found.startswith(expected):
        return ""
    kind = "MD5" if named is None else "SHA-256"
    return f"{kind} {found[: len(expected)]}, published {expected}: damaged, or another file"
