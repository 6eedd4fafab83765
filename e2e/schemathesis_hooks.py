"""What schemathesis cannot know by itself: how a file of JSON lines is sent."""

from __future__ import annotations

from typing import Any

import schemathesis


@schemathesis.serializer("application/jsonl")
def write_json_lines(context: schemathesis.SerializationContext, value: Any) -> bytes:
    """A made-up file has bytes, an example is text."""
    content = getattr(value, "data", value)
    return content if isinstance(content, bytes) else str(content).encode()
