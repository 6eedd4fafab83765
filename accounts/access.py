"""What an API token may do beyond being valid."""

from __future__ import annotations

from accounts.errors import InsufficientScope, ModelNotAllowed
from accounts.models import ApiToken, Scope


def require_scope(api_token: ApiToken, scope: Scope) -> None:
    if not api_token.has_scope(scope):
        raise InsufficientScope(f"This API token lacks the scope {scope}.")


def require_model(api_token: ApiToken, slug: str) -> None:
    if not api_token.allows_model(slug):
        raise ModelNotAllowed(
            f"This API token allows {', '.join(api_token.allowed_models)} "
            f"and not {slug}.",
            param="model",
        )
