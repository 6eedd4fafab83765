"""A catalogue of one tiny language model, in folders of the test's own."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from django.test import override_settings

from models_app.cards import Card, read_card
from models_app.sync import sync_catalogue
from models_app.tests.checkpoints import TINY_PARAMETERS
from neuro_site.testing import BaseTestCase

TINY_CARD = f"""---
slug: tiny
public_id: "0123456789abcdef01234567"
name: Tiny
publisher: Example
summary: A language model for tests.
task: Text Generation
tags: [Text Generation]
minimum_tier: developer
license: MIT
position: 1
architecture:
  model_type: gpt_neo
  parameters: {TINY_PARAMETERS}
  layers: 2
  hidden: 8
  heads: 2
  context: 16
  vocabulary: 32
hub:
  repo: example/tiny
  revision: {"a" * 40}
examples:
  - title: Letters
    prompt: "a b c\\n"
    parameters: {{max_new_tokens: 4, do_sample: false, stop: ["\\n", "x"]}}
---

## Model description

It knows the letters of the alphabet.

## Limitations and biases

It knows nothing else.
"""


class CatalogueTestCase(BaseTestCase):
    """The catalogue is one card, `tiny`; nothing is installed."""

    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(tempfile.mkdtemp(prefix="neuro-catalogue-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.models_dir = self.folder / "models"
        self.write_card("tiny", TINY_CARD)
        self.enterContext(
            override_settings(
                CATALOGUE_DIR=self.folder / "catalogue", MODELS_DIR=self.models_dir
            )
        )
        sync_catalogue()

    def write_card(self, slug: str, text: str) -> Path:
        folder = self.folder / "catalogue" / slug
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "card.md"
        path.write_text(text, encoding="utf-8")
        return path

    def write_pinned_card(self, sha256: str) -> Card:
        pin = f"  revision: {'a' * 40}\n  sha256: '{sha256}'"
        self.write_card("tiny", TINY_CARD.replace(f"  revision: {'a' * 40}", pin))
        return read_card("tiny")
