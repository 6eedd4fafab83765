from __future__ import annotations

from django.urls import reverse

from models_app.models import LanguageModel
from neuro_site.testing import BaseTestCase, Response


class ModelListTests(BaseTestCase):
    def get(self, **query: str) -> Response:
        return self.client.get(reverse("model_list"), query)

    def get_by_htmx(self, headers: dict[str, str], q: str = "") -> Response:
        headers = {"hx-request": "true"} | headers
        return self.client.get(reverse("model_list"), {"q": q}, headers=headers)

    def slugs(self, **query: str) -> set[str]:
        page = self.get(**query)
        return {listing.language_model.slug for listing in page.context["listings"]}

    def test_it_is_open_to_visitors(self) -> None:
        page = self.get()
        self.assertContains(page, "GPT-Neo-125M")
        self.assertContains(page, 'href="/models/gpt-neo-125m"')

    def test_it_is_at_the_address_that_the_navigation_names(self) -> None:
        self.assertEqual(reverse("model_list"), "/models/")

    def test_it_says_which_weights_are_not_on_this_server(self) -> None:
        self.assertContains(self.get(q="125m"), "Weights not on this server")

    def test_it_names_the_tier_of_each(self) -> None:
        self.assertContains(self.get(q="2.7b"), "tier-premium")

    def test_it_tells_an_account_what_its_tier_leaves_out(self) -> None:
        self.client.force_login(self.charlie)
        self.assertContains(self.get(q="125m"), "Not in your tier")
        self.client.force_login(self.alice)
        self.assertNotContains(self.get(q="125m"), "Not in your tier")

    def test_it_finds_by_words_in_any_order(self) -> None:
        self.assertEqual(self.slugs(q="neo novels"), {"neo-tiny"})
        self.assertEqual(self.slugs(q="NOVELS tiny"), {"neo-tiny"})

    def test_it_finds_by_id(self) -> None:
        self.assertEqual(self.slugs(q="60a40f81b635d67d627bf6b2"), {"gpt-neo-125m"})

    def test_it_filters_by_tag(self) -> None:
        self.assertNotIn("neo-tiny", self.slugs(tag="The Pile"))
        self.assertIn("gpt-neo-125m", self.slugs(tag="The Pile"))

    def test_it_filters_by_what_a_tier_opens(self) -> None:
        self.assertEqual(self.slugs(tier="free"), {"neo-tiny"})
        self.assertNotIn("gpt-neo-2.7b", self.slugs(tier="developer"))
        self.assertIn("neo-tiny", self.slugs(tier="premium"))

    def test_it_combines_filters(self) -> None:
        self.assertEqual(self.slugs(tier="free", tag="The Pile"), set())

    def test_it_ignores_a_tier_that_does_not_exist(self) -> None:
        self.assertEqual(self.slugs(tier="gold"), self.slugs())

    def test_it_keeps_the_filters_in_the_form(self) -> None:
        page = self.get(q='"><script>', tag="The Pile", tier="premium")
        self.assertContains(page, "<option selected>The Pile</option>", html=True)
        self.assertContains(page, 'value="premium" selected')
        self.assertNotContains(page, '"><script>')

    def test_it_helps_when_nothing_matches(self) -> None:
        page = self.get(q="nothing like it")
        self.assertContains(page, "No model matches")
        self.assertContains(page, "Show all models")

    def test_it_gives_htmx_the_results_alone(self) -> None:
        page = self.get_by_htmx({}, q="tiny")
        self.assertNotContains(page, "<html")
        self.assertContains(page, 'id="results"')
        self.assertIn("HX-Request", page.headers["Vary"])

    def test_it_gives_htmx_the_whole_page_for_its_history(self) -> None:
        page = self.get_by_htmx({"hx-history-restore-request": "true"})
        self.assertContains(page, "<html")

    def test_it_hides_what_the_operator_disabled(self) -> None:
        LanguageModel.objects.filter(slug="gpt-neo-125m").update(is_enabled=False)
        self.assertNotIn("gpt-neo-125m", self.slugs())

    def test_it_is_for_reading_only(self) -> None:
        self.assertEqual(self.client.post(reverse("model_list")).status_code, 405)
