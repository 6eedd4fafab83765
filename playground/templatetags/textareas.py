from __future__ import annotations

from django import template

register = template.Library()


@register.filter
def in_textarea(text: str) -> str:
    """Browsers drop one line break after `<textarea>`, so give them one to drop."""
    return f"\n{text}"
