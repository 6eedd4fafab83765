from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from django.test import SimpleTestCase

from models_app.cards import parse_card
from models_app.checkpoints import CheckpointError, inspect, require_agreement
from models_app.tests.cards import TINY_CARD
from models_app.tests.checkpoints import (
    TINY_PARAMETERS,
    TINY_SHAPE,
    write_tiny_checkpoint,
)

ARCHITECTURE = parse_card(TINY_CARD, slug="tiny").facts.architecture


class CheckpointTestCase(SimpleTestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="neuro-checkpoint-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def assert_refused(self, message: str) -> None:
        with self.assertRaisesRegex(CheckpointError, message):
            inspect(self.folder)


class InspectTests(CheckpointTestCase):
    def test_it_reads_the_shape(self) -> None:
        checkpoint = inspect(write_tiny_checkpoint(self.folder))
        self.assertEqual(checkpoint.facts["layers"], 2)
        self.assertEqual(checkpoint.facts["parameters"], TINY_PARAMETERS)
        names = {path.name for path in checkpoint.files}
        self.assertEqual(names, {"config.json", "model.safetensors", "tokenizer.json"})

    def test_it_does_not_count_stored_causal_masks(self) -> None:
        checkpoint = inspect(write_tiny_checkpoint(self.folder, masks=True))
        self.assertEqual(checkpoint.facts["parameters"], TINY_PARAMETERS)

    def test_it_adds_up_shards_and_takes_their_index(self) -> None:
        checkpoint = inspect(write_tiny_checkpoint(self.folder, index=True))
        self.assertEqual(checkpoint.facts["parameters"], TINY_PARAMETERS)
        names = {path.name for path in checkpoint.files}
        self.assertIn("model.safetensors.index.json", names)

    def test_it_names_a_missing_shard(self) -> None:
        write_tiny_checkpoint(self.folder, index=True)
        (self.folder / "model-00002-of-00002.safetensors").unlink()
        self.assert_refused("lacks model-00002-of-00002.safetensors")

    def test_it_leaves_everything_else_in_the_folder(self) -> None:
        write_tiny_checkpoint(self.folder)
        for name in ("pytorch_model.bin", "README.md", "optimizer.pt", "modeling.py"):
            (self.folder / name).write_text("not wanted")
        names = {path.name for path in inspect(self.folder).files}
        self.assertEqual(names, {"config.json", "model.safetensors", "tokenizer.json"})

    def test_it_takes_the_older_tokenizer_files(self) -> None:
        write_tiny_checkpoint(self.folder)
        (self.folder / "tokenizer.json").unlink()
        (self.folder / "vocab.json").write_text(json.dumps({"a": 0}))
        (self.folder / "merges.txt").write_text("#version: 0.2\n")
        names = {path.name for path in inspect(self.folder).files}
        self.assertLessEqual({"vocab.json", "merges.txt"}, names)


class RefusalTests(CheckpointTestCase):
    def setUp(self) -> None:
        super().setUp()
        write_tiny_checkpoint(self.folder)

    def write_config(self, **changes: object) -> None:
        config = TINY_SHAPE | changes
        (self.folder / "config.json").write_text(json.dumps(config))

    def test_it_refuses_a_folder_that_is_not_there(self) -> None:
        with self.assertRaisesRegex(CheckpointError, "not a folder"):
            inspect(self.folder / "absent")

    def test_it_refuses_a_folder_without_config(self) -> None:
        (self.folder / "config.json").unlink()
        self.assert_refused("has no config.json")

    def test_it_refuses_a_config_that_is_not_json(self) -> None:
        (self.folder / "config.json").write_text("{")
        self.assert_refused("not readable JSON")

    def test_it_refuses_a_config_that_is_no_object(self) -> None:
        (self.folder / "config.json").write_text("[]")
        self.assert_refused("JSON object")

    def test_it_refuses_a_config_without_shape(self) -> None:
        self.write_config()
        (self.folder / "config.json").write_text('{"model_type": "gpt_neo"}')
        self.assert_refused("lacks num_layers")

    def test_it_refuses_an_architecture_that_the_engine_lacks(self) -> None:
        self.write_config(model_type="gpt2")
        self.assert_refused("'gpt2'; this engine runs gpt_neo and llama")

    def test_it_refuses_pickled_weights_with_the_reason(self) -> None:
        (self.folder / "model.safetensors").rename(self.folder / "pytorch_model.bin")
        self.assert_refused("pytorch_model.bin is a pickle, .* may run any code")

    def test_it_refuses_a_folder_without_weights(self) -> None:
        (self.folder / "model.safetensors").unlink()
        self.assert_refused("no weights")

    def test_it_refuses_weights_that_were_cut_short(self) -> None:
        path = self.folder / "model.safetensors"
        path.write_bytes(path.read_bytes()[:-4])
        self.assert_refused("not a complete safetensors file")

    def test_it_refuses_weights_that_are_something_else(self) -> None:
        (self.folder / "model.safetensors").write_bytes(b"<!doctype html>" * 10)
        self.assert_refused("not a complete safetensors file")

    def test_it_refuses_a_folder_without_tokenizer(self) -> None:
        (self.folder / "tokenizer.json").unlink()
        self.assert_refused("no tokenizer")

    def test_it_refuses_half_a_tokenizer(self) -> None:
        (self.folder / "tokenizer.json").rename(self.folder / "vocab.json")
        self.assert_refused("no tokenizer")

    def test_it_refuses_a_tokenizer_that_is_too_large_for_the_model(self) -> None:
        vocabulary = {f"t{i}": i for i in range(33)}
        (self.folder / "tokenizer.json").write_text(
            json.dumps({"model": {"vocab": vocabulary}})
        )
        self.assert_refused("tokenizer has 33 tokens and the model 32")


class AgreementTests(CheckpointTestCase):
    def test_it_accepts_the_shape_of_the_card(self) -> None:
        checkpoint = inspect(write_tiny_checkpoint(self.folder))
        require_agreement(checkpoint, ARCHITECTURE, name="Tiny")

    def test_it_names_every_difference(self) -> None:
        write_tiny_checkpoint(self.folder)
        config = TINY_SHAPE | {"num_layers": 24, "num_heads": 4}
        (self.folder / "config.json").write_text(json.dumps(config))
        with self.assertRaisesRegex(
            CheckpointError,
            r"This is not Tiny: it has layers 24 instead of 2, heads 4 instead of 2\.",
        ):
            require_agreement(inspect(self.folder), ARCHITECTURE, name="Tiny")

    def test_it_does_not_believe_a_config_that_the_weights_belie(self) -> None:
        write_tiny_checkpoint(self.folder, index=True)
        (self.folder / "model.safetensors.index.json").unlink()
        (self.folder / "model-00002-of-00002.safetensors").unlink()
        with self.assertRaisesRegex(CheckpointError, "parameters"):
            require_agreement(inspect(self.folder), ARCHITECTURE, name="Tiny")
