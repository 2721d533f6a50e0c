"""DVC processes of our own: each leads a group that ends with this process, however that ends."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

from cluster.dvc_run import INTERRUPTED

__all__ = ["Children"]

GRACE_S = 60.0
"""How long DVC may take, once its stage was told to end, to write down what is finished."""


class Children:
    """The DVC processes that run now; `stop` ends them all and lets no other start."""

    def __init__(self) -> None:
        self.stopping = False
        self._running: set[subprocess.Popen[str] | None] = set()
        self._guard = threading.Lock()

    def run(
        self,
        arguments: Sequence[str],
        env: Mapping[str, str] | None = None,
        hear: Callable[[str], None] | None = None,
    ) -> int:
        """Run `dvc arguments` to its end; its exit code, the failed stage's if one failed.

        Args:
            arguments: of dvc.
            env: variables on top of this process's own.
            hear: is given every line of output; without it, output goes where this process's goes.
        """
        reading, writing = os.pipe()
        try:
            process = self._started(arguments, reading, env, hear is not None)
        finally:
            os.close(reading)
        try:
            if process is None:
                return INTERRUPTED
            for line in process.stdout or ():
                if hear is not None:
                    hear(line.rstrip("\n"))
            code = process.wait()
            return INTERRUPTED if code and self.stopping else code
        finally:
            os.close(writing)
            with self._guard:
                self._running.discard(process)

    def stop(self) -> None:
        """Tell every stage to end and DVC to write down what is finished; at once if said twice."""
        again, self.stopping = self.stopping, True
        number = signal.SIGKILL if again else signal.SIGTERM
        with self._guard:
            for process in self._running:
                _signal(process, number)
                if not again:
                    timer = threading.Timer(GRACE_S, _signal, [process, signal.SIGKILL])
                    timer.daemon = True
                    timer.start()

    @contextmanager
    def stopped_by_signals(self) -> Iterator[None]:
        """Inside the `with` block, SIGINT and SIGTERM stop the children instead of this process."""

        def stop(_number: int, _frame: FrameType | None) -> None:
            # On a thread: the signal may have come while this one was starting a child.
            threading.Thread(target=self.stop).start()

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _started(
        self, arguments: Sequence[str], guard: int, env: Mapping[str, str] | None, piped: bool
    ) -> "subprocess.Popen[str] | None":
        with self._guard:
            if self.stopping:
                return None
            process = subprocess.Popen(
                [sys.executable, "-m", "cluster.dvc_run", str(guard), *arguments],
                env={**os.environ, **(env or {})},
                pass_fds=[guard],
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if piped else None,
                stderr=subprocess.STDOUT if piped else None,
                text=True,
                errors="replace",
            )
            self._running.add(process)
            return process


def _signal(process: "subprocess.Popen[str] | None", number: int) -> None:
    """Send a signal to a process's group, unless it is over."""
    if process is not None and process.poll() is None:
        os.killpg(process.pid, number)
