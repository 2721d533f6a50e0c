"""One reading of one damaged file, watched: what it raises, takes, opens and starts."""

from __future__ import annotations

import resource
import signal
import sys
import sysconfig
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gsam.errors import GsamError

__all__ = ["Finding", "Guard"]

_SECONDS = 5.0
"""Of processor time for a file of kilobytes."""
_MORE_MEMORY = 4 << 30
"""Of addresses: Arrow's allocator reserves them by the GiB and uses few."""
_MORE_RESIDENT = 256 << 20
_LONGEST_LINE = 4000
_FORBIDDEN = (
    *("subprocess.", "socket.", "shutil.", "ctypes.dlopen", "webbrowser.", "pty.", "ftplib."),
    *("os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system", "os.startfile", "os.kill"),
    *("os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir"),
    *("os.symlink", "os.truncate", "os.putenv", "os.unsetenv", "pickle.find_class", "urllib."),
)
_TRIAL = "gsam.boxes.onnx_trial"
_WRITES = 0o3 | 0o100 | 0o1000  # O_WRONLY and O_RDWR, O_CREAT, O_TRUNC


class _TooSlow(BaseException):
    """The limit of processor time has passed."""


class _Forbidden(BaseException):
    """A reader did what no file may make it do; passes through `except Exception`."""


@dataclass(frozen=True)
class Finding:
    """What a reader may not do: its kind, the place in the code, and the words."""

    kind: str
    where: str
    words: str


class Guard:
    """Watches this process for good: `sys.addaudithook` cannot be undone, nor can the limits."""

    def __init__(self, folder: Path) -> None:
        home = Path(__file__).resolve().parents[2]
        prefixes = (sys.prefix, sys.base_prefix, sysconfig.get_path("stdlib"))
        self._readable = tuple(str(place) for place in (folder, home, *prefixes, "/proc", "/sys"))
        self._readable += ("/dev/urandom", "/etc/localtime", "/usr/")
        self._armed = False
        self._seen: list[str] = []
        sys.addaudithook(self._audit)
        signal.signal(signal.SIGPROF, self._stop)
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + _MORE_MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    def watch(self, read: Callable[[Path], object], folder: Path) -> Finding | str:
        """What is wrong with a reading, or "value" or "refused"."""
        self._seen.clear()
        _forget_peak()
        resident = _peak()
        started = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, _SECONDS)
        self._armed = True
        try:
            read(folder)
            outcome: Finding | str = "value"
        except GsamError as error:
            outcome = _refusal(error)
        except _TooSlow as error:
            outcome = Finding("slow", _place(error), f"more than {_SECONDS} s")
        except (Exception, _Forbidden) as error:
            words = (str(error).splitlines() or [""])[0][:200]
            outcome = Finding(type(error).__name__, _place(error), words)
        finally:
            self._armed = False
            signal.setitimer(signal.ITIMER_PROF, 0)
        if self._seen:
            return Finding("forbidden", "", "; ".join(sorted(set(self._seen))))
        grown = _peak() - resident
        if grown > _MORE_RESIDENT and not isinstance(outcome, Finding):
            seconds = time.process_time() - started
            return Finding("memory", "", f"{grown >> 20} MiB more after {seconds:.1f} s")
        return outcome

    def _stop(self, *_: Any) -> None:
        if self._armed:
            raise _TooSlow

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._armed:
            return
        wrong = event.startswith(_FORBIDDEN) and not _is_trial(event, arguments)
        if event == "open" and not isinstance(arguments[0], int):
            path, mode, flags = str(arguments[0]), arguments[1] or "", arguments[2] or 0
            writes = flags & _WRITES or set(str(mode)) & set("wax+")
            wrong = bool(writes) or not str(Path(path).absolute()).startswith(self._readable)
        if wrong:
            self._armed = False
            self._seen.append(f"{event} {arguments!r}"[:200])
            raise _Forbidden(event)


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _peak() -> int:
    """Most bytes of memory in use since the peak was last forgotten."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))


def _is_trial(event: str, arguments: tuple[Any, ...]) -> bool:
    """Whether it is the process of its own in which a reader tries what may end it."""
    return event == "subprocess.Popen" and list(arguments[1][1:3]) == ["-m", _TRIAL]


def _refusal(error: GsamError) -> Finding | str:
    words, place = str(error), _place(error)
    if "\n" in words or not words.strip() or len(words) > _LONGEST_LINE:
        return Finding("message", place, f"{len(words)} characters, {words[:120]!r}")
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MemoryError) or "can't allocate memory" in str(cause):
            return Finding("memory", place, words[:200])
        cause = cause.__cause__ or cause.__context__
    return "refused"


def _place(error: BaseException) -> str:
    """The deepest line of our own code."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/tests/fuzz/" not in frame.filename]
    named = [frame for frame in ours if f"/{Path(__file__).parents[2].name}/" in frame.filename
             and "site-packages" not in frame.filename] or ours  # fmt: skip
    return f"{Path(named[-1].filename).name}:{named[-1].lineno}" if named else ""
