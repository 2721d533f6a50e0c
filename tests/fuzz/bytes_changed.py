"""Bytes of a file, damaged: cut, flipped, overwritten, moved; inside zip members and texts too."""

from __future__ import annotations

import io
import re
import struct
import zipfile
from random import Random

__all__ = ["changed"]

_NUMBERS = [
    *(b"0", b"-1", b"1e999", b"nan", b"-inf", b"1_0", b"0x10", b"1e-320", b"2147483648"),
    *(b"99999999999999999999", b"9" * 5000, b"", b"1.", "٣".encode(), b"1e5", b"-0.0", b"17"),
]
_PATTERNS = [struct.pack(kind, value) for kind in ("<I", ">I", "<Q", ">Q") for value in
             (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)]  # fmt: skip
_WORD = re.compile(rb"[A-Za-z_]+")
_NUMBER = re.compile(rb"-?\d[\d.eE+-]*")
_LARGEST = 1 << 20


def changed(random: Random, content: bytes) -> bytes:
    """One to four damages; of a zip archive often to what one member holds."""
    if content[:2] == b"PK" and random.random() < 0.7:
        inside = _in_zip(random, content)
        if inside is not None:
            return inside
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        content = _once(random, content)
    return content[:_LARGEST]


def _in_zip(random: Random, content: bytes) -> bytes | None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {info.filename: archive.read(info) for info in archive.infolist()}
    except Exception:
        return None
    if not members:
        return None
    name = random.choice(sorted(members))
    what = random.random()
    if what < 0.1:
        del members[name]
    elif what < 0.2:
        members[random.choice(("../x.npy", "/x", "x\0y", "é.npy", name + "x"))] = members.pop(name)
    else:
        members[name] = _once(random, members[name])
    out = io.BytesIO()
    kind = random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(out, "w", kind) as archive:
        for member, value in members.items():
            archive.writestr(member, value)
    return out.getvalue()


def _once(random: Random, content: bytes) -> bytes:
    if not content:
        return bytes([random.randrange(256)])
    text = b"\0" not in content[:512]
    changes = [_cut, _flip, _overwrite, _drop, _double, _pattern]
    # Headers decide more than what follows them.
    return random.choice(changes + [_number, _number, _word, _line] * text)(random, content)


def _place(random: Random, content: bytes) -> int:
    size = len(content)
    return random.randrange(min(size, 256)) if random.random() < 0.4 else random.randrange(size)


def _cut(random: Random, content: bytes) -> bytes:
    return content[: _place(random, content)]


def _flip(random: Random, content: bytes) -> bytes:
    changed = bytearray(content)
    changed[_place(random, content)] ^= 1 << random.randrange(8)
    return bytes(changed)


def _overwrite(random: Random, content: bytes) -> bytes:
    at, count = _place(random, content), random.choice((1, 2, 4, 8, 32))
    return content[:at] + random.randbytes(count) + content[at + count :]


def _pattern(random: Random, content: bytes) -> bytes:
    at, pattern = _place(random, content), random.choice(_PATTERNS)
    return content[:at] + pattern + content[at + len(pattern) :]


def _drop(random: Random, content: bytes) -> bytes:
    at = _place(random, content)
    return content[:at] + content[at + random.choice((1, 4, 16, 64)) :]


def _double(random: Random, content: bytes) -> bytes:
    at, other = _place(random, content), _place(random, content)
    return content[:at] + content[other : other + random.choice((1, 8, 64, 4096))] + content[at:]


def _number(random: Random, content: bytes) -> bytes:
    found = list(_NUMBER.finditer(content[:100_000]))
    if not found:
        return _flip(random, content)
    match = random.choice(found)
    return content[: match.start()] + random.choice(_NUMBERS) + content[match.end() :]


def _word(random: Random, content: bytes) -> bytes:
    found = list(_WORD.finditer(content[:100_000]))
    if not found:
        return _flip(random, content)
    match, other = random.choice(found), random.choice(found)
    return content[: match.start()] + other[0] + content[match.end() :]


def _line(random: Random, content: bytes) -> bytes:
    lines = content.split(b"\n")
    at = random.randrange(len(lines))
    lines[at : at + 1] = random.choice(([], [lines[at]] * 3, [b""], [random.choice(lines)]))
    return b"\n".join(lines)
