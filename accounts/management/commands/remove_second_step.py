from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import audit
from accounts.models import User


class Command(BaseCommand):
    help = (
        "Let somebody in with the password alone who has lost phone, passkeys and "
        "recovery codes. Make sure first that it is them who ask."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")

    def handle(self, *, email: str, **options: Any) -> None:
        try:
            user = User.objects.get_by_natural_key(email)
        except User.DoesNotExist as error:
            raise CommandError(f"There is no account {email}.") from error
        found = Authenticator.objects.filter(user=user)
        if not found.exists():
            raise CommandError(f"{user.email} has no second step.")
        found.delete()
        audit.record(user=user, kind="mfa.removed", method="every second step")
        self.stdout.write(f"{user.email} signs in with the password alone now.")
