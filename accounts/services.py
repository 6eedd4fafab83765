"""Everything that changes accounts, projects and API tokens."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from accounts import audit, credentials
from accounts.models import ApiToken, Project, User
from accounts.tiers import Tier


@transaction.atomic
def register_user(*, email: str, password: str, tier: Tier = Tier.FREE) -> User:
    """An account with a confirmed address, for commands, scripts and tests.

    Raises `ValidationError` for a bad address, a taken one, or a weak password.
    """
    validate_email(email)
    email = User.objects.normalize_email(email)
    if User.objects.filter(email__iexact=email).exists():
        raise ValidationError(f"There is an account for {email} already.")
    validate_password(password, User(email=email))
    user = User.objects.create_user(email, password, tier=tier)
    vouch_for_address(user=user)
    set_up_account(user=user)
    audit.record(user=user, kind="account.created")
    return user


def vouch_for_address(*, user: User) -> None:
    """Whoever runs this server says that the address is theirs: no mail needs asking."""
    EmailAddress.objects.update_or_create(
        user=user, email=user.email, defaults={"verified": True, "primary": True}
    )


def set_up_account(*, user: User) -> None:
    """What every account owns from its first moment."""
    Project.objects.get_or_create(user=user, name=Project.DEFAULT_NAME)


def change_tier(*, user: User, tier: Tier) -> None:
    """Takes effect at once, whichever way. Approval or payment would come in here."""
    user.tier = tier
    user.save(update_fields=["tier"])


def issue_api_token(*, project: Project, name: str) -> tuple[ApiToken, str]:
    """A new API token and its plaintext, which exists only in this return value."""
    plaintext = credentials.generate()
    api_token = ApiToken.objects.create(
        project=project,
        name=name,
        prefix=credentials.prefix_of(plaintext),
        digest=credentials.digest_of(plaintext),
    )
    return api_token, plaintext


def revoke_api_token(*, api_token: ApiToken) -> None:
    """Refused from now on. Revoking twice keeps the first time."""
    ApiToken.objects.active().filter(pk=api_token.pk).update(revoked_at=timezone.now())
    api_token.refresh_from_db(fields=["revoked_at"])
