"""Whoever is measured, each in a file of its own that runs as a process of its own."""

from __future__ import annotations

from dataclasses import dataclass

ALL_STREAMS = (1, 4, 16, 64)
NUM_SLOTS = max(ALL_STREAMS)


@dataclass(frozen=True, slots=True)
class Kind:
    """A file of this folder, the variants it runs in, and what may be asked of it."""

    name: str
    module: str
    variants: tuple[str, ...]
    streams: tuple[int, ...] = ()
    scenarios: frozenset[str] = frozenset()
    needs_openvino: bool = False


KINDS = (
    Kind("floor", "bench.peers.floor", ("",), scenarios=frozenset({"floor"})),
    Kind(
        "transformers",
        "bench.peers.transformers_generate",
        ("fp32", "bf16"),
        (1, 4, 16),
    ),
    Kind(
        "openvino",
        "bench.peers.openvino",
        ("fp32", "bf16", "int8"),
        (1, 4, 16),
        needs_openvino=True,
    ),
    Kind(
        "engine",
        "bench.peers.engine",
        ("fp32", "bf16", "int8"),
        ALL_STREAMS,
        frozenset({"one_token", "joining", "prefix"}),
    ),
    Kind(
        "inexact",
        "bench.peers.inexact",
        ("fp32", "bf16"),
        ALL_STREAMS,
        frozenset({"prefix"}),
    ),
    Kind(
        "http",
        "bench.peers.http",
        ("bf16",),
        ALL_STREAMS,
        frozenset({"one_token", "joining", "prefix", "steady"}),
    ),
    Kind("doors", "bench.peers.doors", ("bf16",), scenarios=frozenset({"door"})),
    # It runs one request at a time, so more of them tell nothing more.
    Kind("naive", "bench.peers.naive", ("bf16",), scenarios=frozenset({"serial"})),
    Kind("site", "bench.peers.site", ("bf16",), scenarios=frozenset({"start"})),
)
