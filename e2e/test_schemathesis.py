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
    names = ("predict", "read:usage", "manage:tokens", "manage:webhooks")
    scopes = [f"--scope={one}" for one in names]
    may_do_all, stranger = server.create_accounts(
        scopes, thorough="premium", stranger="premium"
    )
    users = f"User.objects.filter(email={may_do_all.email!r})"
    _, token = server.manage_all(
        ("shell", "-c", f"{users}.update(staff_limits={AMPLE})"),
        (
            *("create_api_token", may_do_all.email, "--name=schemathesis"),
            *("--scope=read:usage", "--limit=requests_per_minute=5"),
        ),
    )
    return {
        "nobody": "",
        "stranger": stranger.api_token,
        "may do nothing here": token.splitlines()[-1],
        "may do all": may_do_all.api_token,
    }


@pytest.fixture(scope="module")
def token_of_another(server: LiveServer, premium: Account) -> str:
    """The id of an API token that no caller may touch."""
    find = f"ApiToken.objects.get(prefix={premium.api_token[:12]!r})"
    return server.manage("shell", "-v0", "-c", f"print({find}.public_id)")


@pytest.mark.slow
@pytest.mark.parametrize("visit", VISITS, ids=str)
def test_it_finds_no_fault(
    visit: Visit,
    caller: dict[str, str],
    server: LiveServer,
    token_of_another: str,
    tmp_path: Path,
) -> None:
    config = tmp_path / "schemathesis.toml"
    addresses = visit.addresses.format(token_of_another=token_of_another)
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


def _headers(api_token: str) -> list[str]:
    return ["--header", f"Authorization: Bearer {api_token}"] if api_token else []
