"""Texts of calls: kept where a project asks for it, for so long, and nowhere else."""

from __future__ import annotations

import datetime
import io
import json
import zipfile
from typing import Any
from unittest import mock

from asgiref.sync import async_to_sync
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.closing import close_account
from accounts.export import export_of
from accounts.models import AuditEvent, Project, User
from models_app import texts
from models_app.errors import GenerationFailed
from models_app.models import PredictionRecord, PredictionSource, PredictionTexts
from models_app.services import Caller, admit, predict, run_to_end, stream
from models_app.tests.fakes import HELLO, FakeBackend, token, use_backend
from neuro_site.testing import BaseTestCase, Response

LOG = "/usage/requests/"


def call(user: User, *prompts: str, project: Project | None = None) -> dict[str, Any]:
    project = project or user.default_project
    caller = Caller(user=user, project=project, source=PredictionSource.API)
    return {
        "caller": caller,
        "language_model": "neo-tiny",
        "prompts": prompts or ["Say "],
        "parameters": {"max_new_tokens": 5},
    }


class TextsTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.project = self.alice.default_project

    def keep(self, days: int = 30) -> None:
        texts.keep_texts(project=self.project, days=days)

    def predict(self, *prompts: str) -> PredictionRecord:
        with use_backend(FakeBackend(*HELLO)):
            done = predict(**call(self.alice, *prompts))
        return PredictionRecord.objects.get(public_id=done.id)

    def page(self, record: PredictionRecord) -> Response:
        self.client.force_login(self.alice)
        return self.client.get(f"{LOG}{record.public_id}/")

    def grow_old(self, record: PredictionRecord, days: int) -> None:
        at = timezone.now() - datetime.timedelta(days=days, minutes=1)
        PredictionRecord.objects.filter(pk=record.pk).update(created_at=at)
        PredictionTexts.objects.filter(pk=record.pk).update(created_at=at)

    def delete_expired(self) -> str:
        out = io.StringIO()
        call_command("delete_expired_texts", stdout=out)
        return out.getvalue()


class KeepingTests(TextsTestCase):
    def test_it_keeps_none_unless_the_project_asks_for_it(self) -> None:
        record = self.predict()
        self.assertFalse(PredictionTexts.objects.exists())
        self.assertContains(self.page(record), "are not kept")

    def test_it_costs_no_query_where_none_are_kept(self) -> None:
        def statements() -> list[str]:
            asked = call(self.alice)
            with (
                use_backend(FakeBackend(*HELLO)),
                CaptureQueriesContext(connection) as captured,
            ):
                predict(**asked)
            return [query["sql"] for query in captured]

        self.predict()
        without = statements()
        self.assertFalse([sql for sql in without if "accounts_project" in sql])
        self.keep()
        self.assertEqual(len(statements()), len(without) + 2)

    def test_it_shows_prompts_and_completions_on_the_page_of_the_request(self) -> None:
        self.keep()
        response = self.page(self.predict("<b>One", "Two"))
        self.assertContains(response, "&lt;b&gt;One")
        self.assertContains(response, "Two")
        self.assertContains(response, "Hello", count=2)
        self.assertContains(response, "Kept until")

    def test_it_keeps_what_an_aborted_prediction_had_said(self) -> None:
        self.keep()
        script = (token("Hel"), *(token(".") for _ in range(9)))
        with use_backend(FakeBackend(*script)):
            admission = admit(**call(self.alice))

            async def go_away() -> None:
                events = stream(admission)
                await anext(events)
                await anext(events)
                await events.aclose()

            async_to_sync(go_away)()
        (kept,) = self.kept(admission.record)
        self.assertEqual((kept.text, kept.finish_reason), ("Hel", ""))

    def kept(self, record: PredictionRecord) -> list[Any]:
        found = texts.kept_texts(record)
        assert found
        return found.prompts[0].completions

    def test_it_keeps_the_prompt_of_one_that_failed(self) -> None:
        self.keep()
        with use_backend(FakeBackend(ValueError("broken"))):
            admission = admit(**call(self.alice))
            with self.assertLogs(), self.assertRaises(GenerationFailed):
                run_to_end(admission)
        self.assertContains(self.page(admission.record), "no completion")

    def test_it_takes_a_prompt_with_a_nul_in_it(self) -> None:
        self.keep()
        self.assertContains(self.page(self.predict("a\0b")), "a\0b")

    def test_it_cuts_what_is_too_long_and_says_so(self) -> None:
        self.keep()
        with mock.patch("models_app.text_content.MAX_CHARACTERS", 6):
            record = self.predict("Once", "upon a time")
        kept = texts.kept_texts(record)
        assert kept
        self.assertEqual([one.text for one in kept.prompts], ["Once", "up"])
        self.assertContains(self.page(record), "Too long to be kept whole")

    def test_it_keeps_none_of_a_prediction_that_ends_after_that_was_stopped(
        self,
    ) -> None:
        self.keep()
        with use_backend(FakeBackend(*HELLO)):
            admission = admit(**call(self.alice, project=self.reloaded()))
            texts.drop_texts(project=self.project)
            run_to_end(admission)
        self.assertFalse(PredictionTexts.objects.exists())

    def reloaded(self) -> Project:
        return Project.objects.get(pk=self.project.pk)

    def test_it_keeps_what_was_said_last_where_a_prediction_is_closed_twice(
        self,
    ) -> None:
        self.keep()
        with use_backend(FakeBackend(*HELLO)):
            admission = admit(**call(self.alice))
            texts.store(admission.record, admission.run)
            run_to_end(admission)
        (kept,) = self.kept(admission.record)
        self.assertEqual(kept.text, "Hello")

    def test_it_never_writes_a_text_into_the_log(self) -> None:
        self.keep()
        with self.assertLogs(level="DEBUG") as logged:
            self.predict("A secret")
            with (
                use_backend(FakeBackend(token("whispered"), ValueError("broken"))),
                self.assertRaises(GenerationFailed),
            ):
                predict(**call(self.alice, "A secret"))
        said = "\n".join(logged.output)
        self.assertIn("failed", said)
        for text in ("A secret", "whispered", "Hello"):
            self.assertNotIn(text, said)


