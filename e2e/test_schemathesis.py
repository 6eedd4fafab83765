"""schemathesis tries every operation of the OpenAPI document, as different callers.

No answer may be a failure of the server, or one that the document does not tell: its
status, its type, its shape and its headers. What the document forbids is refused.

Each visit repeats the same calls every time. `make fuzz` makes others, at random and
for as long as FUZZ_MINUTES says.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from e2e.live_server import Account, LiveServer

PROGRAM = Path(sys.executable).parent / "schemathesis"
CONFIG = Path(__file__).parent / "schemathesis.toml"
HOOKS = Path(__file__).parent / "schemathesis_hooks.py"
# More than it can ask for in the time that it has.
AMPLE = '{"requests_per_minute": 100000, "tokens_per_minute": 10000000}'


ONE_OF_A_KIND = {"SCHEMATHESIS_ONE_OF_A_KIND": "yes"}
FUZZ_SECONDS = 60 * int(os.environ.get("FUZZ_MINUTES", "0"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Who calls, and with what in the addresses; what is tried the same way every time,
    with how many drawn calls of an operation; or its share of the time for others."""

    caller: str
    share: float
    phases: str = "fuzzing"
    examples: int = 2
    addresses: str = ""

    def __str__(self) -> str:
        return self.caller

    @property
    def limits(self) -> list[str]:
        if FUZZ_SECONDS:
            return ["--max-time", str(round(self.share * FUZZ_SECONDS))]
        drawn = ["--seed=1", f"--max-examples={self.examples}"]
        return ["--phases", self.phases, *drawn]


VISITS = [
    Visit(caller="nobody", share=0.1),
    Visit(
        caller="stranger",
        share=0.2,
        addresses='path.public_id = "{token_of_another}"',
    ),
    Visit(
        caller="may do nothing here",
        share=0.2,
        addresses='path.ref = "neo-tiny"',
    ),
    Visit(
        caller="may do all",
        share=0.5,
        phases="examples,coverage,fuzzing",
        examples=3,
        addresses='path.ref = "neo-tiny"',
    ),
]


@pytest.fixture(scope="module")
def caller(server: LiveServer) -> dict[str, str]:
    """The header of each caller, if it has one."""
    names = ("predict", "read:usage", "manage:tokens", "manage:webhooks")
    scopes = [f"--scope={one}" for one in names]
    may_do_all, stranger = server.create_accounts(
        scopes, thorough="premium", stranger="premium"
    )
    emails = [may_do_all.email, stranger.email]
    users = f"User.objects.filter(email__in={emails})"
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


@pytest.fixture(scope="module")
def document(server: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("document") / "openapi.json"
    file.write_bytes(httpx.get(server.url("/api/schema/"), timeout=60).content)
    return file


@pytest.mark.slow
@pytest.mark.timeout(FUZZ_SECONDS + 300)
@pytest.mark.parametrize("visit", VISITS, ids=str)
def test_it_finds_no_fault(
    visit: Visit,
    caller: dict[str, str],
    document: Path,
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
            *("run", document, "--url", server.address),
            *visit.limits,
            *("--warnings", "off"),
            *_headers(caller[visit.caller]),
        ],
        cwd=tmp_path,
        env=os.environ | ({} if FUZZ_SECONDS else ONE_OF_A_KIND),
        capture_output=True,
        text=True,
        timeout=FUZZ_SECONDS + 240,
        check=False,
    )

    assert completed.returncode == 0, completed.stdout + completed.stderr


def _headers(api_token: str) -> list[str]:
    return ["--header", f"Authorization: Bearer {api_token}"] if api_token else []
