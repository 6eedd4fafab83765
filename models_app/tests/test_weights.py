from __future__ import annotations

from models_app.cards import read_card
from models_app.tests.cards import CatalogueTestCase
from models_app.tests.checkpoints import write_tiny_checkpoint
from models_app.weights import (
    Origin,
    bundled_dir,
    checkpoint_dir,
    install_command,
    installed_dir,
    is_installed,
    weights_state,
)


class WeightsTests(CatalogueTestCase):
    def test_it_knows_when_there_are_none(self) -> None:
        self.assertIsNone(checkpoint_dir("tiny"))
        state = weights_state(read_card("tiny"))
        self.assertEqual(state.origin, Origin.MISSING)
        self.assertFalse(state.is_installed)

    def test_it_names_the_command_that_installs_them(self) -> None:
        self.assertEqual(install_command("tiny"), "python manage.py models pull tiny")

    def test_it_finds_bundled_weights(self) -> None:
        write_tiny_checkpoint(bundled_dir("tiny"))
        self.assertEqual(checkpoint_dir("tiny"), bundled_dir("tiny"))
        state = weights_state(read_card("tiny"))
        self.assertEqual(state.origin, Origin.BUNDLED)
        self.assertGreater(state.size, 0)

    def test_it_prefers_installed_weights_to_bundled_ones(self) -> None:
        write_tiny_checkpoint(bundled_dir("tiny"))
        write_tiny_checkpoint(installed_dir("tiny"))
        self.assertEqual(checkpoint_dir("tiny"), installed_dir("tiny"))

    def test_it_takes_no_folder_without_weights_for_a_checkpoint(self) -> None:
        write_tiny_checkpoint(installed_dir("tiny"))
        (installed_dir("tiny") / "model.safetensors").unlink()
        self.assertFalse(is_installed("tiny"))

    def test_it_vouches_for_nothing_without_a_record(self) -> None:
        write_tiny_checkpoint(installed_dir("tiny"))
        self.assertEqual(weights_state(read_card("tiny")).origin, Origin.LOCAL)
