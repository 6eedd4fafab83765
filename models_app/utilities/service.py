"""Runs utilities for callers: free of quota, and a request of the minute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from accounts import access, rate_limits
from accounts.models import Scope
from models_app.calls import Caller
from models_app.errors import InvalidInput, UnsupportedParameter
from models_app.utilities.table import Utility


def run_utility(
    *,
    caller: Caller,
    utility: Utility,
    items: Sequence[object],
    parameters: Mapping[str, object],
) -> list[Any]:
    """One result for each item, or the `ApplicationError` that says why not."""
    if caller.api_token:
        access.require_scope(caller.api_token, Scope.PREDICT)
        access.require_model(caller.api_token, utility.slug)
    rate_limits.check_request(caller.user, caller.api_token)
    for name in parameters:
        raise UnsupportedParameter(
            f"{utility.name} has no parameters, so it takes no {name[:100]}.",
            hint="Leave it out.",
            param=name[:100],
        )
    if not items:
        raise InvalidInput("There is nothing to work on.", param="data")
    return utility.run(items)
