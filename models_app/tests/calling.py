from __future__ import annotations

from typing import Any

from accounts import quota
from accounts.models import User
from models_app import services
from models_app.models import PredictionSource
from neuro_site.testing import BaseTestCase

PROMPT = "Say "


class CallingTestCase(BaseTestCase):
    """Calls with a prompt of four tokens; the completion of `fakes.HELLO` has five."""

    def caller(self, user: User | None = None) -> services.Caller:
        user = user or self.alice
        return services.Caller(
            user=user,
            project=user.default_project,
            source=PredictionSource.API,
            api_token=self.api_token_of(user),
        )

    def call(self, **changes: Any) -> dict[str, Any]:
        return {
            "caller": self.caller(),
            "language_model": "neo-tiny",
            "prompts": [PROMPT],
            "parameters": {"max_new_tokens": 20, "seed": 7},
        } | changes

    def tokens(self, user: User | None = None) -> tuple[int, int]:
        """Used and reserved today."""
        status = quota.status(user or self.alice)
        return status.tokens_used, status.tokens_reserved
