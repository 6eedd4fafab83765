from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts.admin import ReadOnlyAdmin
from models_app.models import LanguageModel, PredictionRecord, Refusal

OPERATORS_OWN = ("minimum_tier", "is_enabled")


@admin.register(LanguageModel)
class LanguageModelAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Everything but tier and visibility comes from the card."""

    list_display = ("name", "slug", "public_id", *OPERATORS_OWN)
    list_editable = OPERATORS_OWN
    search_fields = ("name", "slug", "public_id")
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


@admin.register(PredictionRecord)
class PredictionAdmin(ReadOnlyAdmin):
    """The ledger; texts that a project keeps are its owner's alone."""

    list_display = [
        *("created_at", "user", "language_model", "source", "status", "error_code"),
        *("charged_tokens", "public_id"),
    ]
    list_select_related = ["user", "language_model"]
    list_filter = ["status", "source", "language_model"]
    search_fields = ["=public_id", "user__email", "=error_code"]
    # The newest by a key that has an index: the ledger may be long.
    ordering = ["-pk"]
    show_full_result_count = False
    exclude = ["reservation_id"]


@admin.register(Refusal)
class RefusalAdmin(ReadOnlyAdmin):
    list_display = [
        *("minute", "user", "language_model", "source", "limit", "set_by"),
        *("error_code", "calls"),
    ]
    list_select_related = ["user", "language_model"]
    list_filter = ["limit", "set_by", "source", "language_model"]
    search_fields = ["=public_id", "user__email", "=error_code"]
    ordering = ["-pk"]
    show_full_result_count = False
