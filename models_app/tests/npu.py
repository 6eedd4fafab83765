"""What the tests of the npu door have in common: the requests of its client."""

from __future__ import annotations

import datetime
import hashlib
import io
import json
from typing import Any

import numpy as np
from django.core.files.uploadedfile import SimpleUploadedFile

from models_app.npu.models import UploadedData
from neuro_site.testing import BaseTestCase, Response


def md5(file: bytes) -> str:
    return hashlib.md5(file, usedforsecurity=False).hexdigest()


class NpuTestCase(BaseTestCase):
    def post_json(
        self, path: str, body: object, api_token: str | None = None
    ) -> Response:
        return self.client.post(
            path,
            json.dumps(body),
            content_type="application/json",
            headers=self.bearer(api_token or self.alice_api_token),
        )

    def error(self, response: Response, status: int) -> str:
        self.assertEqual(response.status_code, status, response.content)
        body = response.json()
        self.assertEqual(body["request_id"], response["X-Request-Id"])
        error: str = body["error"]
        self.assertIsInstance(error, str)
        return error


def npz(*prompts: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **{str(number): one for number, one in enumerate(prompts)})
    return file.getvalue()


class UploadTestCase(NpuTestCase):
    """Alice uploads; `bearer` and `project` make it somebody else."""

    def hash(
        self,
        file: bytes,
        api_token: str | None = None,
        method: str = "get",
        **query: object,
    ) -> Response:
        response: Response = getattr(self.client, method)(
            "/Hash",
            {"token": "…", "hash": md5(file), "collection": 1, **query},
            headers=self.bearer(api_token or self.alice_api_token),
        )
        return response

    def upload(
        self, file: bytes, api_token: str | None = None, **fields: Any
    ) -> Response:
        call = {"hash": md5(file), "collection": 1, "given_name": ""} | fields
        return self.client.post(
            "/UploadData",
            {"file": SimpleUploadedFile("file", file), "json": json.dumps(call)},
            headers=self.bearer(api_token or self.alice_api_token),
        )

    def uploaded(self, *prompts: Any, **fields: Any) -> str:
        response = self.upload(npz(*prompts), **fields)
        self.assertEqual(response.status_code, 201, response.content)
        data_id: str = response.json()
        return data_id

    def pass_hours(self, hours: float) -> None:
        passed = datetime.timedelta(hours=hours)
        for data in UploadedData.objects.all():
            data.used_at -= passed
            data.save()


class TaskTestCase(UploadTestCase):
    def predict(self, data_id: str | None, **changes: Any) -> Response:
        body: dict[str, Any] = {
            "task_id": "",
            "data_start": None,
            "data_end": None,
            "data_name": "",
            "project": "",
            "input_kwargs": {"max_new_tokens": 20},
            "scripts": [],
            "modelId": "neo-tiny",
            "dataId": data_id,
            "data_hub_ds": False,
        }
        return self.post_json("/Predict", body | changes)

    def started(self, data_id: str, **changes: Any) -> str:
        response = self.predict(data_id, **changes)
        self.assertEqual(response.status_code, 200, response.content)
        self.assertRegex(response.content.decode(), "^[0-9a-f]{24}$")
        return response.content.decode()

    def status(self, task_id: str, *, result: bool = True) -> dict[str, Any]:
        answer = self.client.get(
            f"/status/{task_id}?include_result={result}",
            headers=self.bearer(self.alice_api_token),
        )
        self.assertEqual(answer.status_code, 200, answer.content)
        status: dict[str, Any] = answer.json()
        return status

    def texts(self, task_id: str) -> list[str]:
        return [one["generated_text"] for one in self.status(task_id)["result"]]
