"""The form of the page of batches."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.utils.text import Truncator

from accounts.models import Project, User
from models_app.webhooks.models import Webhook

_LONGEST_LABEL = 70


class UploadForm(forms.Form):
    """Asks for a project where there are several, and for a webhook where there is one."""

    file = forms.FileField(
        label="File",
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ".jsonl,.ndjson,.txt"}),
        help_text="JSON lines: one call a line.",
    )
    project = forms.ChoiceField(label="Project", required=False)
    webhook = forms.ChoiceField(
        label="Webhook",
        required=False,
        help_text="It is told how this batch ends, also if it is told of no other.",
    )

    def __init__(self, *args: object, user: User) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self._user = user
        projects = list(user.projects.active().order_by("created_at", "pk"))
        webhooks = Webhook.objects.enabled().filter(project__in=projects)
        self._webhooks = {one.public_id: one for one in webhooks}
        self._offer("project", [(one.public_id, one.name) for one in projects])
        self._offer("webhook", [("", "None"), *self._groups(projects)])
        if len(projects) < 2:
            del self.fields["project"]
        if not self._webhooks:
            del self.fields["webhook"]

    @property
    def project_of_batch(self) -> Project:
        wanted = self.cleaned_data.get("project")
        if not wanted:
            return self._user.default_project
        return self._user.projects.get(public_id=wanted)

    def clean(self) -> None:
        webhook = self._webhooks.get(self.cleaned_data.get("webhook", ""))
        if webhook is None or "project" in self.errors:
            return
        project = self.project_of_batch
        if webhook.project_id != project.pk:
            message = f"It is not of the project “{project.name}”. Choose one that is."
            self.add_error("webhook", message)

    def _groups(self, projects: list[Project]) -> list[Any]:
        """The webhooks under the names of their projects; of an only one without it."""
        choices: dict[int, list[tuple[str, str]]] = {}
        for key, one in self._webhooks.items():
            choices.setdefault(one.project_id, []).append((key, _label(one)))
        if len(projects) == 1:
            return choices.get(projects[0].pk, [])
        return [(one.name, choices[one.pk]) for one in projects if one.pk in choices]

    def _offer(self, name: str, choices: list[Any]) -> None:
        cast("forms.ChoiceField", self.fields[name]).choices = choices


def _label(webhook: Webhook) -> str:
    label = webhook.url
    if webhook.description:
        label = f"{webhook.description}: {label}"
    return Truncator(label).chars(_LONGEST_LABEL)
