from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from pathlib import Path
from unittest import mock

from models_app.cards import Card, read_card
from models_app.checkpoints import CheckpointError
from models_app.installation import (
    InstallError,
    install_from_folder,
    remove,
    verify,
)
from models_app.tests.cards import CatalogueTestCase
from models_app.tests.checkpoints import write_tiny_checkpoint
from models_app.weights import (
    Origin,
    checkpoint_dir,
    is_installed,
    read_record,
    weights_state,
)


class InstallationTestCase(CatalogueTestCase):
    card: Card

    def setUp(self) -> None:
        super().setUp()
        self.card = read_card("tiny")
        self.source = write_tiny_checkpoint(self.folder / "source")

    def assert_nothing_installed(self) -> None:
        self.assertFalse(is_installed("tiny"))
        self.assertEqual(list(self.models_dir.glob("*")), [])

    def digest(self, path: Path) -> str:
        return hashlib.sha256(path.read_bytes()).hexdigest()


class InstallFromFolderTests(InstallationTestCase):
    def test_it_copies_what_is_needed_and_nothing_else(self) -> None:
        (self.source / "pytorch_model.bin").write_text("a pickle")
        (self.source / "modeling_tiny.py").write_text("code")
        install_from_folder(self.card, self.source)
        self.assertEqual(
            {path.name for path in (self.models_dir / "tiny").iterdir()},
            {"config.json", "model.safetensors", "tokenizer.json", "neuro.json"},
        )

    def test_it_records_where_they_came_from(self) -> None:
        install_from_folder(self.card, self.source)
        record = read_record(self.models_dir / "tiny")
        assert record is not None
        self.assertEqual(record.source, "folder")
        weights = record.files["model.safetensors"]
        self.assertEqual(weights.sha256, self.digest(self.source / "model.safetensors"))
        self.assertEqual(
            weights.size, (self.source / "model.safetensors").stat().st_size
        )

    def test_it_calls_other_weights_local(self) -> None:
        card = self.write_pinned_card("0" * 64)
        install_from_folder(card, self.source)
        self.assertEqual(weights_state(card).origin, Origin.LOCAL)

    def test_it_recognises_the_published_weights(self) -> None:
        card = self.write_pinned_card(self.digest(self.source / "model.safetensors"))
        install_from_folder(card, self.source)
        self.assertEqual(weights_state(card).origin, Origin.PUBLISHED)

    def test_it_installs_shards(self) -> None:
        shards = write_tiny_checkpoint(self.folder / "shards", index=True)
        install_from_folder(self.card, shards)
        names = {path.name for path in (self.models_dir / "tiny").iterdir()}
        self.assertIn("model.safetensors.index.json", names)
        self.assertIn("model-00002-of-00002.safetensors", names)

    def test_it_replaces_what_was_installed(self) -> None:
        install_from_folder(self.card, self.source)
        shards = write_tiny_checkpoint(self.folder / "shards", index=True)
        install_from_folder(self.card, shards)
        names = {path.name for path in (self.models_dir / "tiny").iterdir()}
        self.assertNotIn("model.safetensors", names)
        self.assertEqual(list(self.models_dir.glob(".outgoing*")), [])

    def test_it_installs_nothing_of_a_bad_folder(self) -> None:
        (self.source / "tokenizer.json").unlink()
        with self.assertRaises(CheckpointError):
            install_from_folder(self.card, self.source)
        self.assert_nothing_installed()

    def test_it_installs_nothing_when_copying_fails(self) -> None:
        with (
            mock.patch("models_app.installation.os.fsync", side_effect=OSError("full")),
            self.assertRaises(OSError),
        ):
            install_from_folder(self.card, self.source)
        self.assert_nothing_installed()

    def test_it_keeps_the_old_weights_when_the_new_ones_fail(self) -> None:
        install_from_folder(self.card, self.source)
        (self.source / "config.json").unlink()
        with self.assertRaises(CheckpointError):
            install_from_folder(self.card, self.source)
        self.assertTrue(is_installed("tiny"))

    def test_it_says_how_much_space_is_missing(self) -> None:
        usage = shutil.disk_usage(self.folder)._replace(free=1_000)
        with (
            mock.patch("models_app.installation.shutil.disk_usage", return_value=usage),
            self.assertRaisesRegex(InstallError, "are free"),
        ):
            install_from_folder(self.card, self.source)
        self.assert_nothing_installed()

    def test_it_lets_one_install_at_a_time(self) -> None:
        incoming = self.models_dir / ".incoming-tiny"
        incoming.mkdir(parents=True)
        descriptor = os.open(incoming, os.O_RDONLY)
        self.addCleanup(os.close, descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with self.assertRaisesRegex(InstallError, "being installed already"):
            install_from_folder(self.card, self.source)
        self.assertTrue(incoming.exists())


class RemoveTests(InstallationTestCase):
    def test_it_removes_what_was_installed(self) -> None:
        install_from_folder(self.card, self.source)
        remove("tiny")
        self.assert_nothing_installed()

    def test_it_says_that_there_is_nothing_to_remove(self) -> None:
        with self.assertRaisesRegex(InstallError, "not installed"):
            remove("tiny")

    def test_it_leaves_bundled_weights_alone(self) -> None:
        bundled = self.folder / "catalogue" / "tiny" / "checkpoint"
        write_tiny_checkpoint(bundled)
        with self.assertRaisesRegex(InstallError, "part of the repository"):
            remove("tiny")
        self.assertEqual(checkpoint_dir("tiny"), bundled)


class VerifyTests(InstallationTestCase):
    def test_it_confirms_what_was_installed(self) -> None:
        install_from_folder(self.card, self.source)
        self.assertTrue(all(result.is_good for result in verify(self.card)))

    def test_it_notices_a_changed_file(self) -> None:
        install_from_folder(self.card, self.source)
        path = self.models_dir / "tiny" / "model.safetensors"
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
        bad = [result.name for result in verify(self.card) if not result.is_good]
        self.assertEqual(bad, ["model.safetensors"])

    def test_it_notices_a_file_that_was_cut_short(self) -> None:
        install_from_folder(self.card, self.source)
        path = self.models_dir / "tiny" / "model.safetensors"
        path.write_bytes(path.read_bytes()[:-1])
        with self.assertRaisesRegex(CheckpointError, "not a complete"):
            verify(self.card)

    def test_it_needs_something_to_verify(self) -> None:
        with self.assertRaisesRegex(InstallError, "not installed"):
            verify(self.card)
