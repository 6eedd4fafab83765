"""The script of the page that made a promise in 2021 runs, unchanged but for its token."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from e2e import npu_client
from e2e.live_server import Account, LiveServer, start_live_server

SEED_SCRIPT = """\
import npu

npu.api('API_TOKEN', deployed=True) # Change API_TOKEN with your personal API token

model_id = '60a40f81b635d67d627bf6b2'
data = ['When I visit Bath I will']

kwargs = {
    'max_length':15 # How many generated tokens you want
}

output = npu.predict(model_id, data, kwargs)
print(output)
"""
GPT_NEO_125M = "60a40f81b635d67d627bf6b2"
LOG_LINES = (
    "DEPLOYMENT MODE",
    "Token successfully authenticated",
    "Using project: Default",
)


@pytest.fixture(scope="session")
def npu_python() -> Path:
    return npu_client.install()


def seed_script(api_token: str, *, model_id: str = GPT_NEO_125M) -> str:
    return SEED_SCRIPT.replace("API_TOKEN'", f"{api_token}'").replace(
        GPT_NEO_125M, model_id
    )


def assert_prints_what_the_page_shows(ran: npu_client.Ran) -> None:
    assert ran.returncode == 0, ran.stdout + ran.stderr
    *log, output = ran.lines
    for line, message in zip(log, LOG_LINES, strict=True):
        pattern = rf"\[Neuro Ai\] \d\d:\d\d:\d\d - \[INFO\]: {message}"
        assert re.fullmatch(pattern, line)
    ((key, text),) = ast.literal_eval(output)[0].items()
    assert key == "generated_text"
    assert text.startswith("When I visit Bath I will")
    assert len(text) > len("When I visit Bath I will")


def test_it_runs_the_seed_script_with_neo_tiny(
    npu_python: Path, server: LiveServer, developer: Account, neo_tiny_id: str
) -> None:
    script = seed_script(developer.api_token, model_id=neo_tiny_id)

    assert_prints_what_the_page_shows(npu_client.run_script(npu_python, server, script))


@pytest.mark.slow
def test_it_runs_the_seed_script_unchanged_once_weights_are_installed(
    npu_python: Path, tmp_path: Path, gpt_neo_125m_folder: Path
) -> None:
    with start_live_server(tmp_path) as own_server:
        own_server.wait_until_ready()
        script = seed_script(own_server.create_account("dora", "developer").api_token)
        refused = npu_client.run_script(npu_python, own_server, script)
        own_server.manage(
            *("models", "pull", "gpt-neo-125m"), "--from", str(gpt_neo_125m_folder)
        )

        ran = npu_client.run_script(npu_python, own_server, script)

    assert refused.returncode != 0
    assert "manage.py models pull gpt-neo-125m" in refused.stdout
    assert_prints_what_the_page_shows(ran)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("'nro_", "'wrong_"), "API token"),
        (("max_length':15", "max_length':3"), "max_length"),
        (("'max_length':15", "'temprature':1.5"), "temprature"),
    ],
)
def test_it_prints_why_a_call_was_refused(
    npu_python: Path,
    server: LiveServer,
    developer: Account,
    neo_tiny_id: str,
    change: tuple[str, str],
    says: str,
) -> None:
    script = seed_script(developer.api_token, model_id=neo_tiny_id).replace(*change)

    ran = npu_client.run_script(npu_python, server, script)

    assert ran.returncode != 0
    assert says in ran.stdout + ran.stderr
