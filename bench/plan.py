"""What is asked of whom. One round asks everything once, so that both sides of every
ratio are measured close to each other."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bench.doors import DOORS
from bench.peers import Kind
from bench.protocol import Prompts


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much work one question is."""

    streams: tuple[int, ...] = (1, 4, 16, 64)
    prompt_tokens: int = 32
    new_tokens: int = 64
    one_token_calls: int = 30
    door_streams: int = 16
    joined_streams: int = 15
    joining_tokens: int = 1500
    shared_tokens: int = 1000
    serial_clients: int = 3
    steady_clients: int = 16
    steady_calls: int = 4
    unloaded_calls: int = 10


@dataclass(frozen=True, slots=True)
class Question:
    """Ask `peer` for a scenario; its figures are known as `peer.subject.figure`."""

    peer: str
    scenario: str
    subject: str
    arguments: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Prompter:
    """Random prompts of words that are one token each, so that a text of them has as
    many tokens; never the same prompt twice."""

    word_ids: Sequence[int]
    random: random.Random

    def prompt(self, length: int) -> list[int]:
        return self.random.choices(self.word_ids, k=length)

    def prompts(self, count: int, length: int) -> Prompts:
        return [self.prompt(length) for _ in range(count)]


Peers = dict[str, Kind]
Part = Callable[[Peers, Sizes, Prompter], Iterator[Question]]


def floor(peers: Peers, sizes: Sizes, prompter: Prompter) -> Iterator[Question]:
    for peer in _peers_with(peers, "floor"):
        yield Question(peer=peer, scenario="read", subject="memory")
        yield Question(peer=peer, scenario="multiply", subject="matrices")


def throughput(peers: Peers, sizes: Sizes, prompter: Prompter) -> Iterator[Question]:
    yield from _serial(peers, sizes, prompter)
    for streams in sizes.streams:
        prompts = prompter.prompts(streams, sizes.prompt_tokens)
        for peer, kind in peers.items():
            if streams in kind.streams:
                yield Question(
                    peer=peer,
                    scenario="decode",
                    subject=f"streams{streams}",
                    arguments={"prompts": prompts, "new_tokens": sizes.new_tokens},
                )


def _serial(peers: Peers, sizes: Sizes, prompter: Prompter) -> Iterator[Question]:
    """Clients of a server that takes them one at a time: more would tell no more."""
    for peer in _peers_with(peers, "serial"):
        yield Question(
            peer=peer,
            scenario="decode",
            subject="serial",
            arguments={
                "prompts": prompter.prompts(sizes.serial_clients, sizes.prompt_tokens),
                "new_tokens": sizes.new_tokens,
            },
        )


def steady(peers: Peers, sizes: Sizes, prompter: Prompter) -> Iterator[Question]:
    calls = range(sizes.steady_clients)
    for peer in _peers_with(peers, "steady"):
        yield Question(
            peer=peer,
            scenario="steady",
            subject="steady",
            arguments={
                "prompts": [
                    prompter.prompts(sizes.steady_calls, sizes.prompt_tokens)
                    for _ in calls
                ],
                "new_tokens": sizes.new_tokens,
                "unloaded": prompter.prompts(sizes.unloaded_calls, sizes.prompt_tokens),
            },
        )


def start(peers: Peers, sizes: Sizes, prompter: Prompter) -> Iterator[Question]:
    for peer in _peers_with(peers, "start"):
        yield Question(
            peer=peer,
            scenario="start",
            subject="start",
            arguments={
                "prompts": prompter.prompts(sizes.steady_clients, sizes.prompt_tokens),
                "new_tokens": sizes.new_tokens,
            },
        )


def one_token(peers: Peers, sizes: Sizes, prompter: Prompter) -> Iterator[Question]:
    prompts = prompter.prompts(sizes.one_token_calls, sizes.prompt_tokens)
    for peer in _peers_with(peers, "one_token"):
        yield Question(
            peer=peer,
            scenario="one_token",
            subject="one_token",
            arguments={"prompts": prompts},
        )


def joining(peers: Peers, sizes: Sizes, prompter: Prompter) -> Iterator[Question]:
    for peer in _peers_with(peers, "joining"):
        yield Question(
            peer=peer,
            scenario="joining",
            subject="joining",
            arguments={
                "prompts": prompter.prompts(sizes.joined_streams, sizes.prompt_tokens),
                "new_tokens": sizes.new_tokens,
                "long_prompt": prompter.prompt(sizes.joining_tokens),
            },
        )


def prefix(peers: Peers, sizes: Sizes, prompter: Prompter) -> Iterator[Question]:
    for peer in _peers_with(peers, "prefix"):
        shared = prompter.prompt(sizes.shared_tokens)
        endings = prompter.prompts(2, sizes.prompt_tokens)
        yield Question(
            peer=peer,
            scenario="prefix",
            subject="prefix",
            arguments={"first": shared + endings[0], "second": shared + endings[1]},
        )


def doors(peers: Peers, sizes: Sizes, prompter: Prompter) -> Iterator[Question]:
    """The engine is asked anew for each door, moments before."""
    for name in DOORS:
        one = {"prompts": prompter.prompts(sizes.one_token_calls, sizes.prompt_tokens)}
        many = {
            "prompts": prompter.prompts(sizes.door_streams, sizes.prompt_tokens),
            "new_tokens": sizes.new_tokens,
        }
        for peer in _peers_with(peers, "one_token"):
            yield Question(peer, "one_token", f"{name}_one_token", one)
            yield Question(peer, "decode", f"{name}_streams", many)
        for peer in _peers_with(peers, "door"):
            yield Question(
                peer, "door_one_token", f"{name}_one_token", one | {"door": name}
            )
            yield Question(peer, "door", f"{name}_streams", many | {"door": name})


PARTS: dict[str, Part] = {
    part.__name__: part
    for part in (floor, throughput, one_token, doors, steady, joining, prefix, start)
}


def _peers_with(peers: Peers, scenario: str) -> list[str]:
    return [peer for peer, kind in peers.items() if scenario in kind.scenarios]
