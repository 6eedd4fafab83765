from __future__ import annotations

import datetime
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

from django.db import connection
from django.db.models import F
from django.db.models.sql.compiler import SQLCompiler
from django.utils import timezone

from accounts.models import ApiToken, Project, UsageDay
from accounts.prepared import (
    DAY,
    INTEGER,
    MOMENT,
    TEXT,
    Given,
    PreparedDelete,
    PreparedRows,
    PreparedUpdate,
)
from neuro_site.testing import BaseTestCase

projects_named = PreparedRows(
    lambda: Project.objects.select_related("user").filter(name=Given("name", TEXT))
)
days_to = PreparedUpdate(
    lambda: UsageDay.objects.filter(day=Given("day", DAY)),
    tokens_used=F("tokens_used") + Given("more", INTEGER),
)
forget_day = PreparedDelete(lambda: UsageDay.objects.filter(day=Given("day", DAY)))
archive = PreparedUpdate(
    lambda: Project.objects.filter(pk=Given("pk", INTEGER)),
    archived_at=Given("now", MOMENT),
)
TODAY = datetime.date(2026, 7, 1)


class PreparedTestCase(BaseTestCase):
    def test_it_binds_the_values_of_each_call(self) -> None:
        for name in ("One", "Two"):
            Project.objects.create(user=self.alice, name=name)
        found = [projects_named.fetch(name=name) for name in ("One", "Two", "Three")]
        names = [[project.name for project in projects] for projects in found]
        self.assertEqual(names, [["One"], ["Two"], []])

    def test_it_brings_related_rows_along(self) -> None:
        Project.objects.create(user=self.bob, name="One")
        with self.assertNumQueries(1):
            (project,) = projects_named.fetch(name="One")
            self.assertEqual(project.user, self.bob)

    def test_it_asks_the_database_each_time(self) -> None:
        self.assertEqual(projects_named.fetch(name="One"), [])
        Project.objects.create(user=self.alice, name="One")
        self.assertEqual(len(projects_named.fetch(name="One")), 1)

    def test_it_updates_with_what_is_there(self) -> None:
        day = UsageDay.objects.create(user=self.alice, day=TODAY, tokens_used=5)
        changed = [days_to.carry_out(day=TODAY, more=more) for more in (2, 30)]
        day.refresh_from_db()
        self.assertEqual((changed, day.tokens_used), ([1, 1], 37))

    def test_it_tells_that_nothing_was_there_to_update(self) -> None:
        self.assertEqual(days_to.carry_out(day=TODAY, more=1), 0)

    def test_it_deletes_what_is_named(self) -> None:
        for day in (TODAY, TODAY + datetime.timedelta(days=1)):
            UsageDay.objects.create(user=self.alice, day=day)
        deleted = [forget_day.carry_out(day=TODAY) for _ in range(2)]
        self.assertEqual(deleted, [1, 0])
        self.assertEqual(UsageDay.objects.count(), 1)

    def test_it_writes_values_as_their_field_does(self) -> None:
        project = Project.objects.create(user=self.alice, name="One")
        now = timezone.now()
        archive.carry_out(pk=project.pk, now=now)
        self.assertEqual(Project.objects.get(archived_at=now), project)

    def test_it_writes_the_sql_once(self) -> None:
        projects_named.fetch(name="One")
        with mock.patch.object(SQLCompiler, "as_sql") as as_sql:
            projects_named.fetch(name="Two")
        as_sql.assert_not_called()

    def test_it_treats_a_value_as_a_value(self) -> None:
        self.assertEqual(projects_named.fetch(name="' OR 1=1 -- %s"), [])

    def test_it_writes_the_sql_anew_in_another_thread(self) -> None:
        rows = PreparedRows(lambda: ApiToken.objects.filter(pk=Given("pk", INTEGER)))
        rows.fetch(pk=1)

        def fetch_elsewhere() -> None:
            with mock.patch.object(SQLCompiler, "as_sql", side_effect=_Written):
                rows.fetch(pk=1)

        with ThreadPoolExecutor(1) as pool, self.assertRaises(_Written):
            pool.submit(fetch_elsewhere).result()
        connection.ensure_connection()


class _Written(Exception):
    pass
