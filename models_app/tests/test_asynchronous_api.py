"""The routes of asynchronous predictions, of keys and of dry runs."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any
from unittest import mock

from asgiref.sync import async_to_sync, sync_to_async
from django.utils import timezone

from accounts import quota
from accounts.models import UsageDay
from models_app.asynchronous.models import AsyncPrediction
from models_app.asynchronous.replay import replay
from models_app.asynchronous.waiting import Listener
from models_app.errors import EngineUnavailable
from models_app.idempotency import keys
from models_app.idempotency.models import IdempotencyKey
from models_app.models import PredictionRecord
from models_app.tests.fakes import HELLO, FakeBackend, use_backend
from models_app.tests.queues import carry_out_all
from neuro_site.testing import BaseTestCase, Response, read_stream

URL = "/api/v1/predictions"
PREDICT = "/api/v1/models/neo-tiny/predict"
BODY = {"model": "neo-tiny", "inputs": "Say ", "parameters": {"max_new_tokens": 20}}
CALL = {"inputs": "Say ", "parameters": {"max_new_tokens": 20}}


class ApiTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        stack = use_backend(FakeBackend(*HELLO))
        self.backend = stack.__enter__()
        self.addCleanup(stack.__exit__, None, None, None)

    def post(
        self,
        url: str = URL,
        body: dict[str, Any] | None = None,
        *,
        api_token: str = "",
        **headers: str,
    ) -> Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(
            url,
            BODY if body is None else body,
            "application/json",
            headers=self.bearer(api_token or self.alice_api_token) | named,
        )

    def get(self, url: str, *, api_token: str = "", **headers: str) -> Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.get(
            url, headers=self.bearer(api_token or self.alice_api_token) | named
        )

    def created(self) -> str:
        return str(self.post().json()["id"])


class PredictionsTests(ApiTestCase):
    def test_it_accepts_a_prediction_and_says_where_it_is(self) -> None:
        answer = self.post()

        self.assertEqual(answer.status_code, 202)
        self.assertEqual(answer["Retry-After"], "1")
        self.assertEqual(answer.json()["status"], "starting")
        carry_out_all()
        read = self.get(answer["Location"]).json()
        self.assertEqual(read["status"], "succeeded")
        self.assertEqual(read["output"]["predictions"][0]["text"], "Hello")
        self.assertEqual(read["inputs"], ["Say "])

    def test_it_answers_with_the_result_to_who_waits_for_it(self) -> None:
        told = mock.Mock()
        told.wait.side_effect = lambda _: carry_out_all()
        with mock.patch.object(Listener, "waiting", return_value=nullcontext(told)):
            answer = self.post(prefer="wait=5")

        self.assertEqual(answer.status_code, 200)
        self.assertEqual(answer.json()["status"], "succeeded")

    def test_it_refuses_headers_that_make_no_sense(self) -> None:
        for name, value in (
            ("prefer", "wait=soon"),
            ("cancel_after", "2 weeks"),
            ("cancel_after", "0s"),
            ("cancel_after", "99h"),
        ):
            with self.subTest(value):
                answer = self.post(URL, BODY, **{name: value})
                self.assertEqual(answer.status_code, 400)
                self.assertEqual(answer.json()["error"]["code"], "invalid_input")

    def test_it_cancels(self) -> None:
        url = f"{URL}/{self.created()}"

        answer = self.post(f"{url}/cancel", {})

        self.assertEqual(answer.json()["status"], "canceled")
        self.assertIsNotNone(self.get(url).json()["expires_at"])

    def test_it_shows_nothing_to_other_accounts(self) -> None:
        url = f"{URL}/{self.created()}"

        for answer in (
            self.get(url, api_token=self.bob_api_token),
            self.get(f"{url}/stream", api_token=self.bob_api_token),
            self.post(f"{url}/cancel", {}, api_token=self.bob_api_token),
        ):
            self.assertEqual(answer.status_code, 404)
            self.assertEqual(answer.json()["error"]["code"], "prediction_not_found")
        listed = self.get(URL, api_token=self.bob_api_token).json()
        self.assertEqual(listed["predictions"], [])

    def test_it_lists_page_by_page(self) -> None:
        ids = [self.created() for _ in range(3)]

        first = self.get(f"{URL}?limit=2").json()
        second = self.get(f"{URL}?limit=2&cursor={first['next_cursor']}").json()

        listed = [one["id"] for one in first["predictions"] + second["predictions"]]
        self.assertEqual(listed, ids[::-1])
        self.assertIsNone(second["next_cursor"])
        self.assertNotIn("inputs", first["predictions"][0])

    def test_it_filters(self) -> None:
        self.created()
        self.post(f"{URL}/{self.created()}/cancel", {})
        now = timezone.now().isoformat().replace("+", "%2B")
        project = self.alice.default_project.public_id

        for query, count in (
            ("status=canceled", 1),
            ("status=starting&model=neo-tiny", 1),
            ("model=gpt-neo-125m", 0),
            (f"project={project}&source=api", 2),
            ("project=x", 0),
            ("source=npu", 0),
            (f"created_before={now}", 2),
            (f"created_after={now}", 0),
        ):
            with self.subTest(query):
                listed = self.get(f"{URL}?{query}").json()
                self.assertEqual(len(listed["predictions"]), count)

    def test_it_refuses_queries_that_make_no_sense(self) -> None:
        for query in ("status=odd", "limit=0", "cursor=x", "colour=red"):
            with self.subTest(query):
                self.assertEqual(self.get(f"{URL}?{query}").status_code, 400)


class StreamTests(ApiTestCase):
    def stream(self, url: str, **headers: str) -> list[tuple[int, str]]:
        """The id and name of each event."""
        answer = self.get(url, **headers)
        self.assertEqual(answer.status_code, 200)
        text = async_to_sync(read_stream)(answer).decode()
        return [
            (int(lines[0].removeprefix("id: ")), lines[1].removeprefix("event: "))
            for lines in (one.split("\n") for one in text.split("\n\n") if one)
        ]

    def test_it_replays_what_has_passed(self) -> None:
        url = f"{URL}/{self.created()}/stream"
        carry_out_all()

        every = [(1, "started"), (2, "delta"), (3, "finished"), (4, "completed")]
        self.assertEqual(self.stream(url), every)
        self.assertEqual(self.stream(url, last_event_id="2"), every[2:])

    def test_it_has_nothing_after_the_last_event(self) -> None:
        url = f"{URL}/{self.created()}/stream"
        carry_out_all()

        self.assertEqual(self.get(url, last_event_id="4").status_code, 204)

    def test_it_ends_with_how_it_ended(self) -> None:
        url = f"{URL}/{self.created()}"
        self.post(f"{url}/cancel", {})

        self.assertEqual(self.stream(f"{url}/stream"), [(1, "canceled")])

    def test_it_refuses_ids_that_it_never_sent(self) -> None:
        url = f"{URL}/{self.created()}/stream"

        for last in ("x", "-1", "1", "9" * 30, "1.5", "٣"):
            with self.subTest(last):
                answer = self.get(url, last_event_id=last)
                self.assertEqual(answer.status_code, 400)
                self.assertEqual(answer.json()["error"]["param"], "Last-Event-ID")

    async def test_it_follows_one_that_runs(self) -> None:
        prediction = await sync_to_async(
            lambda: AsyncPrediction.objects.get(public_id=self.created())
        )()
        events = replay(prediction)
        following = anext(events)
        await sync_to_async(carry_out_all)()

        self.assertEqual((await following)[0], 1)  # type: ignore[index]
        self.assertEqual([one[0] async for one in events if one], [2, 3, 4])


class IdempotencyTests(ApiTestCase):
    key = {"idempotency_key": "order-66"}

    def test_it_carries_a_call_out_once(self) -> None:
        first = self.post(PREDICT, CALL, **self.key)
        second = self.post(PREDICT, CALL, **self.key)

        self.assertEqual(first.status_code, 200)
        self.assertEqual(first.json(), second.json())
        self.assertNotIn("Idempotent-Replayed", first)
        self.assertEqual(second["Idempotent-Replayed"], "true")
        self.assertEqual(second["x-prompt-tokens"], first["x-prompt-tokens"])
        self.assertEqual(PredictionRecord.objects.count(), 1)

    def test_it_makes_one_prediction(self) -> None:
        first = self.post(URL, BODY, **self.key)
        second = self.post(URL, BODY, **self.key)

        self.assertEqual(second.status_code, 202)
        self.assertEqual(first["Location"], second["Location"])
        self.assertEqual(AsyncPrediction.objects.count(), 1)

    def test_it_belongs_to_its_api_token(self) -> None:
        self.post(PREDICT, CALL, **self.key)
        other = self.post(PREDICT, CALL, api_token=self.bob_api_token, **self.key)

        self.assertNotIn("Idempotent-Replayed", other)

    def test_it_refuses_another_body(self) -> None:
        self.post(PREDICT, CALL, **self.key)
        other = self.post(PREDICT, CALL | {"inputs": "Tell "}, **self.key)

        self.assertEqual(other.status_code, 409)
        self.assertEqual(other.json()["error"]["code"], "idempotency_key_reuse")

    def test_it_refuses_while_the_first_is_carried_out(self) -> None:
        self.post(PREDICT, CALL, **self.key)
        IdempotencyKey.objects.update(answer="")

        second = self.post(PREDICT, CALL, **self.key)

        self.assertEqual(second.status_code, 409)
        self.assertEqual(second.json()["error"]["code"], "idempotency_key_in_use")
        self.assertEqual(second["Retry-After"], "1")

    def test_it_begins_anew_what_a_process_that_died_had_begun(self) -> None:
        self.post(PREDICT, CALL, **self.key)
        IdempotencyKey.objects.update(answer="", holder="web-dead")

        second = self.post(PREDICT, CALL, **self.key)

        self.assertEqual(second.status_code, 200)
        self.assertNotIn("Idempotent-Replayed", second)

    def test_it_remembers_in_the_transaction_that_charges(self) -> None:
        """As if the process had been killed between charging and answering."""
        with (
            mock.patch("models_app.api.views.Response", side_effect=KeyboardInterrupt),
            self.assertRaises(KeyboardInterrupt),
        ):
            self.post(PREDICT, CALL, **self.key)

        second = self.post(PREDICT, CALL, **self.key)
        self.assertEqual(second["Idempotent-Replayed"], "true")
        self.assertEqual(PredictionRecord.objects.count(), 1)

    def test_it_remembers_no_failure_of_the_server_and_no_limit(self) -> None:
        self.backend.unready = EngineUnavailable(retry_after=1)
        self.assertEqual(self.post(PREDICT, CALL, **self.key).status_code, 503)
        self.backend.unready = None
        most = quota.reserve(
            user=self.alice, tokens=self.alice.limits.tokens_per_minute
        )
        self.assertEqual(self.post(PREDICT, CALL, **self.key).status_code, 429)
        quota.refund(most)

        self.assertEqual(self.post(PREDICT, CALL, **self.key).status_code, 200)

    def test_it_remembers_what_the_caller_did_wrong(self) -> None:
        body = CALL | {"parameters": {"temprature": 1}}
        first = self.post(PREDICT, body, **self.key)
        second = self.post(PREDICT, body, **self.key)

        self.assertEqual(second.status_code, 400)
        self.assertEqual(second["Idempotent-Replayed"], "true")
        wrong = [one.json()["error"]["message"] for one in (first, second)]
        self.assertEqual(wrong[0], wrong[1])

    def test_it_forgets_after_a_day(self) -> None:
        self.post(PREDICT, CALL, **self.key)
        IdempotencyKey.objects.update(created_at=timezone.now() - keys.KEPT)
        second = self.post(PREDICT, CALL | {"inputs": "Tell "}, **self.key)
        self.assertEqual(second.status_code, 200)

        IdempotencyKey.objects.update(created_at=timezone.now() - keys.KEPT)
        keys.forget_old()
        self.assertFalse(IdempotencyKey.objects.exists())

    def test_it_takes_keys_of_a_sane_length_only(self) -> None:
        for key in ("k" * 256, " "):
            answer = self.post(PREDICT, CALL, idempotency_key=key)
            self.assertEqual(answer.status_code, 400)
            self.assertEqual(answer.json()["error"]["code"], "invalid_input")
        self.assertEqual(
            self.post(PREDICT, CALL, idempotency_key="k" * 255).status_code, 200
        )


class DryRunTests(ApiTestCase):
    def dry_run(self, **changes: Any) -> dict[str, Any]:
        answer = self.post(PREDICT, CALL | {"dry_run": True} | changes)
        self.assertEqual(answer.status_code, 200, answer.content)
        return dict(answer.json())

    def test_it_tells_what_the_call_would_need(self) -> None:
        found = self.dry_run(inputs=["Say ", "Tell me "])

        self.assertTrue(found["would_run"])
        self.assertEqual(found["prompt_tokens"], 12)
        self.assertEqual(found["most_charged_tokens"], 12 + 2 * 20)
        self.assertEqual([one["max_new_tokens"] for one in found["prompts"]], [20, 20])
        limits = {one["name"]: one for one in found["limits"]}
        self.assertEqual(limits["tokens_per_day"]["requested"], 52)
        self.assertEqual(limits["concurrent_requests"]["requested"], 1)

    def test_it_tells_the_same_of_one_for_the_queue_and_queues_nothing(self) -> None:
        answer = self.post(URL, BODY | {"dry_run": True})

        self.assertEqual(answer.status_code, 200)
        self.assertEqual(answer.json()["prompts"], self.dry_run()["prompts"])
        self.assertFalse(AsyncPrediction.objects.exists())

    def test_it_leaves_everything_as_it_was(self) -> None:
        self.dry_run()

        self.assertEqual(self.backend.generations, [])
        self.assertFalse(PredictionRecord.objects.exists())
        self.assertEqual(self.dry_run()["limits"][0]["used"], 0)

    def test_it_works_where_the_limit_is_used_up(self) -> None:
        self.assertEqual(self.post(PREDICT, CALL).status_code, 200)
        UsageDay.objects.update(tokens_used=self.alice.limits.tokens_per_day)

        found = self.dry_run()

        self.assertFalse(found["would_run"])
        verdicts = {one["name"]: one["allows"] for one in found["limits"]}
        self.assertFalse(verdicts["tokens_per_day"])
        self.assertTrue(verdicts["requests_per_minute"])

    def test_it_tells_which_prompt_does_not_fit(self) -> None:
        found = self.dry_run(inputs=["Say ", "x" * 64])

        self.assertFalse(found["would_run"])
        self.assertEqual([one["fits"] for one in found["prompts"]], [True, False])
        self.assertEqual(found["prompts"][1]["prompt_tokens"], 64)
        self.assertIn("room for", found["prompts"][1]["problem"])
