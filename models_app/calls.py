"""A call before it runs: who asks, whether they may, and what exactly they ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from accounts import access
from accounts.errors import TierRequired
from accounts.models import ApiToken, Project, Scope, User
from models_app.models import LanguageModel, PredictionSource
from models_app.parameters import GenerationParameters
from models_app.prompts import DEFAULT_NEW_TOKENS, Prompt, prepare_prompts
from models_app.vocabulary import TokenIds, banned_words, require_known_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, for which project, and through which door."""

    user: User
    project: Project
    source: PredictionSource
    api_token: ApiToken | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call that makes sense: its prompts fit, and its parameters are those allowed."""

    caller: Caller
    language_model: LanguageModel
    parameters: GenerationParameters
    prompts: list[Prompt]
    bad_words_ids: tuple[TokenIds, ...]

    @property
    def prompt_tokens(self) -> int:
        return sum(len(prompt.token_ids) for prompt in self.prompts)

    @property
    def most_tokens(self) -> int:
        """What it is charged if every completion becomes as long as it may."""
        each = self.parameters.sequences_computed
        longest = sum(prompt.max_new_tokens for prompt in self.prompts)
        return self.prompt_tokens + longest * each


def permit(caller: Caller, language_model: str) -> LanguageModel:
    """The language model that is meant, if the caller may run it at all.

    Raises `ModelNotFound`, `TierRequired`, `InsufficientScope` or `ModelNotAllowed`.
    """
    entry = LanguageModel.objects.resolve(language_model)
    require_access(user=caller.user, language_model=entry)
    if caller.api_token:
        access.require_scope(caller.api_token, Scope.PREDICT)
        access.require_model(caller.api_token, entry.slug)
    return entry


def require_access(*, user: User, language_model: LanguageModel) -> None:
    """Raise `TierRequired`, naming the tier, unless the user's tier includes it."""
    if not language_model.is_open_to(user):
        raise TierRequired(
            f"{language_model.name} needs the "
            f"{language_model.get_minimum_tier_display()} tier; "
            f"yours is {user.get_tier_display()}.",
            param="model",
        )


def understand(
    caller: Caller,
    language_model: LanguageModel,
    prompts: Sequence[object],
    parameters: GenerationParameters,
    *,
    default_new_tokens: int = DEFAULT_NEW_TOKENS,
    longest_prompt: int | None = None,
) -> Call:
    """Tokenise and fit the prompts; raises what says why they do not fit."""
    require_known_tokens(parameters, model=language_model.slug)
    prepared = prepare_prompts(
        prompts,
        model=language_model.slug,
        parameters=parameters,
        user=caller.user,
        default_new_tokens=default_new_tokens,
        longest_prompt=longest_prompt,
    )
    return Call(
        caller=caller,
        language_model=language_model,
        parameters=parameters,
        prompts=prepared,
        bad_words_ids=banned_words(parameters, model=language_model.slug),
    )
