from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
for name in ("transformers", "gguf", "accelerate"):
    sys.modules[name] = None  # any import of it fails
import inference.server
from inference.config import EngineConfig
from inference.engine import load_engine
from inference.messages import Submit
from inference.sampling_params import SamplingParams
from pathlib import Path
engine = load_engine(Path(sys.argv[1]), EngineConfig(num_threads=1))
sampling = SamplingParams(max_new_tokens=5, ignore_eos=True)
ids = [1, 2, 3]
engine.add(Submit(request_id="r", model="m", prompt_token_ids=ids, sampling=sampling))
while engine.has_work:
    events = engine.step()
print(events[0].finish_reason)
"""


@pytest.mark.parametrize("checkpoint", ["tiny_gpt_neo", "tiny_llama"])
def test_it_serves_where_transformers_cannot_be_imported(
    checkpoint: str, request: pytest.FixtureRequest
) -> None:
    folder: Path = request.getfixturevalue(checkpoint)

    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)],
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert result.stdout.split() == ["length"], result.stderr
