"""Requests without an engine, for what decides about them."""

from __future__ import annotations

from inference.detokenizer import Detokenizer
from inference.messages import Submit
from inference.request import Request
from inference.sampling_params import SamplingParams


def make_request(
    name: str,
    num_prompt_tokens: int = 3,
    max_new_tokens: int = 4,
    *,
    prompt: list[int] | None = None,
    prompt_logprobs: int | None = None,
    **fields: object,
) -> Request:
    submit = Submit(
        request_id=name,
        model="toy",
        prompt_token_ids=prompt or [1] * num_prompt_tokens,
        sampling=SamplingParams(
            max_new_tokens=max_new_tokens, prompt_logprobs=prompt_logprobs
        ),
        **fields,  # type: ignore[arg-type]
    )
    return Request.from_submit(submit, Detokenizer([]), arrived_at=0.0)
