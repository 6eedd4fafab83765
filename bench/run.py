"""Starts the peers, asks them everything round by round, and keeps their figures."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.checkpoint import make_prompter
from bench.peers import KINDS, Kind
from bench.plan import PARTS, Part, Peers, Prompter, Question, Sizes
from bench.process import PeerFailed, PeerProcess
from bench.samples import Samples

FULL = Sizes()
QUICK = Sizes(
    streams=(1, 4),
    new_tokens=12,
    one_token_calls=2,
    door_streams=4,
    joined_streams=2,
    joining_tokens=300,
    shared_tokens=128,
    steady_clients=2,
    steady_calls=2,
    unloaded_calls=2,
)


def measure(options: argparse.Namespace, folder: Path) -> Samples:
    with tempfile.TemporaryDirectory(prefix="bench-") as logs:
        run = Run(options, folder, Path(logs))
        with run:
            for part in options.parts:
                run.ask_rounds(PARTS[part])
        return run.samples


class Run:
    """The peers that could be started, and what they have said so far."""

    def __init__(self, options: argparse.Namespace, folder: Path, logs: Path) -> None:
        self.samples = Samples()
        self._options, self._folder, self._logs = options, folder, logs
        self._sizes = QUICK if options.quick else FULL
        self._prompter: Prompter = make_prompter(folder, options.seed)
        self._processes: dict[str, PeerProcess] = {}
        self._peers: Peers = {}
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Run:
        for name, kind, command in _commands(self._options, self._folder):
            try:
                process = PeerProcess(command, self._logs / f"{name}.log")
            except PeerFailed as error:
                _say(f"{name} is left out: {error}")
                continue
            self._processes[name] = self._stack.enter_context(process)
            self._peers[name] = kind
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def ask_rounds(self, part: Part) -> None:
        """One short round to warm up, then those that count; who only wants to see
        that it works needs no warmth."""
        if not self._options.quick:
            short = dataclasses.replace(self._sizes, new_tokens=8, one_token_calls=2)
            self._ask_all(part, short)
        for number in range(self._options.rounds):
            _say(f"{part.__name__}, round {number + 1} of {self._options.rounds}")
            for question, figures in self._ask_all(part, self._sizes):
                self.samples.add(f"{question.peer}.{question.subject}", figures)

    def _ask_all(
        self, part: Part, sizes: Sizes
    ) -> list[tuple[Question, dict[str, float]]]:
        questions = list(part(self._peers, sizes, self._prompter))
        return [(question, self._ask(question)) for question in questions]

    def _ask(self, question: Question) -> dict[str, float]:
        process = self._processes[question.peer]
        try:
            return process.ask(question.scenario, question.arguments)
        except PeerFailed as error:
            raise PeerFailed(f"{question.peer}, {question.subject}: {error}") from error


def _commands(
    options: argparse.Namespace, folder: Path
) -> Iterator[tuple[str, Kind, list[str]]]:
    """Name, kind and command of every peer that was asked for."""
    for kind in KINDS:
        python = options.openvino_python if kind.needs_openvino else sys.executable
        if python is None or kind.name not in options.peers:
            continue
        for variant in kind.variants:
            name = ".".join(filter(None, (kind.name, variant)))
            if not variant or variant in options.precisions:
                yield name, kind, [str(python), "-m", kind.module, str(folder), variant]


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
