from __future__ import annotations

import json
import os
import shutil
from io import StringIO
from pathlib import Path
from unittest import mock

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from models_app.backends.supervisor import engine_command
from models_app.models import LanguageModel
from models_app.parity import (
    PARITY_FILE,
    Parity,
    ParityError,
    check,
    is_served,
    parity_of,
    parity_of_model,
)
from models_app.tests.cards import CatalogueTestCase
from models_app.tests.checkpoints import write_parity, write_tiny_checkpoint
from models_app.tests.engines import short_folder
from models_app.weights import bundled_dir, installed_dir
from neuro_site.testing import BaseTestCase


def move_biases(weights: Path) -> None:
    """To where the engine adds them, and transformers' GPT-Neo has none. Imports torch."""
    from safetensors.torch import load_file, save_file  # noqa: PLC0415

    tensors = load_file(weights)
    for number, name in enumerate("qkv"):
        bias = tensors.pop(f"transformer.h.{number}.mlp.c_proj.bias")
        tensors[f"transformer.h.0.attn.attention.{name}_proj.bias"] = bias + 1
    save_file(tensors, weights, {"format": "pt"})


class ParityTests(CatalogueTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.checkpoint = write_tiny_checkpoint(bundled_dir("tiny"))

    def assert_parity(self, expected: Parity) -> None:
        self.assertEqual(parity_of(self.checkpoint), expected)
        self.assertEqual(is_served("tiny"), expected is Parity.MATCHES)

    def test_it_takes_the_word_of_the_record(self) -> None:
        self.assert_parity(Parity.MATCHES)

    def test_it_trusts_nothing_without_a_record(self) -> None:
        (self.checkpoint / PARITY_FILE).unlink()
        self.assert_parity(Parity.UNCHECKED)

    def test_it_trusts_no_record_that_it_cannot_read(self) -> None:
        (self.checkpoint / PARITY_FILE).write_text("{}")
        self.assert_parity(Parity.UNCHECKED)

    def test_it_knows_that_nothing_is_installed(self) -> None:
        shutil.rmtree(self.checkpoint)
        self.assertIsNone(parity_of_model("tiny"))

    def test_it_needs_fp32_to_match_in_any_precision(self) -> None:
        write_parity(self.checkpoint, fp32=False)
        for precision in ("auto", "fp32", "bf16", "int8"):
            with override_settings(ENGINE_PRECISION=precision):
                self.assert_parity(Parity.MISMATCH)

    def test_it_needs_the_precision_that_is_served(self) -> None:
        write_parity(self.checkpoint, int8=False)
        for precision in ("auto", "fp32", "bf16"):
            with override_settings(ENGINE_PRECISION=precision):
                self.assert_parity(Parity.MATCHES)
        with override_settings(ENGINE_PRECISION="int8"):
            self.assert_parity(Parity.MISMATCH)

    def test_it_does_not_guess_about_a_precision_that_was_not_compared(self) -> None:
        record = json.loads((self.checkpoint / PARITY_FILE).read_text())
        del record["result"]["precisions"]["int8"]
        (self.checkpoint / PARITY_FILE).write_text(json.dumps(record))
        self.assert_parity(Parity.MATCHES)
        with override_settings(ENGINE_PRECISION="int8"):
            self.assert_parity(Parity.UNCHECKED)

    def test_it_needs_the_tokens_to_be_the_same(self) -> None:
        write_parity(self.checkpoint, tokenizer="the tokens of the short text differ")
        self.assert_parity(Parity.MISMATCH)

    def test_it_sees_a_changed_byte(self) -> None:
        path = self.checkpoint / "model.safetensors"
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
        self.assert_parity(Parity.CHANGED)

    def test_it_sees_a_file_that_was_added_or_has_gone(self) -> None:
        added = self.checkpoint / "generation_config.json"
        added.write_text("{}")
        self.assert_parity(Parity.CHANGED)
        added.unlink()
        self.assert_parity(Parity.MATCHES)
        (self.checkpoint / "tokenizer.json").unlink()
        self.assert_parity(Parity.CHANGED)

    def test_it_minds_no_new_date(self) -> None:
        os.utime(self.checkpoint / "model.safetensors", (1, 1))
        self.assert_parity(Parity.MATCHES)

    def test_it_is_told_to_nobody_that_an_unchecked_model_is_there(self) -> None:
        socket_path = self.folder / "engine.sock"
        self.assertIn("--model", engine_command(socket_path))
        (self.checkpoint / PARITY_FILE).unlink()
        with self.assertLogs("models_app.backends.supervisor", "ERROR") as logs:
            self.assertNotIn("--model", engine_command(socket_path))
        self.assertIn("models verify tiny", logs.output[0])

    def test_it_is_said_on_the_page_of_the_model(self) -> None:
        write_parity(self.checkpoint, fp32=False)
        page = self.client.get("/models/tiny")
        self.assertContains(page, "Does not match its reference")
        self.assertContains(page, "models verify tiny")
        self.assertNotContains(page, "Open in the playground")

    def test_it_is_said_in_the_playground(self) -> None:
        write_parity(self.checkpoint, fp32=False)
        self.client.force_login(self.alice)
        page = self.client.get("/playground/?model=tiny")
        self.assertContains(page, "Tiny (not served)")
        self.assertContains(page, "models verify tiny")

    def test_it_says_in_one_line_why_it_could_not_check(self) -> None:
        failed = mock.Mock(
            returncode=1, stderr="Traceback\nImportError: no transformers"
        )
        with (
            mock.patch("models_app.parity.subprocess.run", return_value=failed),
            self.assertRaisesRegex(
                ParityError, "failed: ImportError: no transformers$"
            ),
        ):
            check("tiny")


class BundledTests(BaseTestCase):
    def test_it_is_recorded_for_every_bundled_checkpoint(self) -> None:
        """After a change of the files: `manage.py models verify neo-tiny`."""
        slugs = LanguageModel.objects.values_list("slug", flat=True)
        bundled = [slug for slug in slugs if bundled_dir(slug).is_dir()]
        self.assertIn("neo-tiny", bundled)
        for slug in bundled:
            for precision in ("auto", "fp32", "bf16", "int8"):
                with override_settings(ENGINE_PRECISION=precision):
                    self.assertEqual(parity_of(bundled_dir(slug)), Parity.MATCHES)

    @pytest.mark.slow
    def test_it_refuses_a_checkpoint_that_the_engine_computes_otherwise(self) -> None:
        folder = Path(self.enterContext(short_folder()))
        source, models_dir = folder / "source", folder / "models"
        shutil.copytree(bundled_dir("neo-tiny"), source)
        move_biases(source / "model.safetensors")
        out = StringIO()
        with (
            override_settings(MODELS_DIR=models_dir),
            self.assertRaisesRegex(CommandError, "does not compute.*not served"),
        ):
            call_command(
                "models", "pull", "neo-tiny", "--from", str(source), stdout=out
            )
        self.assertIn("fp32       MISMATCH", out.getvalue())
        with override_settings(MODELS_DIR=models_dir):
            self.assertEqual(parity_of(installed_dir("neo-tiny")), Parity.MISMATCH)
            self.assertFalse(is_served("neo-tiny"))
