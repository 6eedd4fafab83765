from __future__ import annotations

from unittest import mock

from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from accounts import projects
from accounts.api_tokens import issue_api_token
from accounts.authentication import authenticate_plaintext
from accounts.errors import Conflict, InvalidApiToken
from accounts.models import AuditEvent, Project, User
from neuro_site.testing import BaseTestCase


class ProjectsTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.thesis = projects.create_project(user=self.alice, name=" Thesis ")

    def kinds(self) -> list[str]:
        return list(self.alice.audit_events.values_list("kind", flat=True))


class CreateProjectTestCase(ProjectsTestCase):
    def test_it_belongs_to_the_account_and_is_noted(self) -> None:
        self.assertEqual(self.thesis.name, "Thesis")
        self.assertIn("project.created", self.kinds())

    def test_it_refuses_a_bad_name_and_a_taken_one(self) -> None:
        for name in (
            "",
            "  ",
            "x" * 101,
            "a\0b",
            "a\r\nb",
            "a\u2028b",
            "thesis",
            "DEFAULT",
        ):
            with self.subTest(name), self.assertRaises(ValidationError):
                projects.create_project(user=self.alice, name=name)

    def test_it_may_be_named_like_somebody_elses(self) -> None:
        projects.create_project(user=self.bob, name="Thesis")

    def test_it_is_one_of_so_many(self) -> None:
        Project.objects.bulk_create(
            Project(user=self.alice, name=str(number)) for number in range(98)
        )
        with self.assertRaises(ValidationError):
            projects.create_project(user=self.alice, name="one more")


class SelectProjectTestCase(ProjectsTestCase):
    def test_it_finds_or_makes_it(self) -> None:
        select = projects.select_project
        self.assertEqual(select(user=self.alice, name="Thesis"), self.thesis)
        new = select(user=self.alice, name="New")
        self.assertEqual(new.user, self.alice)
        self.assertEqual(select(user=self.alice, name="New"), new)

    def test_it_finds_it_in_other_letters(self) -> None:
        found = projects.select_project(user=self.alice, name="thesis ")
        self.assertEqual(found, self.thesis)

    def test_it_takes_the_one_that_another_call_made_meanwhile(self) -> None:
        def lose(*, user: User, name: str) -> Project:
            made.append(Project.objects.create(user=user, name=name))
            return create(user=user, name=name)

        made: list[Project] = []
        create = projects.create_project
        with mock.patch.object(projects, "create_project", lose):
            found = projects.select_project(user=self.alice, name="Race")
        self.assertEqual([found], made)

    def test_it_refuses_an_archived_one(self) -> None:
        projects.archive_project(project=self.thesis)
        with self.assertRaises(ValidationError):
            projects.select_project(user=self.alice, name="Thesis")


class RenameProjectTestCase(ProjectsTestCase):
    def test_it_changes_the_name_and_nothing_else(self) -> None:
        before = self.thesis.public_id
        projects.rename_project(project=self.thesis, name="Book")
        self.thesis.refresh_from_db()
        self.assertEqual((self.thesis.name, self.thesis.public_id), ("Book", before))
        event = AuditEvent.objects.get(kind="project.renamed")
        self.assertEqual(event.details, {"before": "Thesis", "after": "Book"})

    def test_it_may_change_the_case_alone(self) -> None:
        projects.rename_project(project=self.thesis, name="THESIS")

    def test_it_refuses_a_name_that_was_taken_meanwhile(self) -> None:
        projects.create_project(user=self.alice, name="Book")
        not_yet = mock.patch.object(QuerySet, "exists", return_value=False)
        with not_yet, self.assertRaises(ValidationError):
            projects.rename_project(project=self.thesis, name="Book")

    def test_it_refuses_a_taken_name_and_the_default_project(self) -> None:
        with self.assertRaises(ValidationError):
            projects.rename_project(project=self.thesis, name="default")
        with self.assertRaises(ValidationError):
            projects.rename_project(project=self.alice.default_project, name="Mine")


class ArchiveProjectTestCase(ProjectsTestCase):
    def test_it_stops_its_api_tokens_until_it_is_restored(self) -> None:
        _, plaintext = issue_api_token(project=self.thesis, name="job")
        projects.archive_project(project=self.thesis)
        with self.assertRaises(InvalidApiToken) as caught:
            authenticate_plaintext(plaintext)
        self.assertIn("archived", caught.exception.message)
        projects.restore_project(project=self.thesis)
        authenticate_plaintext(plaintext)
        self.assertEqual(self.kinds()[:2], ["project.restored", "project.archived"])

    def test_it_gets_no_new_api_tokens(self) -> None:
        projects.archive_project(project=self.thesis)
        self.thesis.refresh_from_db()
        with self.assertRaises(Conflict):
            issue_api_token(project=self.thesis, name="job")

    def test_it_is_noted_once(self) -> None:
        projects.archive_project(project=self.thesis)
        projects.archive_project(project=self.thesis)
        self.assertEqual(self.kinds().count("project.archived"), 1)

    def test_it_keeps_the_default_project(self) -> None:
        with self.assertRaises(ValidationError):
            projects.archive_project(project=self.alice.default_project)
