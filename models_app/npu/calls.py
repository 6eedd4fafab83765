"""What one call through the npu door asks for, in either of its two encodings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from rest_framework.request import Request

from models_app.api.parsers import read_object
from models_app.errors import InvalidInput
from models_app.npu.npz import read_texts


@dataclass(frozen=True, slots=True)
class Call:
    """The fields of a call; `prompts` only where the call brings its data along."""

    fields: Mapping[str, Any]
    prompts: list[object]

    @property
    def model_ref(self) -> str:
        ref = self.fields.get("modelId") or self.fields.get("model_name")
        if not isinstance(ref, str):
            raise InvalidInput("The call names no modelId.", param="modelId")
        return ref

    @property
    def keyword_arguments(self) -> Mapping[str, object]:
        raw = self.fields.get("input_kwargs")
        if raw is None:
            return {}
        if not isinstance(raw, dict):
            raise InvalidInput("input_kwargs must be an object.", param="input_kwargs")
        return raw

    @property
    def project_id(self) -> str:
        return str(self.fields.get("project") or "")


def read_call(request: Request) -> Call:
    """The npu client sends multipart, everybody else JSON."""
    if request.content_type.startswith("multipart/"):
        return Call(_json_part(request), list(read_texts(_file_part(request))))
    return Call(request.data, _prompts(request.data.get("data")))


def _json_part(request: Request) -> Mapping[str, Any]:
    part = request.data.get("json")
    if not isinstance(part, str):
        raise InvalidInput("The call has no part named json.", param="json")
    return read_object(part, param="json")


def _file_part(request: Request) -> UploadedFile:
    part = request.FILES.get("file")
    if not isinstance(part, UploadedFile):
        raise InvalidInput("The call has no part named file.", param="file")
    return part


def _prompts(data: object) -> list[object]:
    if isinstance(data, str):
        return [data]
    if isinstance(data, list):
        return data
    raise InvalidInput("data must be a text or a list of texts.", param="data")
