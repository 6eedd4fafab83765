from __future__ import annotations

import os

from django.core.checks import run_checks
from django.test import SimpleTestCase
from django.urls import reverse

from accounts.tiers import Tier
from models_app.cards import CardError, parse_card, read_all_cards, read_card
from models_app.tests.cards import TINY_CARD, CatalogueTestCase


class ParseCardTests(SimpleTestCase):
    def test_it_reads_facts_and_sections(self) -> None:
        card = parse_card(TINY_CARD, slug="tiny")
        self.assertEqual(card.facts.name, "Tiny")
        self.assertEqual(card.facts.minimum_tier, Tier.DEVELOPER)
        self.assertEqual(card.facts.architecture.layers, 2)
        self.assertEqual(
            [section.anchor for section in card.sections],
            ["model-description", "limitations-and-biases"],
        )

    def test_it_finds_the_limitations(self) -> None:
        card = parse_card(TINY_CARD, slug="tiny")
        assert card.limitations is not None
        self.assertIn("It knows nothing else.", card.limitations.html)

    def assert_refused(self, old: str, new: str, message: str) -> None:
        self.assertIn(old, TINY_CARD)
        with self.assertRaisesRegex(CardError, message):
            parse_card(TINY_CARD.replace(old, new), slug="tiny")

    def test_it_names_a_missing_field(self) -> None:
        self.assert_refused("license: MIT\n", "", "license")

    def test_it_names_a_misspelt_field(self) -> None:
        self.assert_refused("license: MIT", "licence: MIT", "licence")

    def test_it_names_a_field_of_the_wrong_type(self) -> None:
        self.assert_refused("layers: 2", "layers: two", "architecture.layers")

    def test_it_refuses_an_unknown_tier(self) -> None:
        self.assert_refused("minimum_tier: developer", "minimum_tier: gold", "gold")

    def test_it_refuses_an_id_that_the_npu_client_would_refuse(self) -> None:
        self.assert_refused("0123456789abcdef01234567", "0123", "public_id")

    def test_it_refuses_a_branch_as_revision(self) -> None:
        self.assert_refused("a" * 40, "main", "hub.revision")

    def test_it_refuses_the_slug_of_another_folder(self) -> None:
        self.assert_refused("slug: tiny", "slug: other", "folder is 'tiny'")

    def test_it_refuses_what_is_not_yaml(self) -> None:
        self.assert_refused("slug: tiny", "slug: [tiny", "not YAML")

    def test_it_refuses_a_text_without_facts(self) -> None:
        with self.assertRaisesRegex(CardError, "two lines of ---"):
            parse_card("## Model description\n", slug="tiny")

    def test_it_refuses_a_card_without_limitations(self) -> None:
        self.assert_refused("## Limitations and biases", "## Other", "Limitations")

    def test_it_refuses_text_that_no_section_would_show(self) -> None:
        self.assert_refused(
            "## Model description", "Lost.\n\n## Model description", "before"
        )


class ReadCardTests(CatalogueTestCase):
    def test_it_reads_an_edited_card_again(self) -> None:
        self.assertEqual(read_card("tiny").facts.name, "Tiny")
        path = self.write_card("tiny", TINY_CARD.replace("name: Tiny", "name: New"))
        os.utime(path, ns=(1, 1))
        self.assertEqual(read_card("tiny").facts.name, "New")

    def test_it_names_the_card_that_is_wrong(self) -> None:
        self.write_card("broken", "nothing")
        with self.assertRaisesRegex(CardError, r"broken/card\.md"):
            read_all_cards()

    def test_it_says_that_there_is_no_card(self) -> None:
        with self.assertRaisesRegex(CardError, "absent"):
            read_card("absent")

    def test_it_lets_the_system_check_report_a_broken_card(self) -> None:
        self.write_card("broken", "nothing")
        errors = [e for e in run_checks() if e.id == "models_app.E001"]
        self.assertEqual(len(errors), 1)
        self.assertIn("broken/card.md", errors[0].msg)


class ExampleTests(CatalogueTestCase):
    def test_it_fills_the_playground(self) -> None:
        query = read_card("tiny").facts.examples[0].query("tiny")
        self.client.force_login(self.alice)
        page = self.client.get(f"{reverse('playground')}?{query}")
        self.assertContains(page, "a b c\n</textarea>")
        self.assertContains(page, "\\n\nx</textarea>")


class CatalogueTests(SimpleTestCase):
    """The cards of this repository."""

    def test_it_has_the_published_ids(self) -> None:
        ids = {card.facts.slug: card.facts.public_id for card in read_all_cards()}
        self.assertEqual(ids["gpt-neo-125m"], "60a40f81b635d67d627bf6b2")
        self.assertEqual(ids["gpt-neo-1.3b"], "60b65641cb49710df3af4866")
        self.assertEqual(ids["gpt-neo-2.7b"], "60b6578da4585d36792e32f9")
        self.assertIn("neo-tiny", ids)

    def test_it_pins_the_weights_of_gpt_neo_125m(self) -> None:
        hub = read_card("gpt-neo-125m").facts.hub
        assert hub is not None
        self.assertEqual(hub.repo, "EleutherAI/gpt-neo-125m")
        self.assertEqual(hub.revision, "21def0189f5705e2521767faed922f1f15e7d7db")
        self.assertEqual(
            hub.sha256,
            "52738cbfb54e25a232598242f60ef19ee193d36090b98fe649b10c02724b3521",
        )
        self.assertEqual(hub.size, 525_979_192)

    def test_it_pins_a_revision_of_everything_on_a_hub(self) -> None:
        for card in read_all_cards():
            if card.facts.hub:
                self.assertRegex(card.facts.hub.revision, "^[0-9a-f]{40}$")

    def test_it_tells_both_numbers_of_steps_and_their_sources(self) -> None:
        sections = {s.anchor: s.html for s in read_card("gpt-neo-125m").sections}
        training = sections["training-procedure"]
        for fact in ("572,300", "300 billion", "400,000", "EleutherAI", "first Neuro"):
            self.assertIn(fact, training)

    def test_it_has_every_section_of_the_seed_page(self) -> None:
        card = read_card("gpt-neo-125m")
        anchors = [section.anchor for section in card.sections]
        self.assertEqual(
            anchors,
            [
                "model-description",
                "training-procedure",
                "limitations-and-biases",
                "bibtex-and-citation",
            ],
        )
        self.assertIn("Text Generation", card.facts.tags)
        self.assertIn("@article{gao2020pile,", card.facts.citation)

    def test_it_counts_the_parameters_that_the_shape_implies(self) -> None:
        for card in read_all_cards():
            shape = card.facts.architecture
            if shape.model_type != "gpt_neo":
                continue
            layer = 12 * shape.hidden**2 + 10 * shape.hidden
            rest = shape.vocabulary + shape.context + 2
            expected = shape.layers * layer + rest * shape.hidden
            self.assertEqual(shape.parameters, expected, card.facts.slug)

    def test_it_offers_three_to_five_examples_each(self) -> None:
        for card in read_all_cards():
            self.assertIn(len(card.facts.examples), range(3, 6), card.facts.slug)

    def test_it_opens_neo_tiny_to_everyone_and_gates_the_others(self) -> None:
        tiers = {c.facts.slug: c.facts.minimum_tier for c in read_all_cards()}
        self.assertEqual(tiers.pop("neo-tiny"), Tier.FREE)
        self.assertNotIn(Tier.FREE, tiers.values())
