"""API tokens and accounts in the words of the API. Never a value, never a digest."""

from __future__ import annotations

import datetime

from accounts.headroom import counts_of_account, counts_of_api_token
from accounts.models import ApiToken
from accounts.tiers import LIMIT_KINDS

_COUNTED = {
    "requests_per_minute",
    "tokens_per_minute",
    "tokens_per_day",
    "concurrent_requests",
}


def token_json(api_token: ApiToken) -> dict[str, object]:
    project = api_token.project
    return {
        "id": api_token.public_id,
        "name": api_token.name,
        "prefix": api_token.prefix,
        "project": {"id": project.public_id, "name": project.name},
        "scopes": api_token.scopes,
        "allowed_models": api_token.allowed_models,
        "limits": api_token.own_limits,
        "created_at": _moment(api_token.created_at),
        "expires_at": _moment(api_token.expires_at),
        "rotated_at": _moment(api_token.rotated_at),
        "previous_expires_at": _moment(
            api_token.previous_expires_at if api_token.is_rotating else None
        ),
        "last_used_at": _moment(api_token.last_used_at),
        "last_used_from": api_token.last_used_from,
        "state": api_token.state,
    }


def me_json(api_token: ApiToken) -> dict[str, object]:
    user = api_token.user
    counts = counts_of_account(user)
    return {
        "email": user.email,
        "tier": user.tier,
        "api_token": token_json(api_token),
        "limits": [count.as_json() for count in counts],
        "api_token_limits": [
            count.as_json() for count in counts_of_api_token(api_token)
        ],
        "per_call": {
            kind.name: getattr(user.limits, kind.name)
            for kind in LIMIT_KINDS
            if kind.name not in _COUNTED
        },
        "warnings": [count.warning for count in counts if count.warning],
    }


def _moment(moment: datetime.datetime | None) -> str | None:
    return moment.isoformat() if moment else None
