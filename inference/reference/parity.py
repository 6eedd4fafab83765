"""Holds the engine against transformers: `python -m inference.reference.parity FOLDER`.

transformers continues a few prompts greedily in fp32. The engine is led along the same
tokens, all prompts together and in chunks, and its logits are compared at each of them.
The last line printed is the result as JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import transformers
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from inference.config import PRECISIONS, EngineConfig, Precision
from inference.engine import Runner, load_engine
from inference.errors import InvalidPrecision
from inference.loader import read_config, resolve_device, resolve_precision
from inference.messages import Submit
from inference.sampling_params import SamplingParams
from inference.scheduler import ScheduledRequest
from inference.tokenizer import Tokenizer

NUM_TOKENS = 16
# Longer than GPT-Neo's local window, and read in chunks that do not divide it.
LONG_PROMPT, CHUNK = 320, 48
STORY = (
    "The ferry left at six, and nobody who stood on the quay that morning believed "
    "that it would come back. Anna counted 17 lamps along the shore; the 18th was dark. "
)
TEXTS = {
    "word": "The",
    "short": "When I visit Bath I will",
    "unusual": "naïve café — €5, 東京 \N{PARTY POPPER}\u200d\t\n\n  x = {1: [2, 30]}; \x07?!",
    "long": STORY * 40,
}


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far a precision may be from the reference.

    `difference`: the largest of a logit, in standard deviations of the reference's.
    `divergence`: Kullback and Leibler's, in nats a token. `agreement`: the share of
    tokens whose most likely successor is the reference's, or within `TIE` of it.
    """

    difference: float
    divergence: float
    agreement: float


