"""The published client in its mode that is not deployed: uploads, tasks, callbacks."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from e2e import npu_client
from e2e.live_server import Account, LiveServer
from e2e.programs import PATIENCE, frozen, wait_until

HEAD = """\
import json, sys
import numpy as np
import npu
npu.api()
greedy = {"max_new_tokens": 6, "do_sample": False}
def tell(**values):
    print("TOLD " + json.dumps(values))
"""
# Each with what it does, in one process: to start the client takes a second.
EVERY_WAY = """\
prompts = ["It was", "The old man"]
task = npu.predict("neo-tiny", prompts, greedy)
tell(result=task.get_result(), logs=task.logs(), id=task.task_id)
tell(exported=npu.export_task_result(task.task_id))

later = npu.predict("neo-tiny", prompts, greedy, asynchronous=True)
later.wait()
tell(later=later.get_result(), text=str(later))

import threading
done = threading.Event()
def note(finished):
    tell(called_back=finished.task_result)
    done.set()
npu.predict("neo-tiny", ["It was"], greedy, callback=note)
assert done.wait(60)

data_id = npu.upload_data(prompts + ["Once"], "three of them")
again = npu.upload_data(prompts + ["Once"])
tell(uploaded=[data_id, again])
tell(by_id=npu.predict("neo-tiny", data_id, greedy).get_result())
part = {"id": data_id, "indexes": slice(1, 3)}
tell(part=npu.predict("neo-tiny", part, greedy).get_result())
named = npu.core.Dataset("three of them", 1, 2, 3)
tell(train=npu.predict("neo-tiny", named.train, greedy).get_result())

rows = np.array([[20, 30, 40], [50, 60, 70]])
tell(rows=npu.predict("neo-tiny", rows, greedy).get_result())
lists = [[20, 30, 40], [50, 60, 70]]
tell(lists=npu.predict("neo-tiny", lists, greedy).get_result())
tell(numbers=npu.predict("neo-tiny", [20, 30, 40], greedy).get_result())

def loader():
    return npu.DataLoader([np.array(prompts), np.array(["Once"])])
tell(loaded=npu.predict("neo-tiny", loader(), greedy).get_result())
tell(loaded_once=npu.upload_data(loader()) == npu.upload_data(loader()))
pairs = npu.DataLoader([[rows[:1], rows[:1]], [rows[1:], rows[1:]]])
tell(pairs=npu.predict("neo-tiny", pairs, greedy).get_result())

encoder, decoder = "61bcad385829fb7b6a1faca2", "61bcb317de464dfa00e0a2a7"
encoded = npu.predict(encoder, prompts).get_result()
decoded = npu.predict(decoder, encoded).get_result()
npu.api(deployed=True)
tell(encoded=encoded, decoded=decoded, back=npu.predict(decoder, encoded[0]))
tell(deployed=npu.predict(encoder, prompts))

npu.api(project="Thesis")
tell(elsewhere=npu.predict("neo-tiny", prompts, greedy).get_result())
"""


def told(ran: npu_client.Ran) -> dict[str, Any]:
    assert ran.returncode == 0, ran.stdout + ran.stderr
    lines = [line for line in ran.lines if line.startswith("TOLD ")]
    return {
        name: value
        for line in lines
        for name, value in json.loads(line.removeprefix("TOLD ")).items()
    }


@pytest.fixture(scope="module")
def npu_python() -> Path:
    return npu_client.install()


@pytest.fixture(scope="module")
def ran(npu_python: Path, server: LiveServer, premium: Account) -> npu_client.Ran:
    return npu_client.run_script(
        npu_python, server, HEAD + EVERY_WAY, api_token=premium.api_token
    )


def completions(server: LiveServer, account: Account, inputs: object) -> list[str]:
    """What the native API says to the same prompts."""
    answer = httpx.post(
        server.url("/api/v1/models/neo-tiny/predict"),
        json={
            "inputs": inputs,
            "parameters": {"max_new_tokens": 6, "do_sample": False},
        },
        headers=account.headers,
        timeout=60,
    )
    assert answer.status_code == httpx.codes.OK, answer.text
    return [one["text"] for one in answer.json()["predictions"]]


def test_it_gives_results_in_every_way_that_the_client_asks(
    ran: npu_client.Ran, server: LiveServer, premium: Account
) -> None:
    prompts = ["It was", "The old man", "Once"]
    texts = completions(server, premium, prompts)
    expected = [
        {"generated_text": prompt + text}
        for prompt, text in zip(prompts, texts, strict=True)
    ]

    results = told(ran)

    assert results["result"] == expected[:2]
    assert results["exported"] == results["later"] == results["result"]
    assert results["text"] == str(results["result"])
    assert results["called_back"] == expected[:1]
    assert results["by_id"] == expected
    assert results["part"] == expected[1:]
    assert results["train"] == expected[:1]
    assert results["elsewhere"] == expected[:2]
    assert results["loaded"] == expected
    assert results["loaded_once"] is True


def test_it_takes_token_ids_in_arrays_and_lists(
    ran: npu_client.Ran, server: LiveServer, premium: Account
) -> None:
    texts = completions(server, premium, [[20, 30, 40], [50, 60, 70]])

    results = told(ran)

    ends = [one["generated_text"] for one in results["rows"]]
    assert [end.endswith(text) for end, text in zip(ends, texts, strict=True)]
    assert results["lists"] == results["rows"]
    assert results["numbers"] == results["rows"][:1]
    first, second = results["rows"]
    assert results["pairs"] == [first, first, second, second]


def test_it_encodes_and_decodes_as_gpt_2(ran: npu_client.Ran) -> None:
    results = told(ran)

    # "It was", "The old man" in the vocabulary that OpenAI published.
    assert results["encoded"] == [[1026, 373], [464, 1468, 582]]
    assert results["deployed"] == results["encoded"]
    assert results["decoded"] == ["It was", "The old man"]
    assert results["back"] == ["It was"]


def test_it_sends_data_once_and_prints_what_happens(ran: npu_client.Ran) -> None:
    results = told(ran)
    first, again = results["uploaded"]

    assert first == again
    assert "Data is here already." in ran.stdout
    assert ran.stdout.count("2 chunks to upload") == 2
    assert "Started prediction." in ran.stdout
    # Prompts twice, since a project of its own has its own, and six other uploads.
    assert ran.stdout.count("Uploading now") == 8
    assert "100.0%" in ran.stdout + ran.stderr


def test_it_charges_a_task_as_any_prediction(
    ran: npu_client.Ran, server: LiveServer
) -> None:
    results = told(ran)

    row = server.ledger(results["id"])

    assert row["source"] == "npu"
    assert row["charged_tokens"] == results["logs"]["charged_tokens"]
    assert row["completion_tokens"] == 12


REFUSED = (
    ("npu.predict('neo-tiny', ['x'], {'temprature': 1})", "Did you mean"),
    ("npu.predict('neo-tiny', ['x'], max_new_tokens=3)", "input_kwargs"),
    ("npu.predict('neo-tiny', 'missing.npz')", "no uploaded data"),
    ("npu.predict('neo-tiny', [{'a': 1}])", "pickled"),
    ("npu.predict('neo-tinny', ['x'])", "neo-tiny"),
    ("npu.predict('0' * 24, ['x'])", "no model"),
    ("npu.predict(decoder, ['x'])", "lists of token ids"),
    ("npu.export('neo-tiny')", "npu.predict"),
    ("npu.train('0' * 24, ['x'], ['x'], metrics=['a'], loss='l')", "npu.predict"),
    ("npu.compile('model.pt')", "npu.predict"),
)
EACH = """\
decoder = "61bcb317de464dfa00e0a2a7"
open("model.pt", "wb").close()
for number, call in enumerate(json.loads({calls!r})):
    print(f"CALL {{number}}")
    try:
        eval(call)
    except Exception:
        print("RAISED")
