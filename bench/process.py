"""A peer's process, seen from the bench."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, cast

from bench.protocol import REPLIES, Figures

ROOT = Path(__file__).resolve().parent.parent
STOP_SECONDS = 30
# Threads of the peer before may still be spinning.
PAUSE_SECONDS = 0.1
LOG_CHARACTERS = 1000


class PeerFailed(Exception):
    """The peer ended instead of answering; its log says why."""


class PeerProcess:
    """Ready when it is made, and idle until it is asked; ends with its context."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._log = log
        read_end, write_end = os.pipe()
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, REPLIES: str(write_end)},
                pass_fds=(write_end,),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
            )
        os.close(write_end)
        self._input = cast("IO[str]", self._process.stdin)
        self._replies = os.fdopen(read_end, encoding="utf-8")
        self._read()

    def ask(self, scenario: str, arguments: Mapping[str, object]) -> Figures:
        time.sleep(PAUSE_SECONDS)
        command = json.dumps({"scenario": scenario, "arguments": arguments})
        with contextlib.suppress(BrokenPipeError):
            self._input.write(command + "\n")
            self._input.flush()
        return self._read()

    def close(self) -> None:
        self._process.communicate(timeout=STOP_SECONDS)
        self._replies.close()

    def __enter__(self) -> PeerProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> Figures:
        line = self._replies.readline()
        if not line:
            status = self._process.wait()
            log = self._log.read_text(errors="replace").strip()
            raise PeerFailed(f"it ended with status {status}: {log[-LOG_CHARACTERS:]}")
        figures: Figures = json.loads(line)
        return figures
