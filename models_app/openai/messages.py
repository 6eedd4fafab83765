"""The messages of a conversation, as chat templates take them."""

from __future__ import annotations

from typing import Any

from models_app.errors import InvalidInput, UnsupportedParameter

Message = dict[str, Any]

# The role that a template knows for each of OpenAI's.
ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}
# What a field that is not taken may hold.
EMPTY: tuple[object, ...] = (None, [], {})
TAKEN = ("role", "content", "name", "refusal")
TEXT_PARTS = {"text": "text", "refusal": "refusal"}


def read_messages(raw: object) -> list[Message]:
    """Roles and texts; raises `InvalidInput` or `UnsupportedParameter`, which say where."""
    if not isinstance(raw, list) or not raw:
        raise InvalidInput(
            "messages must be a list of messages, each with role and content.",
            param="messages",
        )
    return [_message(one, f"messages[{index}]") for index, one in enumerate(raw)]


def _message(raw: object, where: str) -> Message:
    if not isinstance(raw, dict):
        raise InvalidInput(f"{where} must be an object.", param="messages")
    for name, value in raw.items():
        if name not in TAKEN and value not in EMPTY:
            raise UnsupportedParameter(
                f"{where} has {str(name)[:100]}, which is not supported.",
                hint="The models of this server read texts and call no tools.",
                param="messages",
            )
    role = raw.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise InvalidInput(
            f"The role of {where} must be one of {', '.join(ROLES)}.", param="messages"
        )
    name = raw.get("name")
    if not isinstance(name, str | None):
        raise InvalidInput(f"The name of {where} must be a text.", param="messages")
    return {"role": ROLES[role], "content": _content(raw, where), "name": name}


def _content(raw: Message, where: str) -> str:
    """What was said, or else why nothing was."""
    texts = [
        _text(raw[name], f"The {name} of {where}")
        for name in ("content", "refusal")
        if raw.get(name) is not None
    ]
    return texts[0] if texts else _text(None, f"The content of {where}")


def _text(content: object, where: str) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise InvalidInput(f"{where} must be a text.", param="messages")
    return "\n".join(_part(part, where) for part in content)


def _part(part: object, where: str) -> str:
    kind = part.get("type") if isinstance(part, dict) else None
    if isinstance(part, dict) and isinstance(kind, str):
        text = part.get(TEXT_PARTS.get(kind, ""))
        if isinstance(text, str):
            return text
        if kind not in TEXT_PARTS:
            raise UnsupportedParameter(
                f'{where} has a part of type "{kind[:100]}".',
                hint="The models of this server read texts alone.",
                param="messages",
            )
    raise InvalidInput(f"{where} must be a text or a list of texts.", param="messages")
