"""Small files made to cost gigabytes or minutes: refused before they do."""

from __future__ import annotations

import io
import struct
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from gsam.checkpoints.read import read_checkpoint
from gsam.datasets.bvh.parser import parse_bvh
from gsam.datasets.human36m.metadata import w0_cameras
from gsam.datasets.mat import load_mat
from gsam.datasets.video_frames import read_picture
from gsam.errors import GsamError
from gsam.lifters import build_lifter
from gsam.weights import load_lifter
from stages.params import read_params
from tests.fuzz.readers.networks import LIFTER, as_own, own

HEAD = b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM"
Bomb = tuple[str, Callable[[], bytes], Callable[[Path], object], str]


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def aliases() -> bytes:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    for n in range(1, 12):
        lines.append(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]")
    return "\n".join(lines).encode()


def entities() -> bytes:
    lines = ['<!DOCTYPE a [<!ENTITY a0 "1 1 1 1 1 1 1 1 1 1">']
    for n in range(1, 10):
        lines.append(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">')
    return "".join([*lines, "]><m><w0>&a9;</w0></m>"]).encode("utf-16")


def packed_checkpoint() -> bytes:
    """Weights of zeros, which torch never packs, packed to a thousandth."""
    plain = io.BytesIO()
    torch.save({"a": torch.zeros(1 << 20)}, plain)
    out = io.BytesIO()
    with (
        zipfile.ZipFile(plain) as source,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped,
    ):
        for info in source.infolist():
            zipped.writestr(info.filename, source.read(info))
    return out.getvalue()


def wide_tensor() -> bytes:
    """One number that says that it is 10^18."""
    out = io.BytesIO()
    torch.save({"a": torch.zeros(1).expand(10**9, 10**9)}, out)
    return out.getvalue()


def sized_lifter(**changes: int) -> bytes:
    state = build_lifter(LIFTER).state_dict()
    return as_own(own("lifter", LIFTER.as_dict() | changes, state))


def deep_mat() -> bytes:
    """Cells in each other, two thousand deep: SciPy's reader calls itself for each."""
    inner = b""
    for _ in range(2000):
        flags, axes = struct.pack("<IIII", 6, 8, 1, 0), struct.pack("<IIii", 5, 8, 1, 1)
        content = flags + axes + struct.pack("<II", 1, 0) + inner
        inner = struct.pack("<II", 14, len(content)) + content
    return HEAD + inner


def structs_without_fields() -> bytes:
    flags, axes = struct.pack("<IIII", 6, 8, 2, 0), struct.pack("<IIii", 5, 8, 1, 2**31 - 1)
    name = struct.pack("<HH4s", 1, 1, b"a")
    content = flags + axes + name + struct.pack("<HHi", 5, 4, 8) + struct.pack("<II", 1, 0)
    return (
        b"MATLAB 5.0 MAT-file".ljust(124)
        + b"\0\1IM"
        + struct.pack("<II", 14, len(content))
        + content
    )


def wide_bvh() -> bytes:
    joint = b"{ OFFSET 0 0 0 JOINT %d "
    names = b"".join(joint % number for number in range(5000))
    return b"HIERARCHY ROOT a " + names.replace(b"JOINT", b" " * 400 + b"\nJOINT")


BOMBS: list[Bomb] = [
    ("a.png", lambda: png(60_000, 60_000), read_picture, "60000 x 60000 px"),
    ("params.yaml", aliases, read_params, "more than 200000 values"),
    ("metadata.xml", entities, w0_cameras, "declares entities"),
    ("a.pth", packed_checkpoint, read_checkpoint, "unpacks to"),
    ("b.pth", wide_tensor, read_checkpoint, "larger than its numbers"),
    ("a.safetensors", lambda: sized_lifter(depth=10**9), load_lifter, "depth = 1000000000"),
    ("b.safetensors", lambda: sized_lifter(frames=10**15 + 37), load_lifter, "frames = 1"),
    ("c.safetensors", lambda: sized_lifter(width=4096), load_lifter, "do not fit"),
    ("a.mat", deep_mat, lambda path: load_mat(path, [""]), "cells in each other"),
    ("b.mat", structs_without_fields, lambda path: load_mat(path, ["a"]), "without fields"),
    ("a.bvh", wide_bvh, parse_bvh, "end of the file"),
]


@pytest.mark.parametrize(("name", "make", "read", "message"), BOMBS, ids=[b[0] for b in BOMBS])
def test_a_bomb_is_refused_within_a_second(
    name: str,
    make: Callable[[], bytes],
    read: Callable[[Path], object],
    message: str,
    tmp_path: Path,
) -> None:
    path = tmp_path / name
    path.write_bytes(make())
    started = time.process_time()
    with pytest.raises(GsamError, match=message):
        read(path)
    assert time.process_time() - started < 1.0
