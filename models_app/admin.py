from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from models_app.models import LanguageModel

OPERATORS_OWN = ("minimum_tier", "is_enabled")


@admin.register(LanguageModel)
class LanguageModelAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Everything but tier and visibility comes from the card."""

    list_display = ("name", "slug", "public_id", *OPERATORS_OWN)
    list_editable = OPERATORS_OWN
    fields = (
        *("name", "slug", "public_id", "summary", "task", "tags", "license"),
        *("hub_repo", "num_parameters", "context_length", *OPERATORS_OWN),
    )

    def get_readonly_fields(
        self, request: HttpRequest, obj: LanguageModel | None = None
    ) -> list[str]:
        return [name for name in self.fields if name not in OPERATORS_OWN]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
