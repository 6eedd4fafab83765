"""Lists of rows in pages, the newest first: their filters, and how to go on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, TypeVar

from django.core import signing
from django.db.models import Model, QuerySet
from rest_framework import serializers
from rest_framework.request import Request

from models_app.api.query import read_query
from models_app.api.serializers import StrictSerializer
from models_app.errors import InvalidInput

Row = TypeVar("Row", bound=Model)

PER_PAGE, LARGEST_PAGE = 20, 100


class PageQuery(StrictSerializer):
    """What a list is asked for. `lookups` says of each filter what it asks of a row."""

    lookups: ClassVar[Mapping[str, str]] = {}
    is_query = True
    # A cursor is of use to the list that gave it alone.
    salt: ClassVar[str]

    limit = serializers.IntegerField(
        min_value=1, max_value=LARGEST_PAGE, default=PER_PAGE
    )
    cursor = serializers.CharField(
        max_length=200, required=False, help_text="`next_cursor` of the page before."
    )

    def validate_cursor(self, cursor: str) -> int:
        """The key of the last row of the page before."""
        try:
            return int(signing.loads(cursor, salt=self.salt))
        except signing.BadSignature as error:
            raise InvalidInput(
                "This is not the next_cursor of a page.", param="cursor"
            ) from error

    @classmethod
    def page_of(
        cls, rows: QuerySet[Row], request: Request
    ) -> tuple[list[Row], str | None]:
        """A page of those rows that the request asks for, and its `next_cursor`."""
        asked = cls.read(read_query(request))
        lookups = {**cls.lookups, "cursor": "pk__lt"}
        wanted = {lookups[name]: asked[name] for name in lookups if name in asked}
        # One more than a page, where there is another.
        found = list(rows.filter(**wanted).order_by("-pk")[: asked["limit"] + 1])
        page, rest = found[: asked["limit"]], found[asked["limit"] :]
        return page, signing.dumps(page[-1].pk, salt=cls.salt) if rest else None
