"""Settings from the environment: what is read, and how nonsense is refused."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from accounts.private_files import put_private
from neuro_site.env import env_bool, env_choice, env_int, env_list, env_secret, env_str

NAME = "NEURO_OF_THIS_TEST"


def test_it_prefers_the_file_that_a_variable_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("from a file\n")
    monkeypatch.setenv(NAME, "from the environment")
    monkeypatch.setenv(f"{NAME}_FILE", str(tmp_path / "secret"))

    assert env_str(NAME) == "from a file"


@pytest.mark.parametrize(("text", "value"), [("true", True), ("false", False)])
def test_it_reads_switches(
    monkeypatch: pytest.MonkeyPatch, text: str, value: bool
) -> None:
    monkeypatch.setenv(NAME, text)

    assert env_bool(NAME, default=not value) is value


def test_it_refuses_a_switch_that_is_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "yes")

    with pytest.raises(ImproperlyConfigured, match=f"{NAME} is 'yes'; use one of true"):
        env_bool(NAME, default=False)


def test_it_refuses_what_is_no_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "fp8")

    with pytest.raises(ImproperlyConfigured, match="auto, fp32"):
        env_choice(NAME, ("auto", "fp32"), "auto")


def test_it_refuses_what_is_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "many")

    with pytest.raises(ImproperlyConfigured, match="use a whole number"):
        env_int(NAME, 1)


def test_it_reads_lists_without_empty_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "a, b,,")

    assert env_list(NAME) == ["a", "b"]


def test_it_makes_a_secret_once_and_keeps_it_private(tmp_path: Path) -> None:
    path = tmp_path / "data" / "secret"

    made = env_secret(NAME, kept_in=path, required=False)

    assert len(made) > 40
    assert env_secret(NAME, kept_in=path, required=False) == made
    assert path.stat().st_mode & 0o777 == 0o600


def test_it_takes_the_secret_that_another_process_made_meanwhile(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "secret"

    def make_up(num_bytes: int) -> str:
        put_private("the other's", path)
        return "ours"

    monkeypatch.setattr(secrets, "token_urlsafe", make_up)

    assert env_secret(NAME, kept_in=path, required=False) == "the other's"
    assert [one.name for one in tmp_path.iterdir()] == ["secret"]


def test_it_makes_up_no_secret_where_one_is_required(tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"Set {NAME}"):
        env_secret(NAME, kept_in=tmp_path / "secret", required=True)


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"NEURO_PRODUCTION": "true"}, "Set NEURO_SECRET_KEY"),
        ({"NEURO_PRECISION": "int4"}, "NEURO_PRECISION is 'int4'"),
        ({"NEURO_ENGINE_SLOTS": "a few"}, "NEURO_ENGINE_SLOTS is 'a few'"),
    ],
    ids=str,
)
def test_it_does_not_start_with_nonsense(
    tmp_path: Path, environment: dict[str, str], says: str
) -> None:
    ran = manage_py_check(tmp_path, environment)

    assert ran.returncode != 0
    assert says in ran.stderr


def test_it_starts_in_production_with_secrets(tmp_path: Path) -> None:
    ran = manage_py_check(
        tmp_path,
        {
            "NEURO_PRODUCTION": "true",
            "NEURO_SECRET_KEY": "0123456789abcdef" * 4,
            "NEURO_API_TOKEN_PEPPER": "p" * 60,
            "NEURO_ALLOWED_HOSTS": "neuro.example.org",
        },
    )

    assert ran.returncode == 0, ran.stderr


def manage_py_check(
    data_dir: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    ours = {
        "NEURO_DATA_DIR": str(data_dir),
        "DJANGO_SETTINGS_MODULE": "neuro_site.settings",
    }
    return subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=settings.BASE_DIR,
        env=os.environ | ours | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
