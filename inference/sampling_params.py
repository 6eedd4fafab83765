"""How one request wants its tokens chosen."""

from __future__ import annotations

import math

import msgspec

# More would let the events of one step outgrow a frame.
MAX_ALTERNATIVES = 20
# Beyond these, sums and powers in fp32 would overflow.
MAX_BIAS = 1e9
MAX_LENGTH_PENALTY = 10.0
MAX_PENALTY = 100.0
MIN_TEMPERATURE = 1e-5


class BeamParams(msgspec.Struct, frozen=True, kw_only=True):
    """Search with several beams, as transformers' `generate(num_beams=...)` does it.
    A single beam is no search: leave this out.

    The best `num_sequences` completions come at the end, all at once. A sequence's
    score is the sum of its logarithms of probability over its number of new tokens to
    the power of `length_penalty`. `early_stopping` says when the search ends: `True`
    with the first `num_beams` complete sequences, `False` when by a rule of thumb no
    better one is in sight, `None` (transformers' "never") when none is possible.
    """

    num_beams: int
    num_sequences: int = 1
    length_penalty: float = 1.0
    early_stopping: bool | None = False

    def __post_init__(self) -> None:
        _require(self.num_beams >= 2, "num_beams must be at least 2")
        _require(
            1 <= self.num_sequences <= self.num_beams,
            "num_sequences must be between 1 and num_beams",
        )
        _require(
            abs(self.length_penalty) <= MAX_LENGTH_PENALTY,
            f"length_penalty must be at most {MAX_LENGTH_PENALTY} either way",
        )


class SamplingParams(msgspec.Struct, frozen=True, kw_only=True):
    """Validated on construction: `ValueError` names the parameter that is wrong.

    Names and meanings are transformers'; what is left alone is off. `temperature` 0 is
    greedy. `seed` is always a number here: whoever builds a request without one draws
    it and reports it back. `logit_bias` is added to the logits of its token ids.
    `frequency_penalty` and `presence_penalty` are OpenAI's: they are subtracted from the
    logits of the tokens that the completion has, the former as often as it has them.

    `end_token_ids` (transformers' `eos_token_id`; `None` is the checkpoint's own) and
    `stop_token_ids` both end the completion; such a token is the last of `token_ids`
    and its text is not shown. `ignore_eos` switches the former off. None of them is
    chosen before `min_new_tokens`; a `stop` sequence may still come earlier.

    `logprobs` is the number of best alternatives to report beside each chosen token, 0
    for the chosen one alone, `prompt_logprobs` the same for the tokens of the prompt.
    They are of the model's own distribution, before anything here has changed it.
    """

    max_new_tokens: int
    min_new_tokens: int = 0
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    typical_p: float = 1.0
    repetition_penalty: float = 1.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    no_repeat_ngram_size: int = 0
    bad_words_ids: tuple[tuple[int, ...], ...] = ()
    logit_bias: dict[int, float] = {}
    seed: int = 0
    stop: tuple[str, ...] = ()
    stop_token_ids: tuple[int, ...] = ()
    end_token_ids: tuple[int, ...] | None = None
    ignore_eos: bool = False
    logprobs: int | None = None
    prompt_logprobs: int | None = None
    beams: BeamParams | None = None

    def __post_init__(self) -> None:
        _check_length(self)
        _check_distribution(self)
        _check_token_ids(self)
        for name in ("logprobs", "prompt_logprobs"):
            _require(
                0 <= (getattr(self, name) or 0) <= MAX_ALTERNATIVES,
                f"{name} must be between 0 and {MAX_ALTERNATIVES}",
            )

    @property
    def is_greedy(self) -> bool:
        """A temperature so low that only the best token is left counts as none."""
        return self.temperature < MIN_TEMPERATURE

    @property
    def named_token_ids(self) -> dict[str, list[int]]:
        """All ids that stand here, by parameter."""
        return {
            "bad_words_ids": [n for word in self.bad_words_ids for n in word],
            "logit_bias": list(self.logit_bias),
            "stop_token_ids": list(self.stop_token_ids),
            "end_token_ids": list(self.end_token_ids or ()),
        }


def _check_length(params: SamplingParams) -> None:
    _require(params.max_new_tokens >= 1, "max_new_tokens must be at least 1")
    _require(
        0 <= params.min_new_tokens <= params.max_new_tokens,
        "min_new_tokens must be between 0 and max_new_tokens",
    )
    _require(all(params.stop), "stop sequences must not be empty")


def _check_distribution(params: SamplingParams) -> None:
    _require(0 <= params.temperature < math.inf, "temperature must be 0 or more")
    _require(0 <= params.top_k < 2**31, "top_k must be 0 (off) or more")
    _require(0 < params.top_p <= 1, "top_p must be above 0 and at most 1")
    _require(0 <= params.min_p <= 1, "min_p must be between 0 and 1")
    _require(0 < params.typical_p <= 1, "typical_p must be above 0 and at most 1")
    _require(
        0 < params.repetition_penalty < math.inf,
        "repetition_penalty must be above 0",
    )
    for name in ("frequency_penalty", "presence_penalty"):
        _require(
            abs(getattr(params, name)) <= MAX_PENALTY,
            f"{name} must be at most {MAX_PENALTY} either way",
        )
    _require(
        params.no_repeat_ngram_size >= 0, "no_repeat_ngram_size must be 0 (off) or more"
    )
    _require(0 <= params.seed < 2**63, "seed must be between 0 and 2**63 - 1")


def _check_token_ids(params: SamplingParams) -> None:
    _require(all(params.bad_words_ids), "bad_words_ids must not hold an empty word")
    _require(
        all(abs(bias) <= MAX_BIAS for bias in params.logit_bias.values()),
        f"logit_bias must be at most {MAX_BIAS:.0e} either way",
    )
    for name, token_ids in params.named_token_ids.items():
        _require(all(n >= 0 for n in token_ids), f"{name} must be 0 or more")


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)