TIE = 1e-3
TOLERANCES = {
    "fp32": Tolerance(difference=1e-3, divergence=1e-5, agreement=1.0),
    "bf16": Tolerance(difference=math.inf, divergence=0.02, agreement=0.0),
    "int8": Tolerance(difference=math.inf, divergence=0.25, agreement=0.0),
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One precision beside the reference, in the units of `Tolerance`; None stands for
    what is not a finite number."""

    difference: float | None
    divergence: float | None
    agreement: float
    matches: bool


@dataclass(frozen=True, slots=True)
class Reference:
    """A prompt, transformers' greedy tokens after it, and the logits of each."""

    prompt: list[int]
    completion: list[int]
    logits: Tensor


class Led:
    """A runner that keeps the logits and lets the reference's token win."""

    def __init__(self, inner: Runner, references: dict[str, Reference]) -> None:
        self._inner, self._references = inner, references
        self.copy = inner.copy
        self.logits: dict[str, list[Tensor]] = {name: [] for name in references}

    def run(self, scheduled: Sequence[ScheduledRequest]) -> Tensor:
        logits = self._inner.run(scheduled)
        sampling = [item.request for item in scheduled if item.samples]
        led = torch.zeros_like(logits)
        for row, request in enumerate(sampling):
            known = self.logits[request.request_id]
            led[row, self._references[request.request_id].completion[len(known)]] = 1
            known.append(logits[row].float().cpu())
        return led


def check(folder: Path, precision: Precision = "auto") -> dict[str, object]:
    """Compare every precision that this machine computes in, and the one named."""
    tokenizer = Tokenizer.load(folder)
    problem = tokenizer_problem(folder, tokenizer)
    references = continue_greedily(folder, prompts_of(folder, tokenizer))
    comparisons = {
        name: compare(folder, name, references) for name in _precisions(precision)
    }
    return {
        "transformers": transformers.__version__,
        "tokenizer": problem,
        "precisions": {name: asdict(found) for name, found in comparisons.items()},
    }


def prompts_of(folder: Path, tokenizer: Tokenizer) -> dict[str, list[int]]:
    """Token ids of each text, cut to what the context leaves beside the completion."""
    config = read_config(folder)
    room = config["max_position_embeddings"] - NUM_TOKENS
    longest = max(min(LONG_PROMPT, room), 1)
    return {
        name: tokenizer.encode(text)[:longest] or [0] for name, text in TEXTS.items()
    }


def tokenizer_problem(folder: Path, tokenizer: Tokenizer) -> str:
    """The first text that transformers cuts or joins in another way; empty if none."""
    reference = AutoTokenizer.from_pretrained(folder)
    for name, text in TEXTS.items():
        ids = tokenizer.encode(text)
        if ids != reference.encode(text, add_special_tokens=False):
            return f"the tokens of the {name} text differ"
        joined = reference.decode(
            ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        if tokenizer.decode(ids) != joined:
            return f"the {name} text is joined in another way"
    return ""


def continue_greedily(
    folder: Path, prompts: dict[str, list[int]]
) -> dict[str, Reference]:
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager"
    )
    return {name: _continue(model, prompt) for name, prompt in prompts.items()}


def _continue(model: PreTrainedModel, prompt: list[int]) -> Reference:
    output = model.generate(
        torch.tensor([prompt]),
        attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
        max_new_tokens=NUM_TOKENS,
        do_sample=False,
        num_beams=1,
        repetition_penalty=1.0,
        eos_token_id=None,
        pad_token_id=0,
        output_logits=True,
        return_dict_in_generate=True,
    )
    completion = output.sequences[0, len(prompt) :].tolist()
    return Reference(prompt, completion, torch.cat(output.logits).float())


def compare(
    folder: Path, precision: str, references: dict[str, Reference]
) -> Comparison:
    """Lead the engine along the reference's tokens, in one precision."""
    config = EngineConfig(
        precision=precision,  # type: ignore[arg-type]
        num_slots=len(references),
        max_prefill_tokens=CHUNK,
        num_threads=torch.get_num_threads(),
    )
    led: list[Led] = []

    def lead(runner: Runner) -> Runner:
        led.append(Led(runner, references))
        return led[0]

    engine = load_engine(folder, config, wrap=lead)
    for name, reference in references.items():
        engine.add(_submit(name, reference))
    while engine.has_work:
        engine.step()
    rows = [row for name in references for row in led[0].logits[name]]
    expected = torch.cat([reference.logits for reference in references.values()])
    return judge(torch.stack(rows), expected, TOLERANCES[precision])


def judge(logits: Tensor, expected: Tensor, tolerance: Tolerance) -> Comparison:
    """Rows are `[token, vocabulary]`, in fp32."""
    spread = expected.std().item()
    likely, wanted = logits.log_softmax(-1), expected.log_softmax(-1)
    chosen = expected.gather(1, logits.argmax(-1, keepdim=True))
    is_best = expected.amax(-1, keepdim=True) - chosen <= TIE * spread
    found = Tolerance(
        difference=(logits - expected).abs().max().item() / spread,
        divergence=(wanted.exp() * (wanted - likely)).sum(-1).mean().item(),
        agreement=is_best.float().mean().item(),
    )
    return Comparison(
        difference=_rounded(found.difference),
        divergence=_rounded(max(found.divergence, 0.0)),
        agreement=round(found.agreement, 4),
        # A comparison with what is not a number is false, so it does not match.
        matches=found.difference <= tolerance.difference
        and found.divergence <= tolerance.divergence
        and found.agreement >= tolerance.agreement,
    )


def _rounded(value: float) -> float | None:
    """Three digits; JSON has no word for what is not a finite number."""
    return float(f"{value:.3g}") if math.isfinite(value) else None


def _submit(name: str, reference: Reference) -> Submit:
    sampling = SamplingParams(
        max_new_tokens=NUM_TOKENS, temperature=0.0, ignore_eos=True
    )
    return Submit(
        request_id=name,
        model="",
        prompt_token_ids=reference.prompt,
        sampling=sampling,
    )


def _precisions(named: Precision) -> list[str]:
    """fp32, whatever this machine serves in by itself, and what it was told to."""
    device = resolve_device()
    usual = {
        "fp32",
        resolve_precision("auto", device),
        resolve_precision(named, device),
    }
    with contextlib.suppress(InvalidPrecision):
        usual.add(resolve_precision("int8", device))
    return [name for name in PRECISIONS if name in usual]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--precision", choices=PRECISIONS, default="auto")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(json.dumps(check(arguments.folder, arguments.precision)))  # noqa: T201


if __name__ == "__main__":
    main()
