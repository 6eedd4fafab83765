"""Neuro as `make run` starts it: a process of its own, on a free port."""

from __future__ import annotations

import functools
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from e2e.programs import PATIENCE, wait_until

DATABASE = "neuro.sqlite3"
LEDGER = "models_app_predictionrecord"
ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 2 * PATIENCE
ENGINE_SECONDS = 3 * PATIENCE
STOP_SECONDS = PATIENCE
_ADDRESS = re.compile(r"^Neuro is at (\S+)$", re.MULTILINE)
_RUN_ALL = """\
import io, json, sys
from contextlib import redirect_stdout
from django.core.management import execute_from_command_line
printed = []
for command in json.loads(sys.argv[1]):
    with redirect_stdout(io.StringIO()) as output:
        execute_from_command_line(["manage.py", *command])
    printed.append(output.getvalue().strip())
print(json.dumps(printed))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    email: str
    password: str
    api_token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_token}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveServer:
    """A running server. `address` ends with a slash, as `BASE_URL` wants it."""

    address: str
    data_dir: Path
    environment: dict[str, str]
    process: subprocess.Popen[bytes]

    def url(self, path: str) -> str:
        return self.address + path.removeprefix("/")

    def health(self) -> httpx.Response:
        return httpx.get(self.url("/health"), timeout=PATIENCE)

    def is_ready(self) -> bool:
        return self.health().status_code == httpx.codes.OK

    def wait_until_ready(self) -> None:
        wait_until(self.is_ready, what="the engine serves", seconds=ENGINE_SECONDS)

    def running(self) -> int:
        """How many requests the engine holds, running or waiting."""
        models = self.health().json()["models"].values()
        return sum(model["running"] + model["waiting"] for model in models)

    def wait_until_running(self, count: int) -> None:
        wait_until(
            lambda: self.running() == count,
            what=f"the engine holds {count} requests",
            seconds=PATIENCE,
        )

    def ledger(self, public_id: str) -> dict[str, Any]:
        """The row of a prediction, read from the database itself."""
        where = "WHERE public_id = ?"
        return self._row(f"SELECT * FROM {LEDGER} {where}", public_id)  # noqa: S608

    def newest_prediction(self) -> dict[str, Any]:
        return self._row(f"SELECT * FROM {LEDGER} ORDER BY id DESC LIMIT 1")  # noqa: S608

    def ledger_size(self) -> int:
        return int(self._row(f"SELECT COUNT(*) AS size FROM {LEDGER}")["size"])  # noqa: S608

    def reserved_tokens(self) -> int:
        """What running predictions hold of the accounts' quotas."""
        live = "SELECT TOTAL(tokens) AS tokens FROM accounts_reservation"
        return int(self._row(f"{live} WHERE settled_at IS NULL")["tokens"])

    def account_id(self, email: str) -> int:
        where = "WHERE email = ?"
        return int(self._row(f"SELECT id FROM accounts_user {where}", email)["id"])  # noqa: S608

    def tables_that_know(self, account_id: int, email: str) -> set[str]:
        """Those with a row of this account, or with its address anywhere in a row."""
        with closing(sqlite3.connect(self.data_dir / DATABASE)) as database:
            database.row_factory = sqlite3.Row
            tables = database.execute(
                "SELECT name FROM sqlite_master WHERE type='table'"
            )
            return {
                name
                for (name,) in tables
                for row in database.execute(f"SELECT * FROM {name}")  # noqa: S608
                if _knows(dict(row), account_id, email)
            }

    def _row(self, query: str, *values: str) -> dict[str, Any]:
        with closing(sqlite3.connect(self.data_dir / DATABASE)) as database:
            database.row_factory = sqlite3.Row
            return dict(database.execute(query, values).fetchone())

    def manage(self, *arguments: str, stdin: str = "") -> str:
        """Run a management command on this server's data and return what it printed."""
        (printed,) = self.manage_all(arguments, stdin=stdin)
        return printed

    def manage_all(self, *commands: tuple[str, ...], stdin: str = "") -> list[str]:
        return run_management_commands(self.environment, *commands, stdin=stdin)

    def create_account(self, name: str, tier: str, *token_options: str) -> Account:
        (account,) = self.create_accounts(token_options, **{name: tier})
        return account

    def create_accounts(
        self, token_options: Sequence[str] = (), **tiers: str
    ) -> list[Account]:
        """One for each name, on its tier, each with an API token."""
        people = [(f"{name}@example.org", f"pass phrase of {name}") for name in tiers]
        commands: list[tuple[str, ...]] = []
        for (email, _), tier in zip(people, tiers.values(), strict=True):
            commands += [
                ("create_account", email, "--tier", tier),
                ("create_api_token", email, "--name=test", *token_options),
            ]
        passwords = "\n".join(password for _, password in people)
        printed = self.manage_all(*commands, stdin=passwords)
        return [
            Account(email=email, password=password, api_token=lines.splitlines()[-1])
            for (email, password), lines in zip(people, printed[1::2], strict=True)
        ]

    def children(self) -> list[int]:
        """The processes that this one started."""
        tasks = Path(f"/proc/{self.process.pid}/task")
        return [
            int(pid)
            for file in tasks.glob("*/children")
            for pid in file.read_text().split()
        ]

    def engine_pid(self) -> int:
        (pid,) = self.engine_pids()
        return pid

    def engine_pids(self) -> list[int]:
        """None, while a dead one is being replaced."""
        return self._children("inference.server")

    def worker_pid(self) -> int:
        (pid,) = self._children("run_worker")
        return pid

    def _children(self, name: str) -> list[int]:
        return [one for one in self.children() if name in command_of(one)]

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(with_signal)
        return self.process.wait(timeout=STOP_SECONDS)


