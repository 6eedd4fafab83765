from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.api.serializers import A_DAY_IN_SECONDS, CreateTokenInput
from accounts.api_tokens import issue_api_token
from accounts.errors import Conflict
from accounts.models import Project, Scope, User
from accounts.projects import select_project


class Command(BaseCommand):
    help = "Create an API token for an account; the last line that it prints is it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--name", required=True, help="what it is for")
        parser.add_argument(
            "--project",
            default=Project.DEFAULT_NAME,
            help="made where there is none of that name",
        )
        parser.add_argument(
            "--scope",
            action="append",
            choices=Scope.values,
            help="what it may do; may be given several times (predict alone)",
        )
        parser.add_argument(
            "--model",
            action="append",
            metavar="SLUG",
            help="a model that it allows; may be given several times (every one)",
        )
        parser.add_argument("--expires-in-days", type=int, metavar="DAYS")
        parser.add_argument(
            "--limit",
            action="append",
            metavar="NAME=NUMBER",
            help="a limit of its own, such as tokens_per_day=50000",
        )

    def handle(self, *, email: str, name: str, project: str, **options: Any) -> None:
        user = _user(email)
        chosen = _read(name, options)
        try:
            chosen.options().require_below(user)
            _, plaintext = issue_api_token(
                project=select_project(user=user, name=project),
                name=chosen.validated_data["name"],
                options=chosen.options(),
            )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except Conflict as error:
            raise CommandError(error.message) from error
        self.stdout.write("This API token is shown once; keep it now.")
        self.stdout.write(plaintext)


def _read(name: str, options: dict[str, Any]) -> CreateTokenInput:
    days = options["expires_in_days"]
    given = {
        "name": name,
        "scopes": options["scope"],
        "allowed_models": options["model"],
        "expires_in_seconds": None if days is None else days * A_DAY_IN_SECONDS,
        "limits": dict(_limit(one) for one in options["limit"] or ()),
    }
    chosen = CreateTokenInput(
        data={field: value for field, value in given.items() if value is not None}
    )
    if not chosen.is_valid():
        raise CommandError(" ".join(_sentences(chosen.errors)))
    return chosen


def _limit(given: str) -> tuple[str, int | str]:
    """What is no number is said to be none by what reads it."""
    name, _, number = given.partition("=")
    return name, int(number) if number.isdecimal() else number


def _sentences(problems: Any, field: str = "") -> Iterator[str]:
    """Each problem after the name of what it is about, however deep it lies."""
    if isinstance(problems, dict):
        for name, inner in problems.items():
            yield from _sentences(inner, str(name) if isinstance(name, str) else field)
    elif isinstance(problems, list):
        for inner in problems:
            yield from _sentences(inner, field)
    else:
        yield f"{field}: {problems}"


def _user(email: str) -> User:
    try:
        return User.objects.get_by_natural_key(email)
    except User.DoesNotExist as error:
        raise CommandError(
            f"There is no account {email}. Create it with: "
            f"manage.py create_account {email}"
        ) from error
