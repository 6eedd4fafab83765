from __future__ import annotations

import secrets
import sys
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.services import register_user
from accounts.tiers import Tier


class Command(BaseCommand):
    help = (
        "Create an account. The password is read from standard input when something is "
        "piped in, else one is made up and printed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--tier", choices=Tier.values, default=Tier.FREE)

    def handle(self, *, email: str, tier: str, **options: Any) -> None:
        piped = "" if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
        password = piped or secrets.token_urlsafe(15)
        try:
            user = register_user(email=email, password=password, tier=Tier(tier))
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(f"Created {user.email} on {user.get_tier_display()}.")
        if not piped:
            self.stdout.write(f"Password: {password}")
