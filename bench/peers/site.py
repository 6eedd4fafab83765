"""How soon the site answers and how much memory it takes: `… site FOLDER PRECISION`."""

from __future__ import annotations

import re
import sys
import tempfile
import time
from pathlib import Path

from bench.checkpoint import BYTES_PER_WEIGHT, num_weights_per_token
from bench.http_client import RequestFailed
from bench.peers.http import HttpPeer
from bench.protocol import Figures, Prompts, answer_commands
from bench.site import run_site
from e2e.live_server import LiveServer


class SitePeer:
    def __init__(self, folder: Path, data_dir: Path, precision: str) -> None:
        self._folder, self._data_dir, self._precision = folder, data_dir, precision
        with run_site(folder, data_dir, precision) as server:
            self._api_token = server.create_account("bench", "premium").api_token

    def start(self, prompts: Prompts, new_tokens: int) -> Figures:
        """From the start of the first process, with its database in place."""
        started = time.perf_counter()
        with run_site(self._folder, self._data_dir, self._precision) as server:
            peer = HttpPeer(server.address, [self._api_token], self._folder)
            _wait_for_answer(peer, prompts[:1])
            seconds = time.perf_counter() - started
            peer.decode(prompts, new_tokens)
            return {"seconds": seconds} | self._memory(server)

    def _memory(self, server: LiveServer) -> Figures:
        """The KV cache is mapped at its full size and costs what was written of it; it
        is the only memory of the engine that could be shared."""
        weights = num_weights_per_token(self._folder)
        weights_mb = weights * BYTES_PER_WEIGHT[self._precision] / 1e6
        engine_pid = server.engine_pid()
        kv_mb = _resident_mb(engine_pid, "RssShmem")
        engine_mb = _resident_mb(engine_pid)
        return {
            "web_mb": _resident_mb(server.process.pid),
            "engine_mb": engine_mb,
            "weights_mb": weights_mb,
            "kv_mb": kv_mb,
            "engine_overhead_mb": engine_mb - weights_mb - kv_mb,
        }


def _wait_for_answer(peer: HttpPeer, prompts: Prompts) -> None:
    while True:
        try:
            peer.one_token(prompts)
        except RequestFailed:
            time.sleep(0.02)
        else:
            return


def _resident_mb(pid: int, kind: str = "VmRSS") -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    match = re.search(rf"^{kind}:\s+(\d+) kB$", status, re.MULTILINE)
    return int(match[1]) * 1024 / 1e6 if match else 0.0


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        site_peer = SitePeer(Path(sys.argv[1]), Path(name), sys.argv[2])
        answer_commands({"start": site_peer.start})
