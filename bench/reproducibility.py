"""`python -m bench.reproducibility FOLDER`: does a seeded request always get its tokens?

Every request runs alone first, in an engine that shares nothing. Then it runs again in
each of the ways below, and every token is compared. Prints a table, last a line of JSON.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bench.checkpoint import NEO_TINY
from inference.config import EngineConfig
from inference.engine import Engine, load_engine
from inference.loader import read_config
from inference.messages import Submit
from inference.sampling_params import SamplingParams

NEW_TOKENS = 200
SHORTEST_PROMPT, LONGEST_PROMPT = 40, 400
Completions = dict[str, list[int]]
# Submits that go before a request, and the request as this way asks it.
Rewrite = Callable[[Submit, list[int], random.Random], tuple[list[Submit], Submit]]


@dataclass(frozen=True, slots=True)
class Way:
    """One way to run the same requests."""

    name: str
    rewrite: Rewrite
    max_prefill_tokens: int = 256


def unchanged(
    submit: Submit, alone: list[int], chance: random.Random
) -> tuple[list[Submit], Submit]:
    return [], submit


def beside_a_neighbour(
    submit: Submit, alone: list[int], chance: random.Random
) -> tuple[list[Submit], Submit]:
    """Somebody else comes before it, and leaves at some time."""
    prompt = chance.choices(submit.prompt_token_ids, k=chance.randrange(1, 300))
    sampling = SamplingParams(max_new_tokens=chance.randrange(1, NEW_TOKENS))
    neighbour = Submit(f"{submit.request_id} beside", "", prompt, sampling)
    return [neighbour], submit


def after_a_hit(
    submit: Submit, alone: list[int], chance: random.Random
) -> tuple[list[Submit], Submit]:
    """Another prompt of its scope has begun alike."""
    num_shared = chance.randrange(32, len(submit.prompt_token_ids))
    prompt = submit.prompt_token_ids[:num_shared]
    scope = submit.request_id
    first = Submit(
        f"{submit.request_id} first",
        "",
        prompt,
        SamplingParams(max_new_tokens=1),
        cache_scope=scope,
    )
    return [first], msgspec.structs.replace(submit, cache_scope=scope)


def resumed(
    submit: Submit, alone: list[int], chance: random.Random
) -> tuple[list[Submit], Submit]:
    token_ids = alone[: chance.randrange(1, NEW_TOKENS)]
    return [], msgspec.structs.replace(submit, resume_token_ids=token_ids)


WAYS = (
    Way("in random company", beside_a_neighbour),
    Way("after a prefix-cache hit", after_a_hit),
    Way("with another prefill chunking", unchanged, max_prefill_tokens=37),
    Way("after a resume", resumed),
)


def main() -> None:
    options = parse_options()
    rows = [row for name in options.precisions for row in compare(options, name)]
    for row in rows:
        sys.stdout.write(
            f"{row['precision']:5} {row['way']:30} {row['tokens']:>8,} tokens, "
            f"{row['cached_prompt_tokens']:>7,} of their prompts' from the cache: "
            f"{row['different_requests']} requests differ, "
            f"{row['different_tokens']} tokens\n"
        )
    sys.stdout.write(json.dumps(rows) + "\n")


def parse_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.reproducibility")
    parser.add_argument("folder", type=Path, nargs="?", default=NEO_TINY)
    parser.add_argument("--tokens", type=int, default=25_000, help="in each way")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0, help="of the random requests")
    parser.add_argument(
        "--precisions", nargs="+", default=["fp32", "bf16", "int8"], metavar="NAME"
    )
    return parser.parse_args(arguments)


def compare(
    options: argparse.Namespace, precision: str
) -> Iterator[dict[str, str | int]]:
    chance = random.Random(options.seed)
    engine = make_engine(options, precision, num_slots=1, min_shared_tokens=0)
    vocab_size = int(read_config(options.folder)["vocab_size"])
    submits = list(make_requests(options.tokens, vocab_size, chance))
    alone = run(engine, submits)
    for way in WAYS:
        engine = make_engine(
            options, precision, max_prefill_tokens=way.max_prefill_tokens
        )
        again = run_in(way, engine, submits, alone, chance)
        firsts = [_num_equal(alone[name], again[name]) for name in alone]
        yield {
            "precision": precision,
            "way": way.name,
            "tokens": sum(map(len, alone.values())),
            "cached_prompt_tokens": engine.describe("", 0).num_cached_tokens,
            "different_requests": sum(first < NEW_TOKENS for first in firsts),
            "different_tokens": sum(NEW_TOKENS - first for first in firsts),
        }


def make_engine(options: argparse.Namespace, precision: str, **config: int) -> Engine:
    return load_engine(
        options.folder,
        EngineConfig(precision=precision, num_threads=options.threads, **config),  # type: ignore[arg-type]
    )


def make_requests(
    num_tokens: int, vocab_size: int, chance: random.Random
) -> Iterator[Submit]:
    for number in range(-(-num_tokens // NEW_TOKENS)):
        length = chance.randrange(SHORTEST_PROMPT, LONGEST_PROMPT)
        prompt = [chance.randrange(vocab_size) for _ in range(length)]
        sampling = SamplingParams(
            max_new_tokens=NEW_TOKENS, temperature=0.9, seed=number, ignore_eos=True
        )
        yield Submit(f"request {number}", "", prompt, sampling)


def run_in(
    way: Way,
    engine: Engine,
    submits: list[Submit],
    alone: Completions,
    chance: random.Random,
) -> Completions:
    """What each request has in the end, with the tokens that it resumed after."""
    script: list[Submit] = []
    for submit in submits:
        before, changed = way.rewrite(submit, alone[submit.request_id], chance)
        script += [*before, changed]
    made = run(engine, script)
    return {
        one.request_id: one.resume_token_ids + made[one.request_id] for one in script
    }


def run(engine: Engine, submits: list[Submit]) -> Completions:
    """Keep all slots busy until every request has ended."""
    made: Completions = {submit.request_id: [] for submit in submits}
    coming = iter(submits)
    num_slots = engine.scheduler.slots.num_slots
    while True:
        while len(engine.scheduler.waiting) + len(engine.scheduler.running) < num_slots:
            if (submit := next(coming, None)) is None:
                break
            engine.add(submit)
        if not engine.has_work:
            return made
        for event in engine.step():
            made[event.request_id] += event.token_ids


def _num_equal(first: list[int], second: list[int]) -> int:
    """How many tokens are equal before the first that is not."""
    pairs = zip(first, second, strict=False)
    return next(
        (index for index, (one, other) in enumerate(pairs) if one != other),
        min(len(first), len(second)),
    )


if __name__ == "__main__":
    main()
