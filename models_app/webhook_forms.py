"""The forms of a project's webhooks."""

from __future__ import annotations

from typing import Any

from django import forms

from models_app.webhooks.addresses import LONGEST_URL, AddressRefused, read_target
from models_app.webhooks.events import EVENTS
from models_app.webhooks.models import LONGEST_DESCRIPTION, Webhook


class WebhookForm(forms.Form):
    url = forms.CharField(
        label="Address",
        max_length=LONGEST_URL,
        widget=forms.URLInput(
            attrs={"placeholder": "https://…", "autocomplete": "off"}
        ),
    )
    description = forms.CharField(
        label="What it is for",
        max_length=LONGEST_DESCRIPTION,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    events = forms.MultipleChoiceField(
        label="Events",
        choices=[(name, name) for name in EVENTS],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked: all of them, and those that are still to come.",
    )

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        try:
            read_target(url)
        except AddressRefused as refusal:
            raise forms.ValidationError(str(refusal)) from refusal
        return url

    def add_error(self, field: str | None, error: Any) -> None:
        """Whoever has made a mistake goes on where it is."""
        super().add_error(field, error)
        if field in self.fields:
            self.fields[field].widget.attrs["autofocus"] = True


class EditWebhookForm(WebhookForm):
    is_enabled = forms.BooleanField(
        label="Switched on",
        required=False,
        help_text="One that is off is told nothing, and what waits for it is given up.",
    )

    def __init__(self, data: Any, *, webhook: Webhook) -> None:
        names = ("url", "description", "events", "is_enabled")
        super().__init__(data, initial={name: getattr(webhook, name) for name in names})

    @property
    def leads_elsewhere(self) -> bool:
        return "url" in self.changed_data
