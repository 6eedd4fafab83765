from __future__ import annotations

from django.contrib.auth.models import AnonymousUser

from accounts.tiers import Tier
from models_app.errors import ModelNotFound
from models_app.models import LanguageModel
from neuro_site.testing import BaseTestCase


class ResolveTests(BaseTestCase):
    def assert_found(self, ref: str) -> None:
        self.assertEqual(LanguageModel.objects.resolve(ref).slug, "gpt-neo-125m")

    def test_it_finds_by_slug(self) -> None:
        self.assert_found("gpt-neo-125m")

    def test_it_finds_by_id(self) -> None:
        self.assert_found("60a40f81b635d67d627bf6b2")

    def test_it_finds_by_hub_id(self) -> None:
        self.assert_found("EleutherAI/gpt-neo-125m")

    def test_it_does_not_mind_case_or_spaces(self) -> None:
        self.assert_found(" GPT-Neo-125M ")
        self.assert_found("60A40F81B635D67D627BF6B2")

    def assert_missing(self, ref: str) -> ModelNotFound:
        with self.assertRaises(ModelNotFound) as caught:
            LanguageModel.objects.resolve(ref)
        return caught.exception

    def test_it_names_the_nearest(self) -> None:
        error = self.assert_missing("gpt-neo-125")
        self.assertIn('"gpt-neo-125m"', error.hint)
        self.assertEqual(error.param, "model")

    def test_it_names_the_nearest_of_a_mistyped_hub_id(self) -> None:
        error = self.assert_missing("EleutherAI/gpt-noe-2.7B")
        self.assertIn('"gpt-neo-2.7b"', error.hint)

    def test_it_names_none_when_nothing_is_near(self) -> None:
        self.assertNotIn("Did you mean", self.assert_missing("zzz").hint)

    def test_it_finds_nothing_for_an_empty_name(self) -> None:
        self.assert_missing("")

    def test_it_hides_what_the_operator_disabled(self) -> None:
        LanguageModel.objects.filter(slug="gpt-neo-125m").update(is_enabled=False)
        error = self.assert_missing("gpt-neo-125m")
        self.assertNotIn('"gpt-neo-125m"', error.hint)

    def test_it_does_not_echo_a_novel(self) -> None:
        self.assertLess(len(self.assert_missing("x" * 10_000).message), 200)


class OpenToTests(BaseTestCase):
    def slugs(self, user: object) -> set[str]:
        return {entry.slug for entry in LanguageModel.objects.open_to(user)}  # type: ignore[arg-type]

    def test_it_opens_neo_tiny_to_everyone(self) -> None:
        self.assertEqual(self.slugs(self.charlie), {"neo-tiny"})

    def test_it_opens_more_with_each_tier(self) -> None:
        self.assertLess(self.slugs(self.charlie), self.slugs(self.alice))
        self.assertLess(self.slugs(self.alice), self.slugs(self.bob))
        self.assertIn("gpt-neo-125m", self.slugs(self.alice))

    def test_it_opens_nothing_to_a_visitor(self) -> None:
        self.assertEqual(self.slugs(AnonymousUser()), set())

    def test_it_agrees_with_the_question_about_one(self) -> None:
        for user in (self.alice, self.bob, self.charlie):
            one_by_one = {
                entry.slug
                for entry in LanguageModel.objects.all()
                if entry.is_open_to(user)
            }
            self.assertEqual(one_by_one, self.slugs(user))

    def test_it_follows_a_tier_that_the_operator_chose(self) -> None:
        LanguageModel.objects.filter(slug="gpt-neo-125m").update(
            minimum_tier=Tier.PREMIUM
        )
        self.assertNotIn("gpt-neo-125m", self.slugs(self.alice))
        self.assertIn("gpt-neo-125m", self.slugs(self.bob))
