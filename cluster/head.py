"""The head of a Ray cluster, as whoever submits a job sees it."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gsam.errors import ConfigError, DataError

__all__ = ["DEFAULT_ADDRESS", "GONE_SECONDS", "Ended", "Head"]

DEFAULT_ADDRESS = "http://127.0.0.1:8265"

GONE_SECONDS = 30
"""A head that has not answered for so long is given up."""

STOP_SECONDS = 600
"""A job that is stopped has this long to save what it finished; Ray's own default is 3."""

_POLL_SECONDS = 1.0
_CONNECT_SECONDS = 5.0


@dataclass(frozen=True)
class Ended:
    """How a job ended, in Ray's words: `succeeded`, or the job's exit code and why it has none."""

    succeeded: bool
    exit_code: int | None
    message: str


class Head:
    """Submits jobs, follows and stops them."""

    def __init__(self, address: str) -> None:
        """Connect.

        Raises:
            ConfigError: nothing answers there, or not a Ray that lets us in.
        """
        self.address = address.rstrip("/")
        parts = urlsplit(self.address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(f"address {address}: expected http://host:8265, Ray's dashboard")
        self._place = (parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))
        if not self._listens():
            raise ConfigError(
                f"no Ray head answers at {self.address}; expected `ray start --head` there, or a"
                " port-forward to its dashboard (--address)"
            )
        # The address given here counts, not one for other tools.
        os.environ.pop("RAY_API_SERVER_ADDRESS", None)
        from ray.exceptions import AuthenticationError
        from ray.job_submission import JobSubmissionClient

        try:
            self._client = JobSubmissionClient(self.address)
        except AuthenticationError:
            raise ConfigError(
                f"{self.address} asks for a token: expected RAY_AUTH_MODE=token and the cluster's"
                " RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH"
            ) from None
        except (RuntimeError, ConnectionError, ValueError, OSError) as error:
            raise ConfigError(f"{self.address}: not a Ray head ({_first_line(error)})") from None
        for name in ("job.sdk", "dashboard_sdk"):
            logging.getLogger(f"ray.dashboard.modules.{name}").setLevel(logging.WARNING)

    def submit(self, job: str, package: Path, entrypoint: str, given: Mapping[str, str]) -> None:
        """Upload a package and start `entrypoint` in it under the name `job`.

        Raises:
            DataError: the head refuses.
        """
        environment = {**given, "RAY_JOB_STOP_WAIT_TIME_S": str(STOP_SECONDS)}
        try:
            self._client.submit_job(
                submission_id=job,
                entrypoint=entrypoint,
                runtime_env={"working_dir": str(package), "env_vars": environment},
            )
        except (RuntimeError, OSError, ValueError) as error:
            raise DataError(f"{self.address} refused job {job}: {_first_line(error)}") from None

    def stop(self, job: str) -> None:
        """Ask a job to end; it saves what it finished. A head that is gone has stopped already."""
        try:
            self._client.stop_job(job)
        except (RuntimeError, OSError):
            return

    def follow(self, job: str) -> Ended:
        """Print a job's output until it ends.

        Raises:
            DataError: the head is gone, or knows no such job.
        """
        return asyncio.run(self._follow(job))

    def wait(self, job: str) -> Ended:
        """`follow` without output."""
        return asyncio.run(self._watch(job))

    async def _follow(self, job: str) -> Ended:
        tail = asyncio.create_task(self._tail(job))
        try:
            ended = await self._watch(job)
            # What was written last may be on its way.
            await asyncio.wait([tail], timeout=5)
        finally:
            tail.cancel()
        return ended

    async def _tail(self, job: str) -> None:
        """Print the log; after a lost connection go on where it broke off."""
        import aiohttp

        printed = 0
        while True:
            seen = 0
            try:
                async for text in self._client.tail_job_logs(job):
                    new = text[max(0, printed - seen) :]
                    seen += len(text)
                    printed = max(printed, seen)
                    _show(new)
                return
            except (RuntimeError, OSError, aiohttp.ClientError):
                await asyncio.sleep(_POLL_SECONDS)

    async def _watch(self, job: str) -> Ended:
        """Ask how the job is until it has ended."""
        answered = time.monotonic()
        while True:
            info = await asyncio.to_thread(self._info, job)
            if info is not None:
                answered = time.monotonic()
                if info.status.is_terminal():
                    succeeded = info.status.value == "SUCCEEDED"
                    message = (info.message or "").strip().splitlines()
                    return Ended(succeeded, info.driver_exit_code, "".join(message[:1])[:300])
            elif time.monotonic() - answered > GONE_SECONDS:
                raise DataError(f"the head at {self.address} has not answered for {GONE_SECONDS} s")
            await asyncio.sleep(_POLL_SECONDS)

    def _info(self, job: str) -> Any:
        """What Ray knows of a job; None while the head does not answer.

        Raises:
            DataError: it answers that there is no such job: it is another head, or a new one.
        """
        import requests

        if not self._listens():
            return None
        try:
            return self._client.get_job_info(job)
        except (requests.RequestException, OSError):
            return None
        except RuntimeError as error:
            if "404" in str(error):
                raise DataError(f"the head at {self.address} knows no job {job}") from None
            return None

    def _listens(self) -> bool:
        try:
            with socket.create_connection(self._place, timeout=_CONNECT_SECONDS):
                return True
        except OSError:
            return False


def _show(text: str) -> None:
    for line in text.splitlines(keepends=True):
        if not line.startswith("Running entrypoint for job ") and "job_manager.py" not in line:
            sys.stdout.write(line)
    sys.stdout.flush()


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
