"""Public ids: 24 hex digits, the shape that the npu client accepts as an id."""

from __future__ import annotations

import secrets


def new_public_id() -> str:
    return secrets.token_hex(12)
