"""The file of a batch, as the body itself or as a part of a form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any, cast

from django.core.files.uploadedfile import UploadedFile
from rest_framework import serializers, status
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.request import Request

from accounts.errors import ApplicationError
from models_app.api.query import read_query
from models_app.api.serializers import StrictSerializer
from models_app.errors import InvalidInput
from models_app.webhooks.addresses import LONGEST_URL

# What programs call JSON lines; there is no registered name.
MEDIA_TYPES = (
    "application/jsonl",
    "application/x-jsonlines",
    "application/x-ndjson",
    "application/octet-stream",
    "text/plain",
)
_FORM = "multipart/form-data"


class NotJsonLines(ApplicationError):
    status_code = status.HTTP_415_UNSUPPORTED_MEDIA_TYPE
    default_code = "unsupported_media_type"
    default_detail = "A batch is a file with one JSON object a line."
    default_hint = (
        "Send it as the body, with the header Content-Type: application/jsonl, or as "
        "the part named file of a form."
    )


@dataclass(frozen=True, slots=True)
class BatchFile:
    content: IO[bytes]
    name: str


class WebhookFields(StrictSerializer):
    """What an upload says beside its file: in the address, or as parts of a form."""

    webhook = serializers.CharField(
        max_length=LONGEST_URL,
        required=False,
        help_text="An address to tell the end to, or the id of a webhook.",
    )
    webhook_events_filter = serializers.CharField(
        max_length=500,
        required=False,
        help_text="The events that it is told, with commas between them; all of them "
        "by default.",
    )


class JsonLinesParser(BaseParser):
    """Hands the body on unread: it may be larger than memory should hold twice."""

    media_type = "*/*"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Mapping[str, Any]:
        if (media_type or "").split(";")[0].strip().lower() not in MEDIA_TYPES:
            raise NotJsonLines
        return {"file": BatchFile(stream, "")}


PARSERS = [MultiPartParser, JsonLinesParser]


def read_file(request: Request) -> BatchFile:
    part = request.data.get("file")
    if isinstance(part, BatchFile):
        return part
    if not isinstance(part, UploadedFile):
        raise InvalidInput(
            "The call brings no file.", hint=NotJsonLines.default_hint, param="file"
        )
    return BatchFile(cast("IO[bytes]", part), part.name or "")


def read_webhook(request: Request) -> tuple[str | None, list[str]]:
    """What the upload names as `webhook`, and the events that it is to be told."""
    parts = {name: request.data[name] for name in request.data if name != "file"}
    fields = WebhookFields.read(read_query(request) | parts)
    events = fields.get("webhook_events_filter", "")
    return fields.get("webhook"), events.split(",") if events else []
