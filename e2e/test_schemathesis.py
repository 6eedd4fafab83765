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
REPEATED = Path(__file__).parent / "schemathesis_repeated.toml"
HOOKS = Path(__file__).parent / "schemathesis_hooks.py"
ONE_OF_A_KIND = {"SCHEMATHESIS_ONE_OF_A_KIND": "yes"}
FUZZ_SECONDS = 60 * int(os.environ.get("FUZZ_MINUTES", "0"))
# More than it can ask for in the time that it has.
AMPLE = '{"requests_per_minute": 100000, "tokens_per_minute": 10000000}'

Addresses = dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Who calls; what is tried the same way every time, with how many drawn calls of an
    operation; and its share of the time for other calls."""

    caller: str
    share: float
    phases: str = "fuzzing"
    examples: int = 2

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
    Visit(caller="stranger", share=0.2),
    Visit(caller="may do nothing here", share=0.2),
    Visit(
        caller="may do all",
        share=0.5,
        phases="examples,coverage,fuzzing",
        examples=3,
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
def addresses(
    server: LiveServer, premium: Account, caller: dict[str, str]
) -> dict[str, Addresses]:
    """What stands in the addresses that each caller calls."""
    find = f"ApiToken.objects.get(prefix={premium.api_token[:12]!r})"
    of_another = server.manage("shell", "-v0", "-c", f"print({find}.public_id)")
    own = {} if FUZZ_SECONDS else _make_own(server, caller["may do all"])
    return {
        "nobody": {},
        "stranger": {"public_id": of_another},
        "may do nothing here": {"ref": "neo-tiny"},
        "may do all": {"ref": "neo-tiny", **own},
    }


@pytest.fixture(scope="module")
def document(server: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("document") / "openapi.json"
    file.write_bytes(httpx.get(server.url("/api/schema/"), timeout=60).content)
    return file


@pytest.mark.slow
@pytest.mark.timeout(FUZZ_SECONDS + 420)
@pytest.mark.parametrize("visit", VISITS, ids=str)
def test_it_finds_no_fault(
    visit: Visit,
    caller: dict[str, str],
    addresses: dict[str, Addresses],
    document: Path,
    server: LiveServer,
    tmp_path: Path,
) -> None:
    config = tmp_path / "schemathesis.toml"
    config.write_text(_configuration(addresses[visit.caller]))

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


def _make_own(server: LiveServer, api_token: str) -> Addresses:
    """One of each thing that an API token may have, by the name it has in addresses."""
    line = '{"custom_id": "a", "model": "neo-tiny", "inputs": "In Bath"}'
    prediction = {"model": "neo-tiny", "inputs": "In Bath"}
    webhook = {"url": "https://hooks.example.org/neuro"}
    url, headers = server.url("/api/v1/"), {"Authorization": f"Bearer {api_token}"}
    with httpx.Client(base_url=url, headers=headers, timeout=120) as client:
        made = {
            "public_id": client.post("tokens", json={"name": "spare"}),
            "webhook_id": client.post("webhooks", json=webhook),
            "prediction_id": client.post(
                "predictions", json=prediction, headers={"Prefer": "wait"}
            ),
            "batch_id": client.post(
                "batches", content=line, headers={"Content-Type": "application/jsonl"}
            ),
        }
    return {name: one.raise_for_status().json()["id"] for name, one in made.items()}


def _configuration(addresses: Addresses) -> str:
    parts = [f'hooks = "{HOOKS}"', CONFIG.read_text()]
    if not FUZZ_SECONDS:
        parts.append(REPEATED.read_text())
    parts.append("[parameters]")
    parts += [f'"path.{name}" = "{value}"' for name, value in addresses.items()]
    return "\n".join(parts)


def _headers(api_token: str) -> list[str]:
    return ["--header", f"Authorization: Bearer {api_token}"] if api_token else []
