"""`/v1/models`: what a caller may run here."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.test import override_settings

from accounts.models import ApiToken
from models_app.tests.checkpoints import write_chat_checkpoint
from neuro_site.testing import BaseTestCase, Response


class OpenAiModelTests(BaseTestCase):
    def get(self, path: str, api_token: str | None = None) -> Response:
        headers = self.bearer(api_token or self.alice_api_token)
        return self.client.get(f"/v1/models{path}", headers=headers)

    def listed(self, api_token: str | None = None) -> dict[str, dict[str, Any]]:
        answer = self.get("", api_token).json()
        self.assertEqual(answer["object"], "list")
        return {one["id"]: one for one in answer["data"]}

    def test_it_lists_what_the_tier_includes(self) -> None:
        self.assertIn("gpt-neo-125m", self.listed())
        self.assertNotIn("gpt-neo-2.7b", self.listed())
        self.assertEqual(list(self.listed(self.charlie_api_token)), ["neo-tiny"])

    def test_it_lists_what_the_api_token_allows(self) -> None:
        ApiToken.objects.filter(project__user=self.alice).update(
            allowed_models=["neo-tiny"]
        )

        self.assertEqual(list(self.listed()), ["neo-tiny"])

    def test_it_describes_one_by_every_name_it_has(self) -> None:
        model = self.get("/gpt-neo-125m").json()

        self.assertEqual(
            model,
            {
                "id": "gpt-neo-125m",
                "object": "model",
                "created": 0,
                "owned_by": "EleutherAI",
                "name": "GPT-Neo-125M",
                "context_length": 2048,
                "has_chat_template": False,
                "status": "missing",
            },
        )
        for name in ("60a40f81b635d67d627bf6b2", "eleutherai/GPT-Neo-125M"):
            self.assertEqual(self.get(f"/{name}").json(), model)
        self.assertGreater(self.get("/neo-tiny").json()["created"], 1_500_000_000)

    def test_it_says_which_take_conversations(self) -> None:
        models = Path(self.enterContext(TemporaryDirectory()))
        with override_settings(MODELS_DIR=models):
            self.assertFalse(self.get("/neo-tiny").json()["has_chat_template"])
            write_chat_checkpoint(models / "neo-tiny")
            self.assertTrue(self.get("/neo-tiny").json()["has_chat_template"])
            native = self.client.get(
                "/api/v1/models/neo-tiny", headers=self.bearer(self.alice_api_token)
            )
            self.assertTrue(native.json()["has_chat_template"])
            page = self.client.get("/models/neo-tiny").content.decode()
            self.assertIn("/v1/chat/completions", page)
            shutil.rmtree(models / "neo-tiny")
        page = self.client.get("/models/neo-tiny").content.decode()
        self.assertNotIn("/v1/chat/completions", page)

    def test_it_refuses_as_the_sdk_expects(self) -> None:
        response = self.get("/neo-tinny")
        error = response.json()["error"]

        self.assertEqual(
            (response.status_code, error["code"], error["param"]),
            (404, "model_not_found", "model"),
        )
        self.assertEqual(self.client.get("/v1/models").status_code, 401)
