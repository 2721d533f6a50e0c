"""DVC as a child: ends with the exit code of the stage that failed, and tidily when it is told to.

    python -m cluster.dvc_run FD repro main

DVC itself ends with 255 whatever a stage ended with, and a signal stops it in the middle of writing
dvc.lock. Here SIGTERM and SIGINT end the stage's command but let DVC write down what is finished,
and start nothing more. FD is the read end of a pipe that whoever started this holds open: when that
process dies, even by SIGKILL, no command goes on alone.
"""

import logging
import os
import re
import signal
import sys
import threading
from types import FrameType

__all__ = ["INTERRUPTED", "exit_code"]

INTERRUPTED = 130
STAGE_CODES = (1, 2, 3)
USAGE_CODES = {251: 2, 252: INTERRUPTED, 254: 2}
"""DVC's own: configuration, interrupted, arguments."""


class _Watch(logging.Handler):
    """Hears what DVC says: which exit code a stage ended with, and that another is to start."""

    def __init__(self) -> None:
        super().__init__()
        self.stage_code: int | None = None
        self.stopping = False

    def emit(self, record: logging.LogRecord) -> None:
        """Remember the first failure; raise KeyboardInterrupt where a stage would start."""
        if self.stopping and str(record.msg).startswith("Running stage"):
            raise KeyboardInterrupt
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and self.stage_code is None:
            self.stage_code = exit_code(error)

    def stop(self, _number: int, _frame: FrameType | None) -> None:
        """Start nothing more."""
        self.stopping = True


def exit_code(error: BaseException | None) -> int | None:
    """The exit code of the stage whose command made DVC fail; None where no command did."""
    while error is not None:
        if ended := re.search(r"failed to run: .*, exited with (-?\d+)$", str(error), re.DOTALL):
            code = int(ended[1])
            return code if code in STAGE_CODES else 1
        error = error.__cause__ or error.__context__
    return None


def _end_with(pipe: int) -> None:
    """Wait until the other end of a pipe is gone; then end this process group."""
    while os.read(pipe, 1):
        pass
    # Whoever read the output is gone too, and DVC would rather not write dvc.lock than not say so.
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    os.killpg(0, signal.SIGTERM)


def main(arguments: list[str]) -> int:
    """Run `dvc arguments[1:]` for as long as the pipe `arguments[0]` is open; its exit code."""
    from dvc.cli import main as dvc

    watch = _Watch()
    signal.signal(signal.SIGTERM, watch.stop)
    signal.signal(signal.SIGINT, watch.stop)
    logging.getLogger("dvc").addHandler(watch)
    threading.Thread(target=_end_with, args=[int(arguments[0])], daemon=True).start()
    sys.argv = ["dvc", *arguments[1:]]  # DVC notes who holds a lock by this
    code = int(dvc(arguments[1:]))
    if code == 0:
        return 0
    if watch.stopping:
        return INTERRUPTED
    return watch.stage_code or USAGE_CODES.get(code, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
