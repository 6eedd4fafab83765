"""What a call would need and whether it would be let in, without making it.

Nothing is counted, reserved or charged, so it answers also where a limit is used up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from accounts import headroom
from accounts.models import ApiToken, User
from accounts.reserving import A_DAY, A_MINUTE
from accounts.standing import Count
from models_app.backends import get_backend
from models_app.calls import Caller, permit, understand
from models_app.errors import ContextLengthExceeded
from models_app.models import LanguageModel
from models_app.parameters import GenerationParameters, parse


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptFit:
    """`max_new_tokens` is the longest completion; None where the prompt does not fit."""

    prompt_tokens: int
    max_new_tokens: int | None
    problem: ContextLengthExceeded | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One limit, and what the call would add to what is used of it."""

    count: Count
    requested: int

    @property
    def allows(self) -> bool:
        return self.count.used + self.requested <= self.count.limit.allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    language_model: LanguageModel
    parameters: GenerationParameters
    context_length: int
    prompts: list[PromptFit]
    verdicts: list[Verdict]

    @property
    def fits(self) -> bool:
        return all(prompt.problem is None for prompt in self.prompts)

    @property
    def is_allowed(self) -> bool:
        return all(verdict.allows for verdict in self.verdicts)

    @property
    def prompt_tokens(self) -> int:
        return sum(prompt.prompt_tokens for prompt in self.prompts)

    @property
    def most_tokens(self) -> int:
        return _most_tokens(self.prompts, self.parameters)


def dry_run(
    *,
    caller: Caller,
    language_model: str,
    prompts: Sequence[object],
    parameters: Mapping[str, object],
) -> DryRun:
    """Raises what `services.admit` would, but for limits that fill up, prompts that do
    not fit, and an engine that is away."""
    entry = permit(caller, language_model)
    parsed = parse(parameters)
    get_backend().require_installed(entry.slug)
    fits = _fits(caller, entry, prompts, parsed)
    tokens = _most_tokens(fits, parsed)
    return DryRun(
        language_model=entry,
        parameters=parsed,
        context_length=get_backend().context_length(entry.slug),
        prompts=fits,
        verdicts=_verdicts(caller.user, caller.api_token, tokens),
    )


def _fits(
    caller: Caller,
    entry: LanguageModel,
    prompts: Sequence[object],
    parameters: GenerationParameters,
) -> list[PromptFit]:
    try:
        call = understand(caller, entry, prompts, parameters)
    except ContextLengthExceeded:
        return [_fit(caller, entry, prompt, parameters) for prompt in prompts]
    return [
        PromptFit(
            prompt_tokens=len(prompt.token_ids),
            max_new_tokens=prompt.max_new_tokens,
            problem=None,
        )
        for prompt in call.prompts
    ]


def _fit(
    caller: Caller,
    entry: LanguageModel,
    prompt: object,
    parameters: GenerationParameters,
) -> PromptFit:
    """Each prompt for itself: those that fit are told beside those that do not."""
    try:
        return _fits_alone(caller, entry, prompt, parameters)
    except ContextLengthExceeded as problem:
        token_ids = (
            get_backend().encode(entry.slug, prompt)
            if isinstance(prompt, str)
            else prompt
        )
        count = len(token_ids) if isinstance(token_ids, list) else 0
        return PromptFit(prompt_tokens=count, max_new_tokens=None, problem=problem)


def _fits_alone(
    caller: Caller,
    entry: LanguageModel,
    prompt: object,
    parameters: GenerationParameters,
) -> PromptFit:
    (fitted,) = understand(caller, entry, [prompt], parameters).prompts
    return PromptFit(
        prompt_tokens=len(fitted.token_ids),
        max_new_tokens=fitted.max_new_tokens,
        problem=None,
    )


def _most_tokens(fits: list[PromptFit], parameters: GenerationParameters) -> int:
    longest = sum(fit.max_new_tokens or 0 for fit in fits)
    return sum(fit.prompt_tokens for fit in fits) + (
        longest * parameters.sequences_computed
    )


def _verdicts(user: User, api_token: ApiToken | None, tokens: int) -> list[Verdict]:
    counts = headroom.counts_of_account(user)
    if api_token:
        counts += headroom.counts_of_api_token(api_token)
    return [
        Verdict(
            count=count,
            requested=tokens if count.limit.name in (A_DAY, A_MINUTE) else 1,
        )
        for count in counts
    ]
