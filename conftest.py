"""What tests share: real servers, started once a process, and a large checkpoint.

A test that needs a Debian package which is not there is skipped and names the package.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from django.conf import settings

from e2e.postgresql import START_SECONDS, temporary_postgresql
from e2e.programs import find_program, wait_until
from models_app.tests.engines import run_engine

# In this order where several processes share the tests.
LONG = ("bench", "e2e")


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """The long ones first, so that no process is left alone with one at the end."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: _place(item.path.relative_to(config.rootpath)))


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """A short path, for Unix sockets, that an unprivileged server can own."""
    folder = Path(tempfile.mkdtemp(prefix="neuro-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql_url(server_folder: Path) -> Iterator[str]:
    """`DATABASE_URL` of a PostgreSQL cluster made for this session."""
    with temporary_postgresql(server_folder) as url:
        yield url


@pytest.fixture(scope="session")
def redis_url(server_folder: Path) -> Iterator[str]:
    """`REDIS_URL` of a Redis on a Unix socket, made for this session."""
    program = find_program("redis-server", package="redis-server")
    socket = server_folder / "redis.sock"
    command = [program, "--port", "0", "--unixsocket", str(socket), "--save", ""]
    with subprocess.Popen(
        command, cwd=server_folder, stdout=subprocess.DEVNULL
    ) as server:
        client = redis.Redis(unix_socket_path=str(socket))
        wait_until(
            lambda: _answers(client), what="Redis answers", seconds=START_SECONDS
        )
        yield f"unix://{socket}?db=0"
        server.terminate()


@pytest.fixture(scope="session")
def engine() -> Iterator[None]:
    """The engine of the tests' data folder, with Neo-Tiny, for in-process tests."""
    with run_engine(settings.ENGINE_SOCKET):
        yield


@pytest.fixture(scope="session")
def gpt_neo_125m_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made in a process of its own, so that this one never imports torch."""
    folder = tmp_path_factory.mktemp("gpt-neo-125m")
    subprocess.run(
        [sys.executable, "-m", "models_app.tests.checkpoints", str(folder), "bfloat16"],
        check=True,
        timeout=240,
    )
    return folder


def _place(path: Path) -> int:
    return LONG.index(path.parts[0]) if path.parts[0] in LONG else len(LONG)


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
