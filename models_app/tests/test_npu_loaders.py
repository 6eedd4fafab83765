"""Data that the npu client has in a DataLoader, and sends batch by batch."""

from __future__ import annotations

import datetime
import hashlib
import io
import json
from typing import Any

import msgspec
import numpy as np
from django.core.management import call_command
from django.test import override_settings

from accounts.closing import close_account
from accounts.export import sections
from accounts.models import User
from accounts.projects import archive_project, create_project
from models_app.npu.models import UploadedBatch, UploadedData
from models_app.tests.npu import UploadTestCase, md5
from neuro_site.testing import Response

# One array, or a list of arrays.
Batch = Any

TEXTS: list[Batch] = [np.array(["It was", "Ü\0!"]), np.array(["", "The old man"])]


def file_of(batch: Batch) -> bytes:
    file = io.BytesIO()
    if isinstance(batch, list):
        np.savez(file, **{str(number): one for number, one in enumerate(batch)})
    else:
        np.savez(file, batch)
    return file.getvalue()


def digest_and_size(batches: list[Batch]) -> tuple[str, int]:
    """As the client's `DataLoader.hash` works them out."""
    places = [hashlib.md5(usedforsecurity=False) for _ in batches[0]]
    size = 0
    for batch in batches:
        for place, part in zip(places, batch, strict=False):
            place.update(part.tobytes())
            size += len(part.tobytes())
    return md5(b"".join(place.digest() for place in places)), size


class LoaderTestCase(UploadTestCase):
    def send(self, batches: list[Batch], **fields: Any) -> list[Response]:
        digest, size = digest_and_size(batches)
        call: dict[str, Any] = {"hash": digest, "size": size, "chunked": True} | fields
        last = len(batches) - 1
        return [
            self.upload(file_of(batch), is_last=number == last, **call)
            for number, batch in enumerate(batches)
        ]

    def begin(self, batches: list[Batch], **fields: Any) -> Response:
        """Of an upload that breaks off after its first batch."""
        digest, size = digest_and_size(batches)
        call: dict[str, Any] = {"hash": digest, "size": size, "chunked": True}
        return self.upload(file_of(batches[0]), **call | {"is_last": False} | fields)

    def kept(self) -> Any:
        return msgspec.json.decode(UploadedData.objects.get().prompts)


