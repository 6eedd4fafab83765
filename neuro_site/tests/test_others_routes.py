"""Every route of the project, as another account finds it: signed in, and with API tokens.

A new route with an id in it says here whose the id is, and a new one that answers any API
token says why.
"""

from __future__ import annotations

import re
from typing import Any

from accounts.api_tokens import issue_api_token, revoke_api_token
from accounts.models import ApiToken, Scope, User
from accounts.projects import archive_project, create_project
from accounts.token_options import TokenOptions
from models_app.asynchronous.models import AsyncPrediction
from models_app.batches.models import Batch
from models_app.models import LanguageModel, PredictionRecord, PredictionSource
from models_app.tests.usage import ended, utc
from models_app.webhooks.announcing import announce_test
from models_app.webhooks.managing import add_webhook
from neuro_site.testing import BaseTestCase, Response
from neuro_site.tests.test_closed_routes import METHODS, OPEN_ROUTES, all_routes

ANY_API_TOKEN = {
    "/api/v1/me": "tells what the API token may do",
    "/api/v1/models": "the catalogue",
    "/api/v1/models/<ref>": "a model's page",
    "/v1/models": "the catalogue, as OpenAI tells it",
    "/v1/models/<ref>": "a model's page, as OpenAI tells it",
    "/models/<ref>/info": "the same, as Hugging Face asks it",
}
MANAGED = (
    "/api/v1/predictions/<",
    "/api/v1/tokens/<",
    "/api/v1/webhooks/<",
    "/api/v1/webhooks/deliveries/<",
)
# Not of one account: staff's, or open to all that are signed in.
NOBODYS = ("<ref>", "<tier>", "<key>", "<uidb36>")
STAFFS = ("/admin/", "/account/approvals/")
# Tells which methods there are, and nothing of an id.
ASKING = tuple(method for method in METHODS if method != "options")
SAYS_NO = {404, 405}
# A call as each door wants it, so that nothing but the scope is in the way.
CALL = {"inputs": "It was"}
CALLS: dict[str, object] = {
    "/SyncPredict": {"modelId": "neo-tiny", "data": "It was"},
    "/api/v1/predictions": {"model": "neo-tiny", "inputs": "It was"},
    "/api/v1/models/neo-tiny/detokenize": {"token_ids": [1]},
    "/v1/completions": {"model": "neo-tiny", "prompt": "It was"},
    "/v1/chat/completions": {
        "model": "smollm2-135m-instruct",
        "messages": [{"role": "user", "content": "Hello"}],
    },
    "/models/neo-tiny/v1/chat/completions": {
        "messages": [{"role": "user", "content": "Hello"}],
    },
}
ID = re.compile(r"<(\w+)>")


class OthersTestCase(BaseTestCase):
    maxDiff = None

    def setUp(self) -> None:
        super().setUp()
        self.record: PredictionRecord = ended(self.alice, utc(2026, 3, 5, 12))
        self.project = create_project(user=self.alice, name="Alice's thesis")
        token = self.api_token_of(self.alice).public_id
        webhook, _ = add_webhook(project=self.project, url="https://hooks.example/")
        delivery = announce_test(webhook).public_id
        self.batch = Batch.objects.create(
            user=self.alice, project=self.project, total=0, ends_at=utc(2026, 3, 6, 12)
        )
        # Ids of alice, by how the route begins.
        self.ids = {
            "/api/v1/webhooks/deliveries/": delivery,
            "/api/v1/webhooks/": webhook.public_id,
            "/dashboard/api-tokens/": token,
            "/api/v1/tokens/": token,
            "/api/v1/predictions/": self.async_prediction_of(self.alice).public_id,
            "/projects/": self.project.public_id,
            "/usage/requests/": self.record.public_id,
            "/account/sessions/": "1",
            "/accounts/2fa/webauthn/keys/": "1",
            "/status/": self.record.public_id,
            "/api/v1/batches/": self.batch.public_id,
            "/usage/batches/": self.batch.public_id,
        }

    def async_prediction_of(self, user: User) -> AsyncPrediction:
        return AsyncPrediction.objects.create(
            user=user,
            project=user.default_project,
            language_model=LanguageModel.objects.resolve("neo-tiny"),
            source=PredictionSource.API,
            inputs='["It was"]',
            parameters="{}",
            default_new_tokens=1,
            prompt_tokens=2,
        )

    def path_of(self, route: str) -> str:
        mine = [one for begin, one in self.ids.items() if route.startswith(begin)]
        return ID.sub(lambda name: self.sample(name[1], mine), route)

    def sample(self, name: str, mine: list[str]) -> str:
        return "neo-tiny" if name == "ref" else (mine or ["1"])[0]

    def ask(self, method: str, path: str, **more: Any) -> Response:
        if method in {"post", "put", "patch"}:
            more = {
                "content_type": "application/json",
                "data": CALLS.get(path, CALL),
            } | more
        response: Response = getattr(self.client, method)(path, **more)
        return response

    def api_token_with(self, *scopes: str) -> dict[str, str]:
        _, plaintext = issue_api_token(
            project=self.bob.default_project,
            name="walker",
            options=TokenOptions(scopes=list(scopes)),
        )
        return self.bearer(plaintext)


