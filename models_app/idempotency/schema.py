from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": "^[!-~]{1,255}$"},
    OpenApiParameter.HEADER,
    description="Of 1 to 255 ASCII characters, none a space. For 24 hours the same call "
    "with the same key gets the same answer and is carried out once.",
)
