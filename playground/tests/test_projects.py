"""The project that a call from the playground belongs to."""

from __future__ import annotations

from typing import Any

from accounts.models import Project
from accounts.projects import archive_project, create_project
from models_app.models import PredictionRecord
from models_app.tests.fakes import HELLO, FakeBackend, use_backend
from neuro_site.testing import BaseTestCase, Response
from playground.tests.forms import filled_form

CHOSEN = 'value="{}" selected'


class ProjectOfCallTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.client.force_login(self.alice)
        self.thesis = create_project(user=self.alice, name="Thesis")

    def run_prompt(self, path: str = "/playground/", **fields: Any) -> Response:
        with use_backend(FakeBackend(*HELLO)):
            response: Response = self.client.post(path, filled_form(**fields))
        return response

    def chosen(self) -> Project:
        page = self.client.get("/playground/").content.decode()
        (project,) = [
            one
            for one in self.alice.projects.all()
            if CHOSEN.format(one.public_id) in page
        ]
        return project

    def test_it_begins_with_the_default_project(self) -> None:
        self.assertEqual(self.chosen(), self.alice.default_project)
        self.run_prompt()
        record = PredictionRecord.objects.get()
        self.assertEqual(record.project, self.alice.default_project)

    def test_it_counts_the_call_where_it_was_told_to_and_remembers_it(self) -> None:
        self.run_prompt(project=self.thesis.public_id)
        self.assertEqual(PredictionRecord.objects.get().project, self.thesis)
        self.assertEqual(self.chosen(), self.thesis)
        usage = self.client.get("/usage/", {"project": self.thesis.public_id})
        self.assertContains(usage, "Thesis")
        self.run_prompt(project=self.alice.default_project.public_id)
        self.assertEqual(self.chosen(), self.alice.default_project)

    async def test_it_does_so_for_streams_too(self) -> None:
        await self.async_client.aforce_login(self.alice)
        form = filled_form(project=self.thesis.public_id)
        with use_backend(FakeBackend(*HELLO)):
            response: Any = await self.async_client.post("/playground/stream", form)
            async for _ in response.streaming_content:
                pass
        record = await PredictionRecord.objects.aget()
        self.assertEqual(record.project_id, self.thesis.pk)

    def test_it_hides_the_choice_where_there_is_none(self) -> None:
        archive_project(project=self.thesis)
        self.assertNotContains(self.client.get("/playground/"), 'name="project"')

    def test_it_forgets_a_project_that_was_archived(self) -> None:
        create_project(user=self.alice, name="Other")
        self.run_prompt(project=self.thesis.public_id)
        archive_project(project=self.thesis)
        self.assertEqual(self.chosen(), self.alice.default_project)

    def test_it_refuses_projects_of_others_and_archived_ones(self) -> None:
        archive_project(project=self.thesis)
        for project in (self.thesis, self.bob.default_project):
            for path in ("/playground/", "/playground/stream"):
                response = self.run_prompt(path, project=project.public_id)
                self.assertEqual(response.status_code, 400)
        self.assertFalse(PredictionRecord.objects.exists())