class SignedInTests(OthersTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.client.force_login(self.bob)

    def routes_with_ids(self) -> list[str]:
        return [
            route
            for route in all_routes()
            if ID.search(route)
            and not any(name in route for name in NOBODYS)
            and not route.startswith(STAFFS)
        ]

    def test_it_names_whose_id_it_is_in_every_route(self) -> None:
        unnamed = [
            route
            for route in self.routes_with_ids()
            if not any(route.startswith(begin) for begin in self.ids)
        ]
        self.assertEqual(unnamed, [])

    def test_it_knows_no_id_of_somebody_elses(self) -> None:
        told = [
            f"{method.upper()} {route} answers {response.status_code}"
            for route in self.routes_with_ids()
            if not route.startswith(("/api/", "/status/"))
            for method in ASKING
            if (response := self.ask(method, self.path_of(route))).status_code
            not in SAYS_NO
        ]
        self.assertEqual(told, [])

    def test_it_answers_for_an_id_of_others_as_for_none_at_all(self) -> None:
        for begin in ("/usage/requests/", "/dashboard/api-tokens/"):
            theirs = self.client.get(f"{begin}{self.ids[begin]}/")
            nobodys = self.client.get(f"{begin}{'0' * 24}/")
            self.assertEqual(theirs.status_code, nobodys.status_code)

    def test_it_keeps_what_is_staffs_to_staff(self) -> None:
        for route in all_routes():
            if route.startswith(STAFFS) and "log" not in route:
                for method in ("get", "post"):
                    response = self.ask(method, self.path_of(route))
                    self.assertIn(response.status_code, {302, 403, 404, 405}, route)

    def test_it_shows_nothing_of_others_on_any_page(self) -> None:
        names = (self.alice.email, "Alice's thesis", "Alice&#x27;s thesis")
        for route in all_routes():
            content = self.ask("get", self.path_of(route), follow=True)
            for name in names:
                self.assertNotIn(name, body_of(content), route)


class ApiTokenTests(OthersTestCase):
    def test_it_answers_no_api_token_without_the_scope(self) -> None:
        """One that may do nothing at all: whatever it gets, any API token gets."""
        headers, told = self.without_any_scope(), []
        for route in set(all_routes()) - set(OPEN_ROUTES) - set(ANY_API_TOKEN):
            for method in ASKING:
                response = self.ask(method, self.path_of(route), headers=headers)
                if not self.is_refused(response):
                    told.append(f"{method} {route} answers {response.status_code}")
        self.assertEqual(told, [])

    def without_any_scope(self) -> dict[str, str]:
        headers = self.api_token_with(Scope.PREDICT)
        ApiToken.objects.filter(name="walker").update(scopes=[])
        return headers

    def is_refused(self, response: Response) -> bool:
        """501 and 503 say to whomever that Neuro has no such thing, or no weights: those
        of a model with conversations are not in the repository."""
        if response.status_code == 302:
            return "/login/" in response["Location"]
        return response.status_code in {401, 403, 405, 501, 503}

    def test_it_knows_no_id_of_somebody_elses_with_every_scope(self) -> None:
        headers = self.api_token_with(*Scope.values)
        for route in all_routes():
            if route.startswith(MANAGED):
                for method in ASKING:
                    path = self.path_of(route)
                    answer = self.ask(method, path, headers=headers)
                    self.assertIn(answer.status_code, SAYS_NO, f"{method} {route}")
        self.assertFalse(self.api_token_of(self.alice).is_revoked)
        (prediction,) = AsyncPrediction.objects.all()
        self.assertIsNone(prediction.cancel_requested_at)
        self.assertTrue(self.project.webhooks.filter(disabled_at=None).exists())

    def test_it_refuses_spoiled_ones_everywhere_without_a_query(self) -> None:
        whole = self.alice_api_token
        swapped = whole[:20] + ("a" if whole[20] != "a" else "b") + whole[21:]
        routes = ["/api/v1/me", "/api/v1/tokens", "/api/v1/usage", "/api/v1/models"]
        for spoiled in (whole[:-1], whole[:12], swapped, whole + "0", whole.upper()):
            for route in routes:
                with self.subTest(route), self.assertNumQueries(0):
                    answer = self.client.get(route, headers=self.bearer(spoiled))
                self.assertEqual(answer.status_code, 401)

    def test_it_says_why_an_api_token_works_no_more(self) -> None:
        revoke_api_token(api_token=self.api_token_of(self.alice))
        _, archived = issue_api_token(project=self.project, name="job")
        archive_project(project=self.project)
        for plaintext, word in (
            (archived, "“Alice's thesis” of this API token is archived"),
            (self.alice_api_token, "revoked"),
        ):
            headers = self.bearer(plaintext)
            for route in ("/api/v1/me", "/api/v1/models", "/api/v1/tokens"):
                answer = self.client.get(route, headers=headers)
                self.assertEqual(answer.status_code, 401)
                self.assertIn(word, answer.json()["error"]["message"])
            body = {"token": plaintext}
            answer = self.ask("post", "/Token", data=body, headers=headers)
            self.assertEqual(answer.status_code, 401)
            self.assertIn(word, answer.json()["error"])


def body_of(response: Response) -> str:
    return "" if response.streaming else response.content.decode(errors="replace")
