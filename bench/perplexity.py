"""What a precision costs: `python -m bench.perplexity FOLDER TEXT`.

The engine reads the text in windows that share no context and tells how likely each
token but the first of a window was. Prints a table, then one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from inference.config import PRECISIONS, EngineConfig
from inference.engine import Engine, load_engine
from inference.messages import Submit
from inference.sampling_params import SamplingParams
from inference.tokenizer import Tokenizer

NUM_SLOTS = 4


@dataclass(frozen=True, slots=True)
class Loss:
    precision: str
    tokens: int
    nats_per_token: float

    @property
    def perplexity(self) -> float:
        return math.exp(self.nats_per_token)


def windows_of(token_ids: list[int], length: int) -> list[list[int]]:
    """Whole windows only, so that every token has as much before it as the others."""
    starts = range(0, len(token_ids) - length + 1, length)
    return [token_ids[start : start + length] for start in starts]


def loss(engine: Engine, precision: str, windows: list[list[int]]) -> Loss:
    for number, window in enumerate(windows):
        engine.add(_submit(str(number), window))
    nats, tokens = 0.0, 0
    while engine.has_work:
        for event in engine.step():
            known = [one.logprob for one in event.prompt_logprobs if one is not None]
            nats, tokens = nats - math.fsum(known), tokens + len(known)
    return Loss(precision, tokens, nats / tokens)


def measure(
    folder: Path, text: str, *, precisions: list[str], length: int, num_threads: int
) -> list[Loss]:
    windows = windows_of(Tokenizer.load(folder).encode(text), length)
    if not windows:
        sys.exit(f"The text has fewer than {length} tokens.")
    losses = []
    for precision in precisions:
        config = EngineConfig(
            precision=precision,  # type: ignore[arg-type]
            num_slots=NUM_SLOTS,
            num_threads=num_threads,
            max_waiting_requests=len(windows),
            max_waiting_tokens=(length + 1) * len(windows),
        )
        losses.append(loss(load_engine(folder, config), precision, windows))
    return losses


def table(losses: list[Loss]) -> str:
    """Each precision beside the first one."""
    lines = ["| precision | perplexity | nats a token | change |", "|---|---|---|---|"]
    for one in losses:
        change = one.perplexity / losses[0].perplexity - 1
        lines.append(
            f"| {one.precision} | {one.perplexity:.3f} | {one.nats_per_token:.4f} "
            f"| {change:+.2%} |"
        )
    return "\n".join(lines)


def _submit(name: str, window: list[int]) -> Submit:
    sampling = SamplingParams(max_new_tokens=1, temperature=0.0, prompt_logprobs=0)
    return Submit(request_id=name, model="", prompt_token_ids=window, sampling=sampling)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="a checkpoint")
    parser.add_argument("text", type=Path, help="text that it was not trained on")
    parser.add_argument("--window", type=int, default=512, help="tokens (512)")
    parser.add_argument("--precisions", nargs="+", default=["fp32", "bf16", "int8"])
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    if unknown := set(options.precisions) - set(PRECISIONS):
        parser.error(f"no such precision: {', '.join(sorted(unknown))}")
    losses = measure(
        options.folder,
        options.text.read_text(encoding="utf-8"),
        precisions=options.precisions,
        length=options.window,
        num_threads=options.threads,
    )
    figures = {one.precision: asdict(one) for one in losses}
    sys.stdout.write(f"{table(losses)}\n{json.dumps(figures)}\n")


if __name__ == "__main__":
    main()
