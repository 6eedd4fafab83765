"""Which part of its usage an account asks about, the same on the page and in the API."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
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
A_DAY = datetime.timedelta(days=1)
RANGES = [(7, "7 days"), (30, "30 days"), (90, "90 days"), (366, "A year")]


@dataclass(frozen=True, slots=True)
class Table:
    """What is asked: the column that tells when, and what each filter compares."""

    moment: str
    columns: Mapping[str, str]


HOURS = Table(
    "hour",
    {
        "model": "language_model__slug",
        "project": "project__public_id",
        "api_token": "api_token",
        "source": "source",
    },
)


class UsageFilters(forms.Form):
    """Whole days in the account's time zone, of which `end` is the last."""

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

    def condition(
        self, table: Table = HOURS, *, until: datetime.datetime | None = None
    ) -> Q:
        """What the rows of a table have to fulfil; `until` is the last moment, where
        the days end later."""
        # One upper bound alone: of two, SQLite goes through the index from either.
        start = self._midnight(self.start)
        end = self._midnight(self.cleaned_data["end"] + A_DAY)
        if until is not None and until < end:
            return self._condition(table, start, "lte", until)
        return self._condition(table, start, "lt", end)

    def condition_of_days(self, first: datetime.date, last: datetime.date) -> Q:
        """What the hours of these days alone have to fulfil."""
        start, end = self._midnight(first), self._midnight(last + A_DAY)
        return self._condition(HOURS, start, "lt", end)

    def _condition(
        self,
        table: Table,
        start: datetime.datetime,
        before: str,
        end: datetime.datetime,
    ) -> Q:
        wanted = self.cleaned_data
        condition = Q(
            ("user", self.user),
            (f"{table.moment}__gte", start),
            (f"{table.moment}__{before}", end),
        )
        for name, column in table.columns.items():
            if wanted[name]:
                condition &= Q(**{column: wanted[name]})
        return condition

    def _midnight(self, day: datetime.date) -> datetime.datetime:
        return datetime.datetime.combine(day, datetime.time(), self.zone)
