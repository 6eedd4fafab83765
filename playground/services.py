"""What the playground asks besides running a prompt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from accounts.models import User
from models_app.backends import get_backend
from models_app.errors import ContextLengthExceeded
from models_app.models import LanguageModel
from models_app.parameters import PARAMETERS_BY_NAME
from models_app.prompts import MAX_CHARACTERS_PER_TOKEN
from models_app.services import require_access


@dataclass(frozen=True, slots=True)
class TokenCount:
    tokens: int
    context_length: int


def count_tokens(*, user: User, language_model: str, text: str) -> TokenCount:
    """How much of the model's context the text takes. Costs no quota."""
    entry = LanguageModel.objects.resolve(language_model)
    require_access(user=user, language_model=entry)
    backend = get_backend()
    context_length = backend.context_length(entry.slug)
    if len(text) > context_length * MAX_CHARACTERS_PER_TOKEN:
        raise ContextLengthExceeded(param="inputs")
    return TokenCount(len(backend.encode(entry.slug, text)), context_length)


def parameters_to_write(parameters: Mapping[str, object]) -> dict[str, object]:
    """What a program has to say: the length, and what differs from the defaults."""
    return {
        name: value
        for name, value in parameters.items()
        if name == "max_new_tokens" or value != PARAMETERS_BY_NAME[name].default
    }
