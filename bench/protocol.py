"""What the bench and its peers say to each other: one line of JSON each way.

A peer is a process that reads commands from its standard input and answers on a pipe of
its own, since libraries print what they like. It may run in another environment, so
this file imports nothing but the standard library.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import TextIO

# Tells a peer the number of the descriptor to answer on.
REPLIES = "NEURO_BENCH_REPLIES"
# What a peer measured: a name that ends with its unit, and the number.
Figures = dict[str, float]
Scenario = Callable[..., Figures]
# Token ids; whoever wants text decodes them.
Prompts = list[list[int]]
# The share of their tokens that streams get before a long prompt joins them.
UNDISTURBED = 0.25


def answer_commands(scenarios: Mapping[str, Scenario]) -> None:
    """A peer's whole life: say that it is ready, then answer until the input ends."""
    with os.fdopen(int(os.environ[REPLIES]), "w", encoding="utf-8") as replies:
        _reply(replies, {})
        for line in sys.stdin:
            command = json.loads(line)
            _reply(replies, scenarios[command["scenario"]](**command["arguments"]))


def _reply(replies: TextIO, figures: Figures) -> None:
    replies.write(json.dumps(figures) + "\n")
    replies.flush()


def figures_of(
    started: float, arrivals: Sequence[Sequence[float]], num_tokens: int
) -> Figures:
    """What one load came to: `arrivals` holds the moments of each stream's tokens."""
    ended = max(moments[-1] for moments in arrivals)
    gaps = [gap for moments in arrivals for gap in gaps_of(moments)]
    return {
        "tokens_per_second": num_tokens / (ended - started),
        "ttft_ms": median_ms([moments[0] - started for moments in arrivals]),
        "gap_ms": median_ms(gaps),
    }


def joining_figures(streams: list[list[float]], joined: float, came: float) -> Figures:
    """How a prompt that was read between `joined` and `came` held the streams up; a gap
    of nothing where it was read before any of them could notice."""
    before = [
        gap
        for moments in streams
        for gap in gaps_of([m for m in moments if m < joined])
    ]
    during = [
        later - earlier
        for moments in streams
        for earlier, later in pairwise(moments)
        if later > joined and earlier < came
    ]
    return {
        "ordinary_gap_ms": median_ms(before),
        "longest_gap_ms": 1e3 * max(during, default=0),
        "ttft_ms": 1e3 * (came - joined),
    }


def gaps_of(moments: Sequence[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(moments)]


def median_ms(seconds: Sequence[float]) -> float:
    return 1e3 * statistics.median(seconds) if seconds else 0.0
