"""Every door of one site, asked over HTTP for the same: `… doors FOLDER PRECISION`."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.doors import DOORS
from bench.peers.http import HttpPeer, run_peer_site
from bench.protocol import Figures, Prompts, answer_commands


class DoorsPeer:
    def __init__(self, peers: dict[str, HttpPeer]) -> None:
        self._peers = peers

    def one_token(self, door: str, prompts: Prompts) -> Figures:
        return self._peers[door].one_token(prompts)

    def decode(self, door: str, prompts: Prompts, new_tokens: int) -> Figures:
        """Streams, but of npu's client, which has none."""
        return self._peers[door].decode(prompts, new_tokens)


def main() -> None:
    folder, precision = Path(sys.argv[1]), sys.argv[2]
    with run_peer_site(folder, precision) as (address, api_tokens):
        peers = {
            name: HttpPeer(address, api_tokens, folder, door)
            for name, door in DOORS.items()
        }
        peer = DoorsPeer(peers)
        answer_commands({"door_one_token": peer.one_token, "door": peer.decode})


if __name__ == "__main__":
    main()
