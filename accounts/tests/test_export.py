from __future__ import annotations

import csv
import io
import json
import zipfile
from typing import Any

from asgiref.sync import async_to_sync

from accounts.export import export_of
from accounts.models import Project
from neuro_site.testing import BaseTestCase, read_stream


class ExportTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.client.force_login(self.alice)

    def download(self) -> zipfile.ZipFile:
        response = self.client.post("/account/data/export/")
        self.assertEqual(response["Content-Type"], "application/zip")
        self.assertIn("no-store", response["Cache-Control"])
        return zipfile.ZipFile(io.BytesIO(async_to_sync(read_stream)(response)))

    def rows(self, name: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(self.download().read(f"{name}.json"))
        return rows

    def test_it_holds_every_part_as_json_and_as_csv(self) -> None:
        names = set(self.download().namelist())
        for part in ("account", "projects", "api_tokens", "activity", "predictions"):
            self.assertLessEqual({f"{part}.json", f"{part}.csv"}, names)
        self.assertIsNone(self.download().testzip())

    def test_it_tells_the_same_in_both(self) -> None:
        archive = self.download()
        table = csv.DictReader(io.StringIO(archive.read("projects.csv").decode()))
        as_json = json.loads(archive.read("projects.json"))
        self.assertEqual([row["name"] for row in table], ["Default"])
        self.assertEqual([row["name"] for row in as_json], ["Default"])

    def test_it_holds_the_owners_data_and_nobody_elses(self) -> None:
        (account,) = self.rows("account")
        self.assertEqual(account["email"], "alice@example.org")
        archive = self.download()
        for name in archive.namelist():
            self.assertNotIn(b"bob@example.org", archive.read(name))
        self.assertEqual(len(self.rows("api_tokens")), 1)

    def test_it_holds_no_secret(self) -> None:
        digest = self.api_token_of(self.alice).digest
        archive = self.download()
        for name in archive.namelist():
            content = archive.read(name).decode()
            self.assertNotIn(digest, content)
            self.assertNotIn(self.alice.password, content)
            self.assertNotIn(self.alice_api_token, content)

    def test_it_notes_the_export(self) -> None:
        kinds = [event["what"] for event in self.rows("activity")]
        self.assertIn("Downloaded all data", kinds)

    def test_it_is_made_while_it_is_sent(self) -> None:
        Project.objects.bulk_create(
            Project(user=self.alice, name=f"{number} {self.api_token_of(self.alice)}")
            for number in range(4000)
        )
        self.assertGreater(len(list(export_of(self.alice))), 2)
