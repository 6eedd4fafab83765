from __future__ import annotations

from django.http import HttpRequest
from django.template import RequestContext, Template
from django.test import RequestFactory

from accounts.models import User
from models_app.sync import sync_catalogue
from models_app.templatetags.catalogue import short_count
from models_app.tests.cards import TINY_CARD, CatalogueTestCase
from models_app.tests.checkpoints import write_tiny_checkpoint
from models_app.weights import bundled_dir


class CatalogueTagsTests(CatalogueTestCase):
    def render(self, template: str, user: User | None = None, **context: str) -> str:
        request: HttpRequest = RequestFactory().get("/", headers={"host": "localhost"})
        request.user = user or self.alice
        source = "{% load catalogue %}{% default_language_model as it %}" + template
        return Template(source).render(RequestContext(request, context))

    def test_it_renders_a_program_for_each_language(self) -> None:
        html = self.render("{% call_snippets it api_token=t %}", t="nro_abc")
        for part in (
            "npu",
            "openai",
            "curl",
            "JavaScript",
            "http://localhost/",
            "nro_abc",
        ):
            self.assertIn(part, html)
        self.assertNotIn("Put your own API token", html)

    def test_it_says_where_the_api_token_goes(self) -> None:
        html = self.render("{% call_snippets it %}")
        self.assertIn("Put your own API token", html)

    def test_it_suggests_what_runs_here(self) -> None:
        self.add_card("ready", position=2)
        write_tiny_checkpoint(bundled_dir("ready"))
        self.assertEqual(self.render("{{ it.slug }}"), "ready")

    def test_it_suggests_the_first_one_while_nothing_is_installed(self) -> None:
        self.add_card("later", position=2)
        self.assertEqual(self.render("{{ it.slug }}"), "tiny")

    def test_it_prefers_what_the_tier_includes(self) -> None:
        self.add_card("open", position=2, tier="free")
        for slug in ("tiny", "open"):
            write_tiny_checkpoint(bundled_dir(slug))
        self.assertEqual(self.render("{{ it.slug }}", user=self.charlie), "open")
        self.assertEqual(self.render("{{ it.slug }}", user=self.alice), "tiny")

    def test_it_shortens_large_numbers(self) -> None:
        self.assertEqual(short_count(125_198_592), "125M")
        self.assertEqual(short_count(2_651_307_520), "2.7B")
        self.assertEqual(short_count(6_045_184), "6.0M")
        self.assertEqual(short_count(2_096), "2096")

    def add_card(self, slug: str, *, position: int, tier: str = "developer") -> None:
        text = (
            TINY_CARD.replace("slug: tiny", f"slug: {slug}")
            .replace("0123456789abcdef01234567", f"{position:024x}")
            .replace("position: 1", f"position: {position}")
            .replace("minimum_tier: developer", f"minimum_tier: {tier}")
        )
        self.write_card(slug, text)
        sync_catalogue()
