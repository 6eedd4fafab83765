"""Neuro's engine alone, as an object in a process: `… engine FOLDER PRECISION`."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench.peers import NUM_SLOTS
from bench.protocol import (
    UNDISTURBED,
    Figures,
    Prompts,
    answer_commands,
    figures_of,
    joining_figures,
    median_ms,
)
from inference.config import EngineConfig
from inference.engine import load_engine
from inference.messages import Submit
from inference.sampling_params import SamplingParams


class EnginePeer:
    def __init__(self, folder: Path, precision: str) -> None:
        config = EngineConfig(num_slots=NUM_SLOTS, precision=precision)  # type: ignore[arg-type]
        self._engine = load_engine(folder, config)
        self._numbers = itertools.count()
        self._arrivals: dict[str, list[float]] = {}

    def decode(self, prompts: Prompts, new_tokens: int) -> Figures:
        started = time.perf_counter()
        names = [self._add(prompt, new_tokens) for prompt in prompts]
        steps = self._run_until(lambda: not self._engine.has_work)
        arrivals = [self._arrivals.pop(name) for name in names]
        figures = figures_of(started, arrivals, sum(map(len, arrivals)))
        return figures | {"step_ms": median_ms(steps)}

    def one_token(self, prompts: Prompts) -> Figures:
        return {
            "total_ms": median_ms([self._first_token(prompt) for prompt in prompts])
        }

    def prefix(self, first: list[int], second: list[int]) -> Figures:
        """Two prompts that begin alike, one after the other."""
        return {
            "first_ttft_ms": 1e3 * self._first_token(first),
            "second_ttft_ms": 1e3 * self._first_token(second),
        }

    def joining(
        self, prompts: Prompts, new_tokens: int, long_prompt: list[int]
    ) -> Figures:
        names = [self._add(prompt, new_tokens) for prompt in prompts]
        enough = new_tokens * UNDISTURBED
        self._run_until(
            lambda: min(len(self._arrivals[name]) for name in names) >= enough
        )
        joined = time.perf_counter()
        long_name = self._add(long_prompt, 1)
        self._run_until(lambda: not self._engine.has_work)
        came = self._arrivals.pop(long_name)[0]
        streams = [self._arrivals.pop(name) for name in names]
        return joining_figures(streams, joined, came)

    def _first_token(self, prompt: list[int]) -> float:
        started = time.perf_counter()
        name = self._add(prompt, 1)
        self._run_until(lambda: not self._engine.has_work)
        return self._arrivals.pop(name)[0] - started

    def _add(self, prompt: list[int], new_tokens: int) -> str:
        name = str(next(self._numbers))
        sampling = SamplingParams(
            max_new_tokens=new_tokens, temperature=0, ignore_eos=True
        )
        self._engine.add(
            Submit(
                request_id=name, model="", prompt_token_ids=prompt, sampling=sampling
            )
        )
        self._arrivals[name] = []
        return name

    def _run_until(self, done: Callable[[], bool]) -> list[float]:
        """The seconds that each step took."""
        steps = []
        while not done():
            started = time.perf_counter()
            events = self._engine.step()
            ended = time.perf_counter()
            steps.append(ended - started)
            for event in events:
                self._arrivals[event.request_id] += [ended] * len(event.token_ids)
        return steps


if __name__ == "__main__":
    peer = EnginePeer(Path(sys.argv[1]), sys.argv[2])
    answer_commands(
        {
            "decode": peer.decode,
            "one_token": peer.one_token,
            "prefix": peer.prefix,
            "joining": peer.joining,
        }
    )
