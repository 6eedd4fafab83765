from __future__ import annotations

from io import StringIO
from unittest import mock

from django.core.management import CommandError, call_command
from huggingface_hub import constants

from models_app.parity import Result, is_served
from models_app.tests.checkpoints import (
    pretend_to_check,
    write_parity,
    write_tiny_checkpoint,
)
from models_app.tests.hub_server import hub_server
from models_app.tests.test_hub import HubTestCase
from models_app.weights import bundled_dir, is_installed


class ModelsCommandTests(HubTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.enterContext(
            mock.patch(
                "models_app.management.commands.models.check",
                side_effect=pretend_to_check,
            )
        )

    def output(self, *arguments: str) -> str:
        out = StringIO()
        call_command("models", *arguments, stdout=out, skip_checks=True)
        return out.getvalue()

    def assert_refused(self, message: str, *arguments: str) -> None:  # type: ignore[override]
        with self.assertRaisesRegex(CommandError, message) as caught:
            self.output(*arguments)
        self.assertNotIn("\n", str(caught.exception))

    def test_it_lists_what_there_is(self) -> None:
        header, row = self.output("list").splitlines()
        self.assertEqual(
            header.split(), ["SLUG", "ID", "TIER", "INSTALLED", "SIZE", "WEIGHTS"]
        )
        for fact in ("tiny", "0123456789abcdef01234567", "Developer", "no"):
            self.assertIn(fact, row)
        self.assertIn("not on this server", row)

    def test_it_lists_bundled_weights(self) -> None:
        write_tiny_checkpoint(bundled_dir("tiny"))
        self.assertIn("part of this repository", self.output("list"))

    def test_it_installs_a_local_folder_and_says_that_it_is_one(self) -> None:
        self.write_pinned_card("f" * 64)
        output = self.output("pull", "tiny", "--from", str(self.source))
        self.assertTrue(is_installed("tiny"))
        self.assertIn("Tiny is installed", output)
        self.assertIn("not the published weights", output)
        self.assertIn(self.digest(self.source / "model.safetensors"), output)
        self.assertIn("f" * 64, output)
        self.assertIn("local checkpoint", self.output("list"))

    def test_it_installs_by_id_too(self) -> None:
        self.output("pull", "0123456789abcdef01234567", "--from", str(self.source))
        self.assertTrue(is_installed("tiny"))

    def test_it_installs_from_the_hub(self) -> None:
        with hub_server(self.source, repo="example/tiny") as server:
            self.use_hub(server.url)
            self.pinned()
            output = self.output("pull", "tiny")
        self.assertIn("sha256 verified", output)

    def test_it_says_that_no_sha256_was_pinned(self) -> None:
        with hub_server(self.source, repo="example/tiny") as server:
            self.use_hub(server.url)
            output = self.output("pull", "tiny")
        self.assertIn("no sha256 pinned", output)
        self.assertIn(self.digest(self.source / "model.safetensors"), output)

    def test_it_says_in_one_line_that_there_is_no_hub(self) -> None:
        self.use_hub("http://127.0.0.1:9")
        self.assert_refused(f"{constants.ENDPOINT} cannot be reached", "pull", "tiny")
        self.assert_nothing_installed()

    def test_it_names_the_nearest_of_an_unknown_model(self) -> None:
        self.assert_refused('no model "tinny" here.*"tiny"', "pull", "tinny")

    def test_it_says_what_is_wrong_with_a_folder(self) -> None:
        self.assert_refused("not a folder", "pull", "tiny", "--from", "/nowhere")

    def test_it_verifies(self) -> None:
        self.output("pull", "tiny", "--from", str(self.source))
        lines = self.output("verify", "tiny").splitlines()
        self.assertEqual([line.split()[0] for line in lines[:3]], ["ok"] * 3)

    def test_it_fails_to_verify_what_was_changed(self) -> None:
        self.output("pull", "tiny", "--from", str(self.source))
        tokenizer = self.models_dir / "tiny" / "tokenizer.json"
        tokenizer.write_text(tokenizer.read_text() + "\n")
        self.assert_refused("not what was installed", "verify", "tiny")

    def test_it_says_what_is_not_served(self) -> None:
        write_tiny_checkpoint(bundled_dir("tiny"), checked=False)
        self.assertIn("not served: was not checked", self.output("list"))

    def test_it_fails_where_the_engine_differs_from_its_reference(self) -> None:
        def find_another(slug: str) -> Result:
            result = pretend_to_check(slug)
            write_parity(self.models_dir / slug, fp32=False)
            return result

        command = "models_app.management.commands.models.check"
        with mock.patch(command, side_effect=find_another):
            self.assert_refused(
                "does not compute.*not served",
                *("pull", "tiny", "--from", str(self.source)),
            )
        self.assertTrue(is_installed("tiny"))
        self.assertFalse(is_served("tiny"))

    def test_it_removes(self) -> None:
        self.output("pull", "tiny", "--from", str(self.source))
        self.assertIn("removed", self.output("remove", "tiny"))
        self.assert_nothing_installed()

    def test_it_has_nothing_to_remove(self) -> None:
        self.assert_refused("not installed", "remove", "tiny")
