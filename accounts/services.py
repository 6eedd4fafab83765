"""How accounts come to be."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from accounts import audit
from accounts.models import Project, User
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
    """Whoever runs this server says that the address is theirs: no mail needs asking.

    An earlier one signs nobody in any more.
    """
    EmailAddress.objects.filter(user=user).exclude(email=user.email).delete()
    EmailAddress.objects.update_or_create(
        user=user, email=user.email, defaults={"verified": True, "primary": True}
    )


def set_up_account(*, user: User) -> None:
    """What every account owns from its first moment."""
    Project.objects.get_or_create(user=user, name=Project.DEFAULT_NAME)
