"""What webhooks say, as JSON. It is written once and sent the same each time."""

from __future__ import annotations

import datetime
import json

from django.core.serializers.json import DjangoJSONEncoder


def payload_of(event: str, data: object, *, at: datetime.datetime) -> str:
    """`type`, `timestamp` and `data`, as the Standard Webhooks specification has it."""
    content = {"type": event, "timestamp": at, "data": data}
    return json.dumps(content, cls=DjangoJSONEncoder, separators=(",", ":"))