"""


def test_it_prints_why_a_call_was_refused(
    npu_python: Path, server: LiveServer, premium: Account, tmp_path: Path
) -> None:
    calls = json.dumps([call for call, _ in REFUSED])
    script = f"import os; os.chdir({str(tmp_path)!r})\n" + HEAD
    ran = npu_client.run_script(
        npu_python,
        server,
        script + EACH.format(calls=calls),
        api_token=premium.api_token,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    _, *outputs = re.split(r"CALL \d+\n", ran.stdout)
    for (call, says), output in zip(REFUSED, outputs, strict=True):
        assert "RAISED" in output, call
        assert says in output, call


LONG = """\
task = npu.predict(
    "neo-tiny", ["It was"],
    {"max_new_tokens": 800, "seed": 5, "eos_token_id": []}, asynchronous=True,
)
print(task.task_id, flush=True)
tell(result=task.get_result(), logs=task.logs())
"""


def test_another_worker_finishes_a_task_whose_worker_was_killed(
    npu_python: Path, server: LiveServer
) -> None:
    account = server.create_account("waiting", "premium")
    alone = npu_client.run_script(
        npu_python, server, HEAD + LONG, api_token=account.api_token
    )
    undisturbed = told(alone)
    killed = server.worker_pid()

    disturbed = run_disturbed(npu_python, server, account, killed)

    assert server.worker_pid() != killed
    assert disturbed["result"] == undisturbed["result"]
    charged = [one["logs"]["charged_tokens"] for one in (undisturbed, disturbed)]
    assert charged[0] == charged[1]
    assert used_today(server, account) == sum(charged)


def run_disturbed(
    npu_python: Path, server: LiveServer, account: Account, worker: int
) -> dict[str, Any]:
    """The long task. Its worker begins once the client has said that it waits, and is
    killed once the first tokens are written down."""
    with frozen(worker):
        process = subprocess.Popen(
            [str(npu_python), "-u", "-c", HEAD + LONG],
            env=npu_client.environment_of(server, account.api_token),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        task_id = next(line.strip() for line in process.stdout if len(line) == 25)
        assert any("Waiting for neo-tiny." in line for line in process.stdout)
    with process:
        wait_until(
            lambda: progress(server, account, task_id) > 0,
            what="the task has begun",
            seconds=60,
        )
        os.kill(worker, signal.SIGKILL)
        output, _ = process.communicate(timeout=120)
    return told(npu_client.Ran(process.returncode, output, ""))


def progress(server: LiveServer, account: Account, task_id: str) -> float:
    url = server.url(f"/status/{task_id}")
    status = httpx.get(url, headers=account.headers, timeout=PATIENCE).json()
    assert status["state"] == "PENDING", status
    return float(status["progress"])


def used_today(server: LiveServer, account: Account) -> int:
    me = httpx.get(server.url("/api/v1/me"), headers=account.headers, timeout=PATIENCE)
    (count,) = (one for one in me.json()["limits"] if one["name"] == "tokens_per_day")
    return int(count["used"])