def command_of(pid: int) -> list[str]:
    """Empty if the process has just gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def _knows(row: dict[str, Any], account_id: int, email: str) -> bool:
    return row.get("user_id") == account_id or any(
        email in str(value) for value in row.values()
    )


def environment_of(data_dir: Path, **overrides: str) -> dict[str, str]:
    """This machine's environment with nothing of Neuro's in it but what is given."""
    ours = re.compile(r"NEURO_|DJANGO_|DATABASE_URL|REDIS_URL|HOST$|PORT$|MAKE|MFLAGS")
    environment = {k: v for k, v in os.environ.items() if not ours.match(k)}
    ours_now = {
        "NEURO_DATA_DIR": str(data_dir),
        "PORT": "0",
        # Small as Neo-Tiny is, more threads would only wait for each other.
        "NEURO_ENGINE_THREADS": "1",
    }
    return environment | ours_now | overrides


def run_management_commands(
    environment: dict[str, str], *commands: tuple[str, ...], stdin: str = ""
) -> list[str]:
    """What each printed; one process for all, since to start Django takes a second."""
    completed = subprocess.run(
        [sys.executable, "-c", _RUN_ALL, json.dumps(commands)],
        cwd=ROOT,
        env=environment | {"DJANGO_SETTINGS_MODULE": "neuro_site.settings"},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr
    printed: list[str] = json.loads(completed.stdout)
    return printed


@contextmanager
def start_live_server(data_dir: Path, **overrides: str) -> Iterator[LiveServer]:
    """Start as `make run` does. A new data folder gets the database that another start
    made, since to make one takes more than a second and most tests want one."""
    database = data_dir / DATABASE
    if "DATABASE_URL" not in overrides and not database.exists():
        database.write_bytes(_new_database())
    with start_from_nothing(data_dir, **overrides) as server:
        yield server


@functools.cache
def _new_database() -> bytes:
    with tempfile.TemporaryDirectory(prefix="neuro-") as name:
        run_management_commands(environment_of(Path(name)), ("migrate",))
        return (Path(name) / DATABASE).read_bytes()


@contextmanager
def start_from_nothing(data_dir: Path, **overrides: str) -> Iterator[LiveServer]:
    """Start as `make run` does; the engine may still be loading when this yields."""
    environment = environment_of(data_dir, **overrides)
    log = Path(tempfile.mkstemp(dir=data_dir, suffix=".log")[1])
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "neuro_site"],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield LiveServer(
            address=_wait_for_address(process, log),
            data_dir=data_dir,
            environment=environment,
            process=process,
        )
    finally:
        _end(process)


def _wait_for_address(process: subprocess.Popen[bytes], log: Path) -> str:
    def started() -> bool:
        assert process.poll() is None, log.read_text()
        return _ADDRESS.search(log.read_text()) is not None

    wait_until(started, what="the server prints its address", seconds=START_SECONDS)
    match = _ADDRESS.search(log.read_text())
    assert match is not None
    return match[1]


def _end(process: subprocess.Popen[bytes]) -> None:
    """Stop what a test left running; its process group goes too, if all else fails."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
