"""Which limits bind one call, and who set each: the tier, staff, or the API token."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from accounts.models import ApiToken, User
from accounts.tiers import LIMIT_KINDS_BY_NAME, LimitKind, Tier

_HIGHEST_TIER = list(Tier)[-1].label


class SetBy(StrEnum):
    TIER = "tier"
    STAFF = "staff"
    API_TOKEN = "api_token"  # noqa: S105 -- a name


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit of an account, or the lower one of a single API token."""

    kind: LimitKind
    allowed: int
    set_by: SetBy
    owner: str

    @property
    def name(self) -> str:
        return self.kind.name

    @property
    def sentence(self) -> str:
        """Such as "Your Free tier allows 10 requests a minute"."""
        allowed = f"{self.allowed:,} {_in_a_sentence(self.kind, self.allowed)}"
        match self.set_by:
            case SetBy.TIER:
                return f"Your {self.owner} tier allows {allowed}"
            case SetBy.STAFF:
                return f"The staff of this server allow your account {allowed}"
            case SetBy.API_TOKEN:
                return f"The API token “{self.owner}” allows {allowed}"

    @property
    def remedy(self) -> str:
        if self.set_by == SetBy.API_TOKEN:
            return "use an API token with a higher limit of its own"
        if self.set_by == SetBy.TIER and self.owner != _HIGHEST_TIER:
            return "choose a tier with a higher limit on the Tiers page"
        return "ask the staff of this server for more"


def limit_of_account(user: User, name: str) -> Limit:
    allowed = getattr(user.limits, name)
    set_by = SetBy.STAFF if name in user.staff_limits else SetBy.TIER
    return Limit(LIMIT_KINDS_BY_NAME[name], allowed, set_by, Tier(user.tier).label)


def limit_of_api_token(api_token: ApiToken | None, name: str) -> Limit | None:
    """The API token's own limit, where it has one. The account's holds beside it."""
    if api_token is None or name not in api_token.own_limits:
        return None
    allowed = api_token.own_limits[name]
    return Limit(LIMIT_KINDS_BY_NAME[name], allowed, SetBy.API_TOKEN, api_token.name)


def limits_on(user: User, api_token: ApiToken | None, name: str) -> list[Limit]:
    """The limits of this name that hold, the account's first."""
    own = limit_of_api_token(api_token, name)
    return [limit_of_account(user, name), *([own] if own else [])]


def _in_a_sentence(kind: LimitKind, allowed: int) -> str:
    what, _, when = kind.label.partition(" ")
    what = what.lower()
    return f"{what.removesuffix('s') if allowed == 1 else what} {when}"
