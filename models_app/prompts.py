"""From the prompts of a call to token ids that fit: the model's context, the tier's cap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from accounts.errors import TierLimitExceeded
from accounts.models import User
from models_app.backends import get_backend
from models_app.errors import (
    ContextLengthExceeded,
    InvalidInput,
    InvalidParameter,
)
from models_app.parameters import PARAMETERS_BY_NAME, GenerationParameters
from models_app.texts_of_tokens import require_whole_characters, text_of

# No token of a byte-level vocabulary in use stands for more characters than this, so
# a longer text cannot fit and need not be tokenised to know it.
MAX_CHARACTERS_PER_TOKEN = 128
DEFAULT_NEW_TOKENS = int(PARAMETERS_BY_NAME["max_new_tokens"].default)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One prompt of a call, ready to run."""

    text: str
    token_ids: list[int]
    max_new_tokens: int
    min_new_tokens: int


def prepare_prompts(
    given: Sequence[object],
    *,
    model: str,
    parameters: GenerationParameters,
    user: User,
    default_new_tokens: int = DEFAULT_NEW_TOKENS,
    longest_prompt: int | None = None,
) -> list[Prompt]:
    """Take each as it is, a text or a list of token ids, and decide how long its
    completion may become."""
    _check_count(given, user)
    _check_beams(parameters)
    _check_completions(len(given), parameters, user)
    fitting = _Fitting(
        context_length=get_backend().context_length(model),
        model=model,
        parameters=parameters,
        user=user,
        default_new_tokens=default_new_tokens,
        longest_prompt=longest_prompt,
    )
    return [fitting.prompt(one) for one in given]


def _check_count(given: Sequence[object], user: User) -> None:
    if not given:
        raise InvalidInput("There is no prompt.", param="inputs")
    allowed = user.limits.prompts_per_call
    if len(given) > allowed:
        raise TierLimitExceeded(
            f"This call has {len(given)} prompts; "
            f"your {user.get_tier_display()} tier allows {allowed} in one call.",
            limit="prompts_per_call",
            param="inputs",
        )


def _check_beams(parameters: GenerationParameters) -> None:
    allowed = get_backend().max_beams()
    if parameters.has_beams and parameters.num_beams > allowed:
        raise InvalidParameter(
            f"num_beams is {parameters.num_beams}; "
            f"this server searches with at most {allowed} beams.",
            hint=f"Ask for at most {allowed} beams.",
            param="num_beams",
        )


def _check_completions(
    prompts: int, parameters: GenerationParameters, user: User
) -> None:
    each = parameters.sequences_computed
    allowed = user.limits.completions_per_call
    if prompts * each > allowed:
        name = "num_beams" if parameters.has_beams else "num_return_sequences"
        raise TierLimitExceeded(
            f"{name} is {each}, which makes {prompts * each:,} completions in this "
            f"call; your {user.get_tier_display()} tier allows {allowed:,}.",
            limit="completions_per_call",
            param=name,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fitting:
    context_length: int
    model: str
    parameters: GenerationParameters
    user: User
    default_new_tokens: int
    longest_prompt: int | None

    def prompt(self, given: object) -> Prompt:
        if isinstance(given, list | tuple):
            return self._fitted(token_ids=list(given))
        text = _checked(given, self)
        return self._fitted(get_backend().encode(self.model, text), text=text)

    def _fitted(self, token_ids: list[int], text: str | None = None) -> Prompt:
        if text is None:
            text = text_of(token_ids, model=self.model, param="inputs")
        if self.longest_prompt is not None:
            token_ids = token_ids[-self.longest_prompt :]
        if len(token_ids) >= self.context_length:
            raise ContextLengthExceeded(
                f"The prompt has {len(token_ids):,} tokens; {self.model} has room for "
                f"{self.context_length:,}, prompt and completion together.",
                hint="Shorten the prompt.",
                param="inputs",
            )
        longest = self.max_new_tokens(len(token_ids))
        return Prompt(
            text=text,
            token_ids=token_ids,
            max_new_tokens=longest,
            min_new_tokens=self.min_new_tokens(len(token_ids), longest),
        )

    def max_new_tokens(self, prompt_tokens: int) -> int:
        room = self.context_length - prompt_tokens
        allowed = self.user.limits.max_new_tokens
        asked = self._asked(prompt_tokens)
        if asked is None:
            return min(self.default_new_tokens, room, allowed)
        name = "max_new_tokens" if self.parameters.max_new_tokens else "max_length"
        if asked > room:
            raise ContextLengthExceeded(
                f"{name} asks for {asked:,} new tokens after a prompt of "
                f"{prompt_tokens:,}; {self.model} has room for {room:,} more.",
                hint=f"Ask for at most {room:,} new tokens or shorten the prompt.",
                param=name,
            )
        if asked > allowed:
            raise TierLimitExceeded(
                f"{name} asks for {asked:,} new tokens; your "
                f"{self.user.get_tier_display()} tier allows {allowed:,} in one call.",
                limit="max_new_tokens",
                param=name,
            )
        return asked

    def min_new_tokens(self, prompt_tokens: int, longest: int) -> int:
        new_tokens = self.parameters.min_new_tokens
        asked = new_tokens or max(0, self.parameters.min_length - prompt_tokens)
        if asked > longest:
            raise InvalidParameter(
                f"The completion would need at least {asked:,} new tokens "
                f"and may have {longest:,}.",
                hint=f"Ask for max_new_tokens of at least {asked:,}, "
                "or for less at least.",
                param="min_new_tokens" if new_tokens else "min_length",
            )
        return asked

    def _asked(self, prompt_tokens: int) -> int | None:
        if self.parameters.max_new_tokens is not None:
            return self.parameters.max_new_tokens
        if self.parameters.max_length is None:
            return None
        if self.parameters.max_length <= prompt_tokens:
            raise InvalidParameter(
                f"max_length is {self.parameters.max_length} and the prompt alone has "
                f"{prompt_tokens} tokens.",
                hint="max_length counts prompt and completion together: "
                f"ask for at least {prompt_tokens + 1}, or use max_new_tokens.",
                param="max_length",
            )
        return self.parameters.max_length - prompt_tokens


def _checked(text: object, fitting: _Fitting) -> str:
    if not isinstance(text, str):
        raise InvalidInput(
            "Every prompt must be a text or a list of token ids.", param="inputs"
        )
    if not text:
        raise InvalidInput("The prompt is empty.", param="inputs")
    if len(text) > fitting.context_length * MAX_CHARACTERS_PER_TOKEN:
        raise ContextLengthExceeded(
            f"The prompt has {len(text):,} characters; {fitting.model} has room for "
            f"{fitting.context_length:,} tokens.",
            hint="Shorten the prompt.",
            param="inputs",
        )
    return require_whole_characters(text, param="inputs")
