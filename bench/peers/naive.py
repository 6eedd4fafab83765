"""The view of `bench.naive_site` behind uvicorn: `… naive FOLDER PRECISION`."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from bench.doors import NATIVE
from bench.peers.http import HttpPeer
from bench.protocol import answer_commands

DOOR = replace(NATIVE, path="/predict")


def main() -> None:
    folder, precision = Path(sys.argv[1]), sys.argv[2]
    listener = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "uvicorn", "bench.naive_site:application"),
            *("--fd", str(listener.fileno()), "--lifespan", "off"),
        ],
        env={
            **os.environ,
            "BENCH_FOLDER": str(folder),
            "BENCH_PRECISION": precision,
        },
        pass_fds=(listener.fileno(),),
    )
    # The server holds its own; connections wait there until it accepts.
    listener.close()
    peer = HttpPeer(address, [""], folder, DOOR)
    # Once it has answered, it has loaded.
    peer.decode([[0]], 1)
    answer_commands({"decode": peer.decode})
    server.terminate()
    server.wait()


if __name__ == "__main__":
    main()
