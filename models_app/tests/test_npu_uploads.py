"""Data that the npu client sends ahead, request by request."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from django.core.management import call_command
from django.test import override_settings

from accounts.closing import close_account
from accounts.export import sections
from accounts.models import User
from accounts.projects import archive_project, create_project
from models_app.npu.models import UploadedData
from models_app.tests.npu import UploadTestCase, md5, npz


class UploadTests(UploadTestCase):
    def test_it_takes_what_it_does_not_know_and_knows_it_then(self) -> None:
        file = npz("a", "b")
        unknown = self.hash(file)
        created = self.upload(file)
        known = self.hash(file)

        self.assertEqual((unknown.status_code, unknown.content), (204, b""))
        self.assertEqual(created.status_code, 201)
        self.assertRegex(created.json(), "^[0-9a-f]{24}$")
        self.assertEqual(known.json()["id"], created.json())
        self.assertIsInstance(known.json()["message"], str)

    def test_it_keeps_the_same_file_once(self) -> None:
        self.assertEqual(self.uploaded("a"), self.uploaded("a"))
        self.assertEqual(UploadedData.objects.count(), 1)

    def test_it_keeps_the_data_of_projects_apart(self) -> None:
        thesis = create_project(user=self.alice, name="Thesis")
        file = npz("a")
        first = self.upload(file).json()

        for api_token, query in (
            (self.bob_api_token, {}),
            (self.alice_api_token, {"project": thesis.public_id}),
        ):
            self.assertEqual(self.hash(file, api_token, **query).status_code, 204)
            self.assertNotEqual(self.upload(file, api_token, **query).json(), first)

    def test_it_takes_no_project_of_somebody_else(self) -> None:
        bobs = self.bob.default_project.public_id

        self.assertIn(
            "no project", self.error(self.upload(npz("a"), project=bobs), 400)
        )
        self.assertIn("no project", self.error(self.hash(npz("a"), project=bobs), 400))

    def test_it_says_what_is_wrong_with_an_upload(self) -> None:
        whole = npz("a")
        cases: list[tuple[bytes, dict[str, Any], int, str]] = [
            (b"garbage", {}, 400, "numpy.savez"),
            (npz(np.array([object])), {}, 400, "pickled"),
            (npz(np.zeros((2, 2, 2), int)), {}, 400, "shape"),
            (whole, {"hash": md5(b"other")}, 400, "MD5"),
            (whole, {"hash": None}, 400, "MD5"),
            (whole, {"hash": "\0" * 32}, 400, "MD5"),
            (whole, {"given_name": "x" * 201}, 400, "name"),
        ]
        for file, fields, status, words in cases:
            with self.subTest(words=words, fields=fields):
                error = self.error(self.upload(file, **fields), status)
                self.assertIn(words, error)
        self.assertFalse(UploadedData.objects.exists())

    def test_it_refuses_a_hash_that_is_none(self) -> None:
        for value in ("", "x", "A" * 32):
            self.assertIn("MD5", self.error(self.hash(b"", hash=value), 400))

    def test_it_takes_no_model(self) -> None:
        error = self.error(self.hash(b"", collection=2), 501)

        self.assertIn("compile", error)

    def test_it_bounds_what_a_project_keeps(self) -> None:
        with override_settings(UPLOADS_PER_PROJECT_BYTES=30):
            self.uploaded("a" * 16)
            self.uploaded("a" * 16)
            error = self.error(self.upload(npz("b" * 16)), 413)
            self.pass_hours(25)
            self.uploaded("b" * 16)

        self.assertIn("20 bytes", error)
        self.assertEqual(UploadedData.objects.count(), 1)

    def test_it_counts_an_upload_as_a_request_of_the_minute(self) -> None:
        User.objects.update(staff_limits={"requests_per_minute": 1})

        self.uploaded("a")

        self.assertIn("minute", self.error(self.upload(npz("b")), 429))


class KeepingTests(UploadTestCase):
    def test_it_forgets_what_was_not_used_for_a_day(self) -> None:
        self.uploaded("a")
        self.pass_hours(23)
        self.assertEqual(self.hash(npz("a")).status_code, 200)
        self.pass_hours(23)
        self.assertEqual(self.hash(npz("a")).status_code, 200)
        self.pass_hours(25)
        self.assertEqual(self.hash(npz("a")).status_code, 204)

    def test_it_deletes_what_it_has_forgotten(self) -> None:
        self.uploaded("old")
        self.pass_hours(25)
        self.upload(npz("new"), self.bob_api_token)

        out = io.StringIO()
        call_command("delete_expired_uploads", stdout=out)

        self.assertIn("1 upload", out.getvalue())
        self.assertEqual(UploadedData.objects.get().project.user, self.bob)

    def test_it_goes_with_its_project_and_its_account(self) -> None:
        thesis = create_project(user=self.alice, name="Thesis")
        self.uploaded("a", project=thesis.public_id)
        self.uploaded("a")
        archive_project(project=thesis)
        self.assertEqual(UploadedData.objects.get().project.name, "Default")
        close_account(user=self.alice)
        self.assertFalse(UploadedData.objects.exists())

    def test_it_is_exported(self) -> None:
        self.uploaded("Grüße\0!", [7, 8], given_name="greetings")

        (section,) = (one for one in sections() if one.name == "uploaded_data")
        (row,) = section.rows(self.alice)

        self.assertEqual(set(row), set(section.fields))
        self.assertEqual(row["prompts"], ["Grüße\0!", [7, 8]])
        self.assertEqual(row["name"], "greetings")
        self.assertEqual(list(section.rows(self.bob)), [])
