from __future__ import annotations

from django.urls import reverse

from accounts.tiers import Tier
from models_app.models import LanguageModel
from models_app.tests.cards import TINY_CARD, CatalogueTestCase
from models_app.tests.checkpoints import write_tiny_checkpoint
from models_app.weights import bundled_dir, installed_dir
from neuro_site.testing import BaseTestCase, Response


class GptNeo125mPageTests(BaseTestCase):
    def get(self) -> Response:
        return self.client.get("/models/gpt-neo-125m")

    def test_it_is_open_to_visitors(self) -> None:
        self.assertContains(self.get(), "<h1>GPT-Neo-125M</h1>", html=True)

    def test_it_has_every_section_of_the_seed_page_in_its_order(self) -> None:
        text = self.get().content.decode()
        places = [
            text.index(part)
            for part in (
                'aria-label="Tags"',
                'id="model-description"',
                'id="how-to-use-it"',
                'id="training-procedure"',
                'id="limitations-and-biases"',
                'id="bibtex-and-citation"',
                "@article{gao2020pile,",
            )
        ]
        self.assertEqual(places, sorted(places))

    def test_it_shows_its_facts(self) -> None:
        page = self.get()
        for fact in (
            "60a40f81b635d67d627bf6b2",
            "MIT",
            "2,048",
            "50,257",
            "EleutherAI",
        ):
            self.assertContains(page, fact)

    def test_it_puts_id_and_this_server_into_the_programs(self) -> None:
        page = self.client.get("/models/gpt-neo-125m", headers={"host": "localhost:99"})
        self.assertContains(page, "http://localhost:99/api/v1/models/60a40f81")
        self.assertContains(
            page, "os.environ[&quot;BASE_URL&quot;] = &quot;http://localhost:99/&quot;"
        )

    def test_it_has_no_inline_script_or_style(self) -> None:
        page = self.get()
        self.assertNotContains(page, "<style")
        self.assertNotContains(page, " style=")
        self.assertNotContains(page, "onclick")

    def test_it_says_how_to_install_missing_weights(self) -> None:
        page = self.get()
        self.assertContains(page, "Weights not on this server")
        self.assertContains(page, "python manage.py models pull gpt-neo-125m")
        self.assertNotContains(page, "Open in the playground")

    def test_it_invites_a_visitor(self) -> None:
        self.assertContains(self.get(), reverse("account_signup"))

    def test_it_sends_an_outsider_to_the_tiers(self) -> None:
        self.client.force_login(self.charlie)
        self.assertContains(self.get(), "Your tier, Free, does not include")
        self.assertContains(self.get(), reverse("tiers"))

    def test_it_lets_a_developer_be(self) -> None:
        self.client.force_login(self.alice)
        self.assertNotContains(self.get(), "does not include")

    def test_it_names_the_tier_that_the_operator_chose(self) -> None:
        LanguageModel.objects.update(minimum_tier=Tier.PREMIUM)
        self.client.force_login(self.alice)
        self.assertContains(self.get(), "Your tier, Developer, does not include")


class AddressTests(BaseTestCase):
    def test_it_leads_from_the_id_to_the_page(self) -> None:
        answer = self.client.get("/models/60a40f81b635d67d627bf6b2")
        self.assertRedirects(answer, "/models/gpt-neo-125m")

    def test_it_leads_from_another_spelling_to_the_page(self) -> None:
        answer = self.client.get("/models/GPT-Neo-1.3B")
        self.assertRedirects(answer, "/models/gpt-neo-1.3b")

    def test_it_leads_from_an_unknown_model_to_the_nearest(self) -> None:
        answer = self.client.get("/models/gpt-neo-125")
        link = '<a href="/models/gpt-neo-125m">gpt-neo-125m</a>'
        self.assertContains(answer, link, html=True, status_code=404)

    def test_it_leads_from_what_nothing_is_like_to_the_catalogue(self) -> None:
        answer = self.client.get("/models/zzz")
        self.assertContains(answer, "The catalogue lists every model", status_code=404)
        self.assertNotContains(answer, "Did you mean", status_code=404)

    def test_it_hides_what_the_operator_disabled(self) -> None:
        LanguageModel.objects.filter(slug="neo-tiny").update(is_enabled=False)
        self.assertEqual(self.client.get("/models/neo-tiny").status_code, 404)


class WeightsOnThePageTests(CatalogueTestCase):
    def get(self) -> Response:
        return self.client.get("/models/tiny")

    def test_it_says_that_weights_are_bundled(self) -> None:
        write_tiny_checkpoint(bundled_dir("tiny"))
        page = self.get()
        self.assertContains(page, "part of Neuro itself")
        self.assertContains(page, "/playground/?model=tiny")

    def test_it_calls_a_local_checkpoint_what_it_is(self) -> None:
        write_tiny_checkpoint(installed_dir("tiny"))
        self.assertContains(self.get(), "not known to be the published weights")

    def test_it_links_examples_only_to_a_model_that_can_run(self) -> None:
        self.assertNotContains(self.get(), "prompt=a+b+c")
        write_tiny_checkpoint(bundled_dir("tiny"))
        self.assertContains(self.get(), "prompt=a+b+c%0A")

    def test_it_escapes_what_a_card_says(self) -> None:
        self.write_card(
            "tiny", TINY_CARD.replace("It knows nothing else.", "<script>x</script>")
        )
        self.assertNotContains(self.get(), "<script>x")