class LoaderTests(LoaderTestCase):
    def test_it_makes_one_upload_of_all_batches(self) -> None:
        digest, _ = digest_and_size(TEXTS)

        first, last = self.send(TEXTS, given_name="two of two")

        self.assertEqual((first.status_code, last.status_code), (202, 201))
        self.assertEqual(self.kept(), ["It was", "Ü\0!", "", "The old man"])
        known = self.hash(b"", hash=digest, chunked=True)
        self.assertEqual(known.json()["id"], last.json())
        self.assertEqual(UploadedData.objects.get().name, "two of two")
        self.assertFalse(UploadedBatch.objects.exists())

    def test_it_takes_every_kind_of_batch_that_the_client_can_send(self) -> None:
        rows = np.array([[1, 2], [3, 4]])
        kinds: list[tuple[list[Batch], list[Any]]] = [
            ([rows, rows[:1]], [[1, 2], [3, 4], [1, 2]]),
            ([np.asfortranarray(rows), rows + 4], [[1, 2], [3, 4], [5, 6], [7, 8]]),
            ([rows.astype(">i2"), rows.astype("u1")], [[1, 2], [3, 4]] * 2),
            ([rows[0], rows[1].astype(">i4")], [[1, 2], [3, 4]]),
            (
                [[np.array("a"), rows[0]], [np.array("b"), rows]],
                ["a", [1, 2], "b", [1, 2], [3, 4]],
            ),
            ([[np.asfortranarray(rows)], [rows]], [[1, 2], [3, 4]] * 2),
            ([[np.array(["a", "bc"])], [np.array(["d"])]], ["a", "bc", "d"]),
            ([np.array(["a"], ">U3"), np.array(["b"])], ["a", "b"]),
            ([[np.array(1), np.array(2)], [np.array(3)]], [[1, 2], [3]]),
        ]
        for batches, expected in kinds:
            with self.subTest(batches=batches):
                last = self.send(batches)[-1]
                self.assertEqual(last.status_code, 201, last.content)
                self.assertEqual(self.kept(), expected)
                UploadedData.objects.all().delete()

    def test_it_begins_anew_where_an_upload_broke_off(self) -> None:
        self.begin(TEXTS)

        last = self.send(TEXTS)[-1]

        self.assertEqual(last.status_code, 201, last.content)
        self.assertEqual(self.kept(), ["It was", "Ü\0!", "", "The old man"])
        self.assertFalse(UploadedBatch.objects.exists())

    def test_it_refuses_batches_that_are_not_those_of_the_hash(self) -> None:
        other = "0" * 32

        error = self.error(self.send(TEXTS, hash=other)[-1], 400)

        self.assertIn("MD5", error)
        self.assertFalse(UploadedBatch.objects.exists())
        self.assertFalse(UploadedData.objects.exists())

    def test_it_says_what_is_wrong_with_a_batch(self) -> None:
        cases: list[tuple[Batch, dict[str, Any], int, str]] = [
            ([np.array([None])], {}, 400, "pickled"),
            (np.array([1.5]), {}, 400, "kind"),
            (np.array(["a"]), {"hash": "x"}, 400, "MD5"),
            (np.array(["a"]), {"chunked": "yes"}, 400, "chunked"),
            (np.array(["a"]), {"is_last": 1}, 400, "is_last"),
            (np.array(["a"]), {"size": "1"}, 400, "size"),
            (np.array(["a"]), {"size": 0}, 400, "size"),
        ]
        for batch, fields, status, words in cases:
            with self.subTest(words=words, fields=fields):
                error = self.error(self.begin([batch], **fields), status)
                self.assertIn(words, error)
        self.assertFalse(UploadedData.objects.exists())

    def test_it_counts_all_batches_as_one_request_of_the_minute(self) -> None:
        User.objects.update(staff_limits={"requests_per_minute": 1})

        sent = self.send([np.array(["a"]), np.array(["b"]), np.array(["c"])])

        self.assertEqual([one.status_code for one in sent], [202, 202, 201])
        self.assertIn("minute", self.error(self.begin(TEXTS), 429))

    def test_it_bounds_what_a_project_keeps(self) -> None:
        size = len(file_of(TEXTS[0]))
        with override_settings(UPLOADS_PER_PROJECT_BYTES=2 * size - 1):
            first, last = self.send(TEXTS)

        self.assertEqual(first.status_code, 202)
        self.assertIn("bytes", self.error(last, 413))

    def test_it_keeps_the_batches_of_projects_apart(self) -> None:
        self.begin(TEXTS)
        digest, size = digest_and_size(TEXTS)

        response = self.upload(
            file_of(TEXTS[1]),
            self.bob_api_token,
            **{"hash": digest, "size": size, "chunked": True, "is_last": True},
        )

        self.assertIn("MD5", self.error(response, 400))
        self.assertEqual(UploadedBatch.objects.get().project.user, self.alice)


class KeepingTests(LoaderTestCase):
    def test_it_forgets_batches_whose_last_one_never_came(self) -> None:
        self.begin(TEXTS)
        a_day = datetime.timedelta(hours=25)
        for batch in UploadedBatch.objects.all():
            UploadedBatch.objects.update(created_at=batch.created_at - a_day)

        call_command("delete_expired_uploads", stdout=io.StringIO())

        self.assertFalse(UploadedBatch.objects.exists())

    def test_they_go_with_their_project_and_their_account(self) -> None:
        thesis = create_project(user=self.alice, name="Thesis")
        self.begin(TEXTS, project=thesis.public_id)
        self.begin(TEXTS)
        archive_project(project=thesis)
        self.assertEqual(UploadedBatch.objects.get().project.name, "Default")
        close_account(user=self.alice)
        self.assertFalse(UploadedBatch.objects.exists())

    def test_they_are_exported(self) -> None:
        self.begin(TEXTS)

        (section,) = (one for one in sections() if one.name == "uploaded_batches")
        (row,) = section.rows(self.alice)

        self.assertEqual(set(row), set(section.fields))
        self.assertEqual(row["prompts"], ["It was", "Ü\0!"])
        json.dumps(row["prompts"])
        self.assertEqual(list(section.rows(self.bob)), [])
