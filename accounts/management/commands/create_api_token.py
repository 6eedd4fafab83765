from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.api_tokens import issue_api_token
from accounts.forms import ApiTokenForm
from accounts.models import User


class Command(BaseCommand):
    help = "Create an API token in an account's Default project; the last line is it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--name", required=True, help="what it is for")

    def handle(self, *, email: str, name: str, **options: Any) -> None:
        form = ApiTokenForm({"name": name})
        if not form.is_valid():
            raise CommandError(" ".join(str(error) for error in form.errors["name"]))
        _, plaintext = issue_api_token(
            project=_user(email).default_project, name=form.cleaned_data["name"]
        )
        self.stdout.write("This API token is shown once; keep it now.")
        self.stdout.write(plaintext)


def _user(email: str) -> User:
    try:
        return User.objects.get_by_natural_key(email)
    except User.DoesNotExist as error:
        raise CommandError(
            f"There is no account {email}. Create it with: "
            f"manage.py create_account {email}"
        ) from error
