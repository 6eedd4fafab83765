"""Which part of its usage an account asks about, the same on the page and in the API."""

from __future__ import annotations

import datetime
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Q
from django.utils import timezone

from accounts.models import ApiToken, Project, User
from accounts.time_zones import zone_of
from models_app.models import LanguageModel, PredictionSource

LONGEST_DAYS = 366
USUAL_DAYS = 30
RANGES = [(7, "7 days"), (30, "30 days"), (90, "90 days"), (366, "A year")]


class UsageFilters(forms.Form):
    """Whole days in the account's time zone, of which `end` is the last."""

    # Of the table that is asked: when, and what each filter compares.
    moment = "hour"
    columns = {
        "model": "language_model__slug",
        "project": "project__public_id",
        "api_token": "api_token",
        "source": "source",
    }

    days = forms.IntegerField(
        min_value=1,
        max_value=LONGEST_DAYS,
        required=False,
        widget=forms.Select(choices=RANGES),
    )
    end = forms.DateField(
        label="Until",
        required=False,
        widget=forms.DateInput({"type": "date"}),
        # Beyond them, arithmetic with dates fails.
        validators=[
            MinValueValidator(datetime.date(2000, 1, 1)),
            MaxValueValidator(datetime.date(2999, 12, 31)),
        ],
    )
    model = forms.ChoiceField(required=False)
    project = forms.ChoiceField(required=False)
    api_token = forms.ChoiceField(label="API token", required=False)
    source = forms.ChoiceField(
        choices=[("", "All"), *PredictionSource.choices], required=False
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.zone = zone_of(user)
        models = LanguageModel.objects.values_list("slug", "name")
        projects = Project.objects.filter(user=user).values_list("public_id", "name")
        api_tokens = ApiToken.objects.filter(project__user=user)
        self._choose("model", models)
        self._choose("project", projects)
        self._choose("api_token", api_tokens.values_list("public_id", "name"))
        self.names = {
            name: dict(self.fields[name].choices)  # type: ignore[attr-defined]
            for name in ("model", "project", "api_token", "source")
        }

    def _choose(self, name: str, found: Any) -> None:
        choices = [("", "All"), *found]
        self.fields[name].choices = choices  # type: ignore[attr-defined]

    def clean_days(self) -> int:
        return self.cleaned_data["days"] or USUAL_DAYS

    def clean_end(self) -> datetime.date:
        end: datetime.date | None = self.cleaned_data["end"]
        return end or timezone.localdate(timezone=self.zone)

    @property
    def start(self) -> datetime.date:
        end: datetime.date = self.cleaned_data["end"]
        return end - datetime.timedelta(days=self.cleaned_data["days"] - 1)

    @property
    def all_days(self) -> list[datetime.date]:
        return [
            self.start + datetime.timedelta(days=number)
            for number in range(self.cleaned_data["days"])
        ]

    def condition(self) -> Q:
        """What the rows have to fulfil."""
        wanted = self.cleaned_data
        until = wanted["end"] + datetime.timedelta(days=1)
        condition = Q(
            ("user", self.user),
            (f"{self.moment}__gte", self._midnight(self.start)),
            (f"{self.moment}__lt", self._midnight(until)),
        )
        for name, column in self.columns.items():
            if wanted[name]:
                condition &= Q(**{column: wanted[name]})
        return condition

    def _midnight(self, day: datetime.date) -> datetime.datetime:
        return datetime.datetime.combine(day, datetime.time(), self.zone)
