from __future__ import annotations

import hashlib
import os
from unittest import mock

from huggingface_hub import constants

from models_app.cards import Card, read_card
from models_app.hub import HubError
from models_app.installation import InstallError, install_from_hub
from models_app.tests.checkpoints import write_tiny_checkpoint
from models_app.tests.hub_server import COMMIT, HubServer, hub_server
from models_app.tests.test_installation import InstallationTestCase
from models_app.weights import Origin, is_installed, weights_state

UNREACHABLE = "http://127.0.0.1:9"


class HubTestCase(InstallationTestCase):
    def setUp(self) -> None:
        super().setUp()
        # A developer's own token must not travel to the stand-in.
        self.enterContext(mock.patch.dict(os.environ, {"HF_TOKEN": ""}))
        self.enterContext(
            mock.patch.object(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
        )

    def serve(self, repo: str = "example/tiny") -> HubServer:
        server = self.enterContext(hub_server(self.source, repo=repo))
        self.use_hub(server.url)
        return server

    def use_hub(self, url: str) -> None:
        template = url + "/{repo_id}/resolve/{revision}/{filename}"
        self.enterContext(
            mock.patch.multiple(
                constants, ENDPOINT=url, HUGGINGFACE_CO_URL_TEMPLATE=template
            )
        )

    def pinned(self) -> Card:
        return self.write_pinned_card(self.digest(self.source / "model.safetensors"))

    def assert_refused(self, message: str, card: Card | None = None) -> str:
        with self.assertRaisesRegex((HubError, InstallError), message) as caught:
            install_from_hub(card or self.card)
        self.assert_nothing_installed()
        self.assertNotIn("\n", str(caught.exception))
        return str(caught.exception)


class InstallFromHubTests(HubTestCase):
    def test_it_installs_the_published_weights(self) -> None:
        self.serve()
        card = self.pinned()
        record = install_from_hub(card)
        self.assertEqual((record.source, record.revision), ("hub", COMMIT))
        self.assertEqual(weights_state(card).origin, Origin.PUBLISHED)
        self.assertEqual(
            {path.name for path in (self.models_dir / "tiny").iterdir()},
            {"config.json", "model.safetensors", "tokenizer.json", "neuro.json"},
        )

    def test_it_asks_for_nothing_but_the_pinned_revision(self) -> None:
        server = self.serve()
        install_from_hub(self.pinned())
        asked = [line for line in server.requests if "example/tiny" in line]
        self.assertTrue(asked)
        self.assertTrue(all(COMMIT in line for line in asked))

    def test_it_leaves_pickles_and_code_on_the_hub(self) -> None:
        for name in ("pytorch_model.bin", "modeling_tiny.py", "flax_model.msgpack"):
            (self.source / name).write_text("not wanted")
        server = self.serve()
        install_from_hub(self.pinned())
        fetched = " ".join(server.requests)
        self.assertNotIn("pytorch_model", fetched)
        self.assertNotIn("modeling_tiny", fetched)

    def test_it_says_when_no_sha256_is_pinned(self) -> None:
        self.serve()
        install_from_hub(self.card)
        self.assertEqual(weights_state(self.card).origin, Origin.UNPINNED)

    def test_it_refuses_other_weights_than_the_pinned_ones(self) -> None:
        self.serve()
        card = self.write_pinned_card("0" * 64)
        message = self.assert_refused("Nothing was installed", card)
        self.assertIn("0" * 64, message)

    def test_it_refuses_what_the_hub_itself_would_not_know(self) -> None:
        server = self.serve()
        lies = [
            entry | {"lfs": {"oid": "1" * 64, "size": entry["size"], "pointerSize": 1}}
            if "lfs" in entry
            else entry
            for entry in server.tree()
        ]
        with mock.patch.object(server, "tree", return_value=lies):
            self.assert_refused("1" * 64)

    def test_it_refuses_another_model_under_this_name(self) -> None:
        config = self.source / "config.json"
        config.write_text(
            config.read_text().replace('"num_heads": 2', '"num_heads": 4')
        )
        self.serve()
        with self.assertRaisesRegex(ValueError, "This is not Tiny"):
            install_from_hub(self.card)
        self.assert_nothing_installed()

    def test_it_keeps_the_old_weights_when_the_download_fails(self) -> None:
        server = self.serve()
        install_from_hub(self.pinned())
        before = self.digest(self.models_dir / "tiny" / "model.safetensors")
        server.repo = "example/gone"
        with self.assertRaises(HubError):
            install_from_hub(read_card("tiny"))
        after = self.digest(self.models_dir / "tiny" / "model.safetensors")
        self.assertEqual(before, after)


class HubFailureTests(HubTestCase):
    def test_it_says_in_one_line_that_the_hub_is_out_of_reach(self) -> None:
        self.use_hub(UNREACHABLE)
        message = self.assert_refused("cannot be reached")
        self.assertIn(UNREACHABLE, message)
        self.assertIn("--from", message)

    def test_it_says_in_one_line_that_the_name_does_not_resolve(self) -> None:
        self.use_hub("http://hub.invalid")
        self.assert_refused("cannot be reached")

    def test_it_says_that_it_was_told_to_stay_offline(self) -> None:
        self.use_hub(UNREACHABLE)
        with mock.patch.object(constants, "HF_HUB_OFFLINE", True):
            self.assert_refused("HF_HUB_OFFLINE is set, so nothing is fetched")

    def test_it_says_that_there_is_no_such_repository(self) -> None:
        self.serve(repo="example/other")
        self.assert_refused("has no example/tiny")

    def test_it_says_that_there_is_no_such_revision(self) -> None:
        self.serve()
        other = "b" * 40
        path = self.folder / "catalogue" / "tiny" / "card.md"
        path.write_text(path.read_text().replace("a" * 40, other))
        self.assert_refused(f"no revision {other}", read_card("tiny"))

    def test_it_goes_on_with_a_download_that_broke_off(self) -> None:
        server = self.serve()
        server.break_after = 2_000
        self.enterContext(mock.patch("time.sleep"))
        with self.assertRaisesRegex(HubError, "broke off .* Run the command again"):
            install_from_hub(self.pinned())
        self.assertFalse(is_installed("tiny"))
        server.break_after = None
        server.requests.clear()
        install_from_hub(self.pinned())
        self.assertTrue(is_installed("tiny"))
        self.assertEqual(list(self.models_dir.glob(".*")), [])

    def test_it_needs_a_hub_to_fetch_from(self) -> None:
        path = self.folder / "catalogue" / "tiny" / "card.md"
        text = path.read_text()
        start, end = text.index("hub:"), text.index("examples:")
        path.write_text(text[:start] + text[end:])
        self.assert_refused("not on a hub", read_card("tiny"))


class ShardedHubTests(HubTestCase):
    def test_it_installs_shards(self) -> None:
        self.source = write_tiny_checkpoint(self.folder / "shards", index=True)
        self.serve()
        record = install_from_hub(self.card)
        self.assertIn("model.safetensors.index.json", record.files)
        for name, file in record.files.items():
            content = (self.models_dir / "tiny" / name).read_bytes()
            self.assertEqual(file.sha256, hashlib.sha256(content).hexdigest())
