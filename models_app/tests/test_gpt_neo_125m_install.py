"""GPT-Neo-125M's real shape and GPT-2's real tokenizer, through `models pull`."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command

from models_app.backends import get_backend
from models_app.management.commands import models
from models_app.parity import is_served
from models_app.tests.checkpoints import pretend_to_check
from models_app.weights import checkpoint_dir, is_installed

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """One test sees the check; for the others it would be seconds for nothing."""
    monkeypatch.setattr(models, "check", pretend_to_check)


@pytest.fixture
def models_dir(settings: LazySettings, tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    settings.MODELS_DIR = folder
    return folder


def pull(slug: str, folder: Path) -> str:
    out = StringIO()
    call_command("models", "pull", slug, "--from", str(folder), stdout=out)
    return out.getvalue()


def test_it_installs_and_says_that_the_weights_are_not_the_published_ones(
    gpt_neo_125m_folder: Path, models_dir: Path
) -> None:
    output = pull("gpt-neo-125m", gpt_neo_125m_folder)
    assert "not the published weights" in output
    assert "GPT-Neo-125M matches its reference." in output
    assert is_served("gpt-neo-125m")
    assert checkpoint_dir("gpt-neo-125m") == models_dir / "gpt-neo-125m"
    record = json.loads((models_dir / "gpt-neo-125m" / "neuro.json").read_text())
    assert record["source"] == "folder"
    assert set(record["files"]) >= {"model.safetensors", "vocab.json", "merges.txt"}


def test_it_encodes_the_published_example(
    gpt_neo_125m_folder: Path, models_dir: Path, unchecked: None
) -> None:
    pull("gpt-neo-125m", gpt_neo_125m_folder)
    text = "I met a traveller from an antique land, who said"
    token_ids = [40, 1138, 257, 49130, 422, 281, 38504, 1956, 11, 508, 531]
    backend = get_backend()
    assert backend.encode("gpt-neo-125m", text) == token_ids
    assert (
        b"".join(map(backend.token_bytes("gpt-neo-125m"), token_ids)).decode() == text
    )
    assert backend.context_length("gpt-neo-125m") == 2048


def test_it_is_refused_under_another_name(
    gpt_neo_125m_folder: Path, models_dir: Path
) -> None:
    with pytest.raises(CommandError, match=r"This is not GPT-Neo-1\.3B: .*layers 12"):
        pull("gpt-neo-1.3b", gpt_neo_125m_folder)
    assert not is_installed("gpt-neo-1.3b")
