"""What one call through the npu door asks for, in each of its encodings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from rest_framework.request import Request

from models_app.api.parsers import read_flag, read_object
from models_app.errors import InvalidInput, UnsupportedParameter
from models_app.npu.npy import Prompts
from models_app.npu.uploads import read_file

Fields = Mapping[str, Any]
MOST_PLACES = 2**31

_OF_A_QUEUED_CALL = frozenset(
    {
        "task_id",
        "modelId",
        "model_name",
        "model_attr",
        "dataId",
        "data_name",
        "data_start",
        "data_end",
        "data_hub_ds",
        "project",
        "input_kwargs",
        "scripts",
    }
)


@dataclass(frozen=True, slots=True)
class Call:
    """The fields that say what to run on which data, and how."""

    fields: Fields

    @property
    def model_ref(self) -> str:
        ref = self._first_text("modelId", "model_name")
        if not ref:
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
        return read_text(self.fields, "project")

    @property
    def data_reference(self) -> str:
        """Id or name of data that was uploaded."""
        reference = self._first_text("dataId", "data_name")
        if not reference or read_flag(self.fields, "data_hub_ds"):
            raise InvalidInput(
                "The call names no uploaded data.",
                hint="Give npu.predict the prompts, or the id that npu.upload_data "
                "returned.",
                param="dataId",
            )
        return reference

    def place(self, name: str) -> int | None:
        """Where a part of the data begins or ends."""
        value = self.fields.get(name)
        if value is None or (type(value) is int and abs(value) <= MOST_PLACES):
            return value
        raise InvalidInput(f"{name} must be a place in the data or null.", param=name)

    def _first_text(self, *names: str) -> str:
        """Of the fields that may name it, the first that does."""
        return next(filter(None, [read_text(self.fields, one) for one in names]), "")

    def require_no_scripts(self) -> None:
        if self.fields.get("scripts") not in (None, []):
            raise UnsupportedParameter(
                "This server runs no scripts of its callers.",
                hint="Leave scripts out, and prepare the data before the call.",
                param="scripts",
            )


def read_text(fields: Fields, name: str) -> str:
    """A field; null and left out mean nothing."""
    value = fields.get(name)
    if value is None or isinstance(value, str):
        return value or ""
    raise InvalidInput(f"{name} must be a text.", param=name)


def read_call(request: Request) -> tuple[Call, list[Any]]:
    """A call that brings its data along: the npu client sends multipart, everybody
    else JSON."""
    prompts: list[Any]
    fields: Fields
    if request.content_type.startswith("multipart/"):
        fields = read_fields(request)
        prompts = read_prompts_part(request, fields)
    else:
        fields, prompts = request.data, _prompts(request.data.get("data"))
    call = Call(fields)
    call.require_no_scripts()
    return call, prompts


def read_queued_call(request: Request) -> Call:
    """A call whose data is here already. The client adds whatever else it was given."""
    if unknown := sorted(request.data.keys() - _OF_A_QUEUED_CALL):
        name = unknown[0][:100]
        raise UnsupportedParameter(
            f"{name} is no argument of npu.predict on this server.",
            hint="Generation parameters belong into input_kwargs.",
            param=name,
        )
    call = Call(request.data)
    call.require_no_scripts()
    return call


def read_fields(request: Request) -> Fields:
    """Of the two parts that the client sends, the one that says what the file is."""
    part = request.data.get("json")
    if not isinstance(part, str):
        raise InvalidInput("The call has no part named json.", param="json")
    return read_object(part, param="json")


def read_prompts_part(request: Request, fields: Fields) -> Prompts:
    """The prompts in the other one."""
    return read_file(
        file_part(request),
        digest=read_text(fields, "hash"),
        is_named=fields.get("generic_file") is True,
    )


def file_part(request: Request) -> UploadedFile:
    part = request.FILES.get("file")
    if not isinstance(part, UploadedFile):
        raise InvalidInput("The call has no part named file.", param="file")
    return part


def _prompts(data: object) -> list[Any]:
    if isinstance(data, str):
        return [data]
    if isinstance(data, list):
        # As in an array of the client, numbers are the token ids of one prompt.
        is_prompt = bool(data) and all(type(one) is int for one in data)
        return [data] if is_prompt else data
    raise InvalidInput("data must be a text or a list.", param="data")