class EndTests(TextsTestCase):
    def test_it_hides_what_has_expired_even_before_it_is_deleted(self) -> None:
        self.keep(days=7)
        record = self.predict("Once")
        self.grow_old(record, 7)
        record.refresh_from_db()
        self.assertContains(self.page(record), "are not kept")
        self.assertEqual(list(texts.exported_texts(self.alice)), [])

    def test_its_command_deletes_what_has_expired_and_nothing_else(self) -> None:
        self.keep(days=7)
        old, new = self.predict("old"), self.predict("new")
        self.grow_old(old, 7)
        with mock.patch("models_app.texts.ROWS_PER_DELETION", 1):
            self.assertIn("texts of 1 prediction.", self.delete_expired())
        (left,) = PredictionTexts.objects.all()
        self.assertEqual(left.record, new)
        self.assertTrue(PredictionRecord.objects.filter(pk=old.pk).exists())
        self.assertIn("of 0 predictions", self.delete_expired())

    def test_fewer_days_delete_at_once_what_is_older(self) -> None:
        self.keep(days=30)
        self.grow_old(self.predict(), 10)
        self.keep(days=9)
        self.assertFalse(PredictionTexts.objects.exists())

    def test_they_go_with_the_account(self) -> None:
        self.keep()
        self.predict()
        with use_backend(FakeBackend()):
            close_account(user=self.alice)
        self.assertFalse(PredictionTexts.objects.exists())

    def test_they_are_in_the_export_of_their_owner_alone(self) -> None:
        self.keep()
        record = self.predict("Once")
        for user, expected in ((self.alice, 1), (self.bob, 0)):
            archive = zipfile.ZipFile(io.BytesIO(b"".join(export_of(user))))
            rows = json.loads(archive.read("texts_of_calls.json"))
            self.assertEqual(len(rows), expected)
        (row,) = texts.exported_texts(self.alice)
        self.assertEqual(row["prediction"], record.public_id)
        self.assertEqual(row["prompts"], ["Once"])
        self.assertEqual(row["completions"][0]["text"], "Hello")


class PageTests(TextsTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.client.force_login(self.alice)
        self.url = f"/projects/{self.project.public_id}/texts/"

    def days(self) -> int | None:
        self.project.refresh_from_db()
        return self.project.text_retention_days

    def test_it_offers_thirty_days_and_keeps_for_as_many_as_are_chosen(self) -> None:
        self.assertContains(self.client.get(self.url), 'value="30"')
        self.assertIsNone(self.days())
        answer = self.client.post(self.url, {"days": "14"}, follow=True)
        self.assertContains(answer, "kept for 14 days")
        self.assertEqual(self.days(), 14)
        self.assertContains(self.client.get("/projects/"), "Kept 14 days")
        event = AuditEvent.objects.get(kind="project.texts_kept")
        self.assertEqual(event.details, {"name": "Default", "days": "14 days"})

    def test_it_keeps_nothing_for_ever_and_nothing_for_no_time(self) -> None:
        for days in ("0", "366", "-1", "x", ""):
            self.client.post(self.url, {"days": days})
            self.assertIsNone(self.days())

    def test_it_says_what_stopping_deletes_and_deletes_it(self) -> None:
        self.keep()
        self.predict()
        self.assertContains(self.client.get(self.url), "texts of 1\n")
        answer = self.client.post(f"{self.url}drop/", follow=True)
        self.assertContains(answer, "those of 1 prediction are deleted")
        self.assertIsNone(self.days())
        self.assertFalse(PredictionTexts.objects.exists())
        event = AuditEvent.objects.get(kind="project.texts_dropped")
        self.assertEqual(event.details, {"name": "Default", "deleted": "1"})

    def test_it_knows_only_the_owners_projects(self) -> None:
        url = f"/projects/{self.bob.default_project.public_id}/texts/"
        for answer in (
            self.client.get(url),
            self.client.post(url, {"days": "30"}),
            self.client.post(f"{url}drop/"),
        ):
            self.assertEqual(answer.status_code, 404)
        self.assertFalse(self.bob.projects.exclude(text_retention_days=None).exists())
