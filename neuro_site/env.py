"""Reads settings from the environment and refuses nonsense."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from accounts.private_files import put_private

_ORIGIN = re.compile(
    r"https?://[A-Za-z0-9._-]+(:\d+)?|https?://\[[0-9A-Fa-f:]+\](:\d+)?"
)


def env_str(name: str, default: str = "") -> str:
    """The variable itself, or the content of the file that `NAME_FILE` names."""
    path = os.environ.get(f"{name}_FILE")
    if path:
        return Path(path).read_text().strip()
    return os.environ.get(name, default)


def env_choice(name: str, choices: tuple[str, ...], default: str) -> str:
    value = env_str(name, default)
    if value not in choices:
        raise ImproperlyConfigured(
            f"{name} is {value!r}; use one of {', '.join(choices)}."
        )
    return value


def env_bool(name: str, *, default: bool) -> bool:
    value = env_choice(name, ("true", "false"), "true" if default else "false")
    return value == "true"


def env_int(name: str, default: int) -> int:
    value = env_str(name, str(default))
    try:
        return int(value)
    except ValueError as error:
        raise ImproperlyConfigured(
            f"{name} is {value!r}; use a whole number."
        ) from error


def env_list(name: str, default: str = "") -> list[str]:
    return [part.strip() for part in env_str(name, default).split(",") if part.strip()]


def env_origins(name: str) -> list[str]:
    """Origins as browsers name them, or the one entry `*` for all of them."""
    origins = env_list(name)
    for origin in origins:
        if not _ORIGIN.fullmatch(origin) and origins != ["*"]:
            raise ImproperlyConfigured(
                f"{name} holds {origin!r}; use origins with their scheme and without "
                "a path, such as https://app.example.org, or * alone."
            )
    return origins


def env_secret(name: str, *, kept_in: Path, required: bool) -> str:
    """A secret from the environment, else one made once and kept in a private file."""
    if value := env_str(name):
        return value
    if required:
        raise ImproperlyConfigured(
            f"Set {name} (or {name}_FILE) to a long random string: "
            "with NEURO_PRODUCTION=true no secret is made up for you."
        )
    return _read_or_create(kept_in)


def _read_or_create(path: Path) -> str:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        # Several processes may start at once, and no two may have different ones.
        put_private(secrets.token_urlsafe(48), path)
    return path.read_text()
