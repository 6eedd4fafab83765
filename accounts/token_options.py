"""What an API token may do: chosen when it is made, the same in forms and in the API."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError

from accounts.models import ApiToken, Scope, User
from accounts.tiers import LIMIT_KINDS, LIMIT_KINDS_BY_NAME

LIMIT_NAMES = [kind.name for kind in LIMIT_KINDS if kind.is_per_api_token]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenOptions:
    """Empty `allowed_models` allow every one; `own_limits` hold beside the account's."""

    scopes: list[str] = field(default_factory=lambda: [Scope.PREDICT.value])
    expires_at: datetime.datetime | None = None
    allowed_models: list[str] = field(default_factory=list)
    own_limits: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, api_token: ApiToken) -> TokenOptions:
        return cls(
            scopes=api_token.scopes,
            expires_at=api_token.expires_at,
            allowed_models=api_token.allowed_models,
            own_limits=api_token.own_limits,
        )

    def require_below(self, user: User) -> None:
        """Raise `ValidationError` for a limit that is higher than the account's."""
        for name, value in self.own_limits.items():
            allowed = getattr(user.limits, name)
            if value > allowed:
                raise ValidationError(
                    f"{LIMIT_KINDS_BY_NAME[name].label}: your account allows "
                    f"{allowed:,}; choose that or less."
                )

    def excess_over(self, api_token: ApiToken) -> str:
        """What these options allow and `api_token` does not; empty where nothing is.

        An API token manages only what may do no more than itself. Else one that leaks
        would be worth more than it says.
        """
        for is_more, sentence in (
            (set(self.scopes) - set(api_token.scopes), "has other scopes"),
            (self._outlives(api_token), "expires later"),
            (self._allows_more_models(api_token), "allows other models"),
            (self._allows_more_calls(api_token), "has higher limits"),
        ):
            if is_more:
                return sentence
        return ""

    def _outlives(self, api_token: ApiToken) -> bool:
        if api_token.expires_at is None:
            return False
        return self.expires_at is None or self.expires_at > api_token.expires_at

    def _allows_more_models(self, api_token: ApiToken) -> bool:
        if not api_token.allowed_models:
            return False
        extra = set(self.allowed_models) - set(api_token.allowed_models)
        return not self.allowed_models or bool(extra)

    def _allows_more_calls(self, api_token: ApiToken) -> bool:
        return any(
            self.own_limits.get(name, allowed + 1) > allowed
            for name, allowed in api_token.own_limits.items()
        )
