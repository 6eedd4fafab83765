"""What pages and README tell people to run does run, as it stands there."""

from __future__ import annotations

import ast
import html
import json
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from e2e import npu_client
from e2e.live_server import ROOT, Account, LiveServer
from e2e.programs import PATIENCE, find_program

FILE_NAMES = {
    "npu": "predict.py",
    "openai": "predict_openai.py",
    "huggingface": "predict_hub.py",
    "requests": "predict_requests.py",
    "javascript": "predict.mjs",
    "curl": "predict.sh",
}
README_ADDRESS = "http://127.0.0.1:8000/"
README_LANGUAGES = {"python": "npu", "sh": "curl", "js": "javascript"}


def interpreter(language: str) -> str:
    if language == "npu":
        return str(npu_client.install())
    if language == "curl":
        find_program("curl", package="curl")
        return "bash"
    if language == "javascript":
        return find_program("node", package="nodejs")
    return sys.executable


def run(language: str, code: str, folder: Path) -> str:
    file = folder / FILE_NAMES[language]
    file.write_text(code)
    completed = subprocess.run(
        [interpreter(language), str(file)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return completed.stdout


AWKWARD = "She said \"it's $5\\day\"\n\n`ls` ${HOME} <b> 'é' 😀 "
CHOICES: dict[str, dict[str, object]] = {
    "sampling": {
        "max_new_tokens": 12,
        "seed": 7,
        "top_p": 0.9,
        "repetition_penalty": 1.2,
        "stop": ["\n\n", "'\""],
    },
    "greedy": {"max_new_tokens": 12, "do_sample": False},
}

SEED_JSON = '{"modelId": "MODEL_ID", "data": "When I visit", "input_kwargs": {"max_length": 15}}'
WITHOUT_CLIENT = {
    "curl": f"""\
curl --silent --fail-with-body "ADDRESSSyncPredict?include_result=true" \\
  --header "Authorization: Bearer API_TOKEN" \\
  --header "Content-Type: application/json" \\
  --data '{SEED_JSON}'
""",
    "javascript": f"""\
const response = await fetch("ADDRESSSyncPredict?include_result=true", {{
  method: "POST",
  headers: {{ Authorization: "Bearer API_TOKEN", "Content-Type": "application/json" }},
  body: JSON.stringify({SEED_JSON}),
}});
console.log(JSON.stringify(await response.json()));
""",
}


def snippet_of_page(page: str, language: str) -> str:
    found = re.search(rf'<code id="{language}-code">(.*?)</code>', page, re.DOTALL)
    assert found is not None
    return html.unescape(found[1])


def snippets_of_readme() -> dict[str, str]:
    blocks = re.findall(
        r"^```(\w+)\n(.*?)^```$",
        (ROOT / "README.md").read_text(),
        re.MULTILINE | re.DOTALL,
    )
    return {
        README_LANGUAGES[tag]: code
        for tag, code in blocks
        if tag in README_LANGUAGES and "API_TOKEN" in code
    }


@pytest.mark.parametrize("language", FILE_NAMES)
def test_it_runs_every_snippet_of_a_model_page(
    server: LiveServer, developer: Account, tmp_path: Path, language: str
) -> None:
    page = httpx.get(server.url("/models/neo-tiny"), timeout=PATIENCE).text
    snippet = snippet_of_page(page, language)
    assert server.address in snippet

    printed = run(language, snippet.replace("API_TOKEN", developer.api_token), tmp_path)

    assert printed.strip()


def code_of_playground(
    server: LiveServer, account: Account, parameters: dict[str, object]
) -> str:
    """What "View code" shows of a form with these values."""
    form = {
        name: "\n".join(map(escape, value)) if isinstance(value, list) else str(value)
        for name, value in ({"do_sample": "on"} | parameters).items()
        if value is not False
    }
    with httpx.Client(base_url=server.address, timeout=PATIENCE) as browser:
        browser.get("/accounts/login/")
        browser.post(
            "/accounts/login/",
            data={
                "login": account.email,
                "password": account.password,
                "csrfmiddlewaretoken": browser.cookies["csrftoken"],
            },
        )
        answer = browser.post(
            "/playground/code",
            data=form
            | {
                "model": "neo-tiny",
                "prompt": AWKWARD,
                "csrfmiddlewaretoken": browser.cookies["csrftoken"],
            },
        )
    assert answer.status_code == httpx.codes.OK, answer.text
    return answer.text


def escape(text: object) -> str:
    """A text on one line, as the form takes it."""
    return str(text).replace("\n", r"\n")


@pytest.mark.parametrize("parameters", CHOICES.values(), ids=CHOICES)
def test_every_program_of_the_playground_gives_the_text_it_shows(
    server: LiveServer,
    developer: Account,
    tmp_path: Path,
    parameters: dict[str, object],
) -> None:
    page = code_of_playground(server, developer, parameters)
    answer = httpx.post(
        server.url("/api/v1/models/neo-tiny/predict"),
        headers=developer.headers,
        json={"inputs": AWKWARD, "parameters": parameters},
        timeout=PATIENCE,
    ).json()
    (completion,) = answer["predictions"]

    for language in FILE_NAMES:
        code = snippet_of_page(page, language)
        printed = run(
            language, code.replace("API_TOKEN", developer.api_token), tmp_path
        )
        assert completion["text"] in text_of(language, printed), language


def text_of(language: str, printed: str) -> str:
    """npu prints a list after its log, curl the answer; the others just the text."""
    if language == "npu":
        result = ast.literal_eval(printed.strip().splitlines()[-1])
        return "\n".join(one["generated_text"] for one in result)
    if language == "curl":
        return "\n".join(one["text"] for one in json.loads(printed)["predictions"])
    return printed


@pytest.mark.parametrize("language", README_LANGUAGES.values())
def test_it_runs_the_first_call_of_the_readme(
    server: LiveServer, developer: Account, tmp_path: Path, language: str
) -> None:
    snippet = snippets_of_readme()[language]
    assert README_ADDRESS in snippet

    printed = run(
        language,
        snippet.replace("API_TOKEN", developer.api_token).replace(
            README_ADDRESS, server.address
        ),
        tmp_path,
    )

    assert printed.strip()


@pytest.mark.parametrize("language", WITHOUT_CLIENT)
def test_it_answers_the_npu_routes_without_their_client(
    server: LiveServer,
    developer: Account,
    tmp_path: Path,
    language: str,
    neo_tiny_id: str,
) -> None:
    script = WITHOUT_CLIENT[language]
    for name, value in {
        "ADDRESS": server.address,
        "API_TOKEN": developer.api_token,
        "MODEL_ID": neo_tiny_id,
    }.items():
        script = script.replace(name, value)

    answer = json.loads(run(language, script, tmp_path))

    assert answer["state"] == "COMPLETE"
    assert answer["result"][0]["generated_text"].startswith("When I visit")
