"""schemathesis tries every operation of the OpenAPI document, as different callers.

No answer may be a failure of the server, or one that the document does not tell: its
status, its type, its shape and its headers.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e.live_server import Account, LiveServer

PROGRAM = Path(sys.executable).parent / "schemathesis"
CONFIG = Path(__file__).parent / "schemathesis.toml"
HOOKS = Path(__file__).parent / "schemathesis_hooks.py"
# More than it can ask for in the time that it has.
AMPLE = '{"requests_per_minute": 100000, "tokens_per_minute": 10000000}'


@dataclass(frozen=True, slots=True)
class Visit:
    """Who calls, for how many seconds, and with what in the addresses."""

    caller: str
    seconds: int
    addresses: str = ""

    def __str__(self) -> str:
        return self.caller


VISITS = [
    Visit("nobody", 3),
    Visit("stranger", 5, 'path.public_id = "{token_of_another}"'),
    Visit("may do nothing here", 5, 'path.ref = "neo-tiny"'),
    Visit("may do all", 14, 'path.ref = "neo-tiny"'),
]


@pytest.fixture(scope="module")
def caller(server: LiveServer) -> dict[str, str]:
    """The header of each caller, if it has one."""
    may_do_all = _account(server, "thorough", AMPLE)
    stranger = _account(server, "stranger", "{}")
    names = ("predict", "read:usage", "manage:tokens", "manage:webhooks")
    scopes = [f"--scope={one}" for one in names]
    return {
        "nobody": "",
        "stranger": _api_token(server, stranger, *scopes),
        "may do nothing here": _api_token(
            server, may_do_all, "--scope=read:usage", "--limit=requests_per_minute=5"
        ),
        "may do all": _api_token(server, may_do_all, *scopes),
    }


@pytest.mark.slow
@pytest.mark.parametrize("visit", VISITS, ids=str)
def test_it_finds_no_fault(
    visit: Visit,
    caller: dict[str, str],
    server: LiveServer,
    premium: Account,
    tmp_path: Path,
) -> None:
    config = tmp_path / "schemathesis.toml"
    addresses = visit.addresses.format(token_of_another=_id_of(server, premium))
    config.write_text(
        f'hooks = "{HOOKS}"\n{CONFIG.read_text()}\n[parameters]\n{addresses}\n'
    )

    completed = subprocess.run(
        [
            *(PROGRAM, "--config-file", config, "--no-color"),
            *("run", server.url("/api/schema/"), "--url", server.address),
            *("--max-time", str(visit.seconds), "--warnings", "off"),
            *_headers(caller[visit.caller]),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert completed.returncode == 0, completed.stdout + completed.stderr


def _account(server: LiveServer, name: str, staff_limits: str) -> Account:
    account = server.create_account(name, "premium")
    users = f"User.objects.filter(email={account.email!r})"
    change = f"{users}.update(staff_limits={staff_limits})"
    server.manage("shell", "-c", f"from accounts.models import User; {change}")
    return account


def _api_token(server: LiveServer, account: Account, *options: str) -> str:
    command = ("create_api_token", account.email, "--name", "schemathesis", *options)
    return server.manage(*command).splitlines()[-1]


def _id_of(server: LiveServer, account: Account) -> str:
    where = f"prefix={account.api_token[:12]!r}"
    find = f"print(ApiToken.objects.get({where}).public_id)"
    code = f"from accounts.models import ApiToken; {find}"
    return server.manage("shell", "-c", code).splitlines()[-1]


def _headers(api_token: str) -> list[str]:
    return ["--header", f"Authorization: Bearer {api_token}"] if api_token else []
