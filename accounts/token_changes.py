"""What differs between an API token and what it is to become, in words."""

from __future__ import annotations

import datetime

from accounts.models import ApiToken, Scope
from accounts.tiers import LIMIT_KINDS_BY_NAME
from accounts.token_options import TokenOptions


def describe_changes(api_token: ApiToken, name: str, options: TokenOptions) -> str:
    """Such as "Expires: never → 3 Mar 2027, 12:00 UTC"; empty where nothing differs."""
    before = _lines(api_token.name, TokenOptions.of(api_token))
    after = _lines(name, options)
    return "; ".join(
        f"{label}: {before[label]} → {after[label]}"
        for label in after
        if before[label] != after[label]
    )


def _lines(name: str, options: TokenOptions) -> dict[str, str]:
    return {
        "Name": f"“{name}”",
        "May": ", ".join(one.label for one in Scope if one in options.scopes),
        "Expires": _moment(options.expires_at),
        "Models": ", ".join(sorted(options.allowed_models)) or "every one",
        "Limits": _limits(options.own_limits),
    }


def _moment(moment: datetime.datetime | None) -> str:
    if moment is None:
        return "never"
    written = moment.astimezone(datetime.UTC)
    return f"{written.day} {written:%b %Y, %H:%M:%S} UTC"


def _limits(own_limits: dict[str, int]) -> str:
    return (
        ", ".join(
            f"{kind.label} {own_limits[name]:,}"
            for name, kind in LIMIT_KINDS_BY_NAME.items()
            if name in own_limits
        )
        or "none of its own"
    )
