"""What the routes of accounts take and give, as drf-spectacular documents it."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.api.strict import StrictSerializer
from accounts.api_tokens import LONGEST_GRACE
from accounts.models import Scope
from accounts.offers import offers
from accounts.storable import validate_name
from accounts.tiers import LIMIT_KINDS_BY_NAME
from accounts.token_options import LIMIT_NAMES, TokenOptions

A_DAY_IN_SECONDS = 86_400
LONGEST_LIFE_IN_DAYS = 3_660
# Each input with the option that it sets.
_OPTIONS = {
    "scopes": "scopes",
    "expires_in_seconds": "expires_at",
    "allowed_models": "allowed_models",
    "limits": "own_limits",
}

# Of an API token.
STATES = ["active", "expired", "revoked"]


@extend_schema_field(
    {
        "type": "object",
        "properties": {
            name: {
                "type": "integer",
                "minimum": 1,
                "maximum": LIMIT_KINDS_BY_NAME[name].maximum,
            }
            for name in LIMIT_NAMES
        },
        "additionalProperties": False,
    }
)
class OwnLimitsField(serializers.DictField):
    """Limits by name; `LIMIT_NAMES` are those that one API token may have."""

    child = serializers.IntegerField(min_value=1)

    def to_internal_value(self, data: Any) -> dict[str, int]:
        limits: dict[str, int] = super().to_internal_value(data)
        for name, value in limits.items():
            if name not in LIMIT_NAMES:
                raise serializers.ValidationError(
                    f"No limit is named {name[:100]}; there are "
                    f"{', '.join(LIMIT_NAMES)}."
                )
            if value > LIMIT_KINDS_BY_NAME[name].maximum:
                raise serializers.ValidationError(f"{name} is too large.")
        return limits


class CreateTokenInput(StrictSerializer):
    name = serializers.CharField(
        max_length=100, validators=[validate_name], help_text="What it is for."
    )
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=Scope.values),
        default=lambda: [Scope.PREDICT.value],
        min_length=1,
        help_text="None that the calling API token lacks itself.",
    )
    expires_in_seconds = serializers.IntegerField(
        min_value=1,
        max_value=LONGEST_LIFE_IN_DAYS * A_DAY_IN_SECONDS,
        default=None,
        allow_null=True,
        help_text="From now on; without it the API token does not expire.",
    )
    allowed_models = serializers.ListField(
        child=serializers.CharField(max_length=100),
        default=list,
        max_length=100,
        help_text="Slugs of models. An empty list allows all that your tier includes.",
    )
    limits = OwnLimitsField(
        default=dict, help_text="Limits of its own, none above your account's."
    )

    def validate_allowed_models(self, slugs: list[str]) -> list[str]:
        unknown = set(slugs) - {offer.slug for offer in offers()}
        if unknown:
            raise serializers.ValidationError(
                f"The catalogue has no model {', '.join(sorted(unknown))}."
            )
        return list(dict.fromkeys(slugs))

    def validate_scopes(self, scopes: list[str]) -> list[str]:
        return list(dict.fromkeys(scopes))

    def options(self) -> TokenOptions:
        return self.options_over(TokenOptions())

    def options_over(self, options: TokenOptions) -> TokenOptions:
        """These options, with what was given in their place."""
        chosen = {
            field: self.validated_data[name]
            for name, field in _OPTIONS.items()
            if name in self.validated_data
        }
        if "expires_at" in chosen and chosen["expires_at"] is not None:
            life = datetime.timedelta(seconds=chosen["expires_at"])
            chosen["expires_at"] = timezone.now() + life
        return replace(options, **chosen)


class UpdateTokenInput(CreateTokenInput):
    """To be read with `partial`: what is left out stays as it is."""


class RotateTokenInput(StrictSerializer):
    grace_seconds = serializers.IntegerField(
        min_value=0,
        max_value=int(LONGEST_GRACE.total_seconds()),
        default=0,
        help_text="How long the previous value works beside the new one.",
    )


class ProjectOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()


class ApiTokenOutput(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="Stays the same when it is rotated.")
    name = serializers.CharField()
    prefix = serializers.CharField(help_text="How its value begins.")
    project = ProjectOutput()
    scopes = serializers.ListField(child=serializers.CharField())
    allowed_models = serializers.ListField(child=serializers.CharField())
    limits = serializers.DictField(child=serializers.IntegerField())
    created_at = serializers.CharField()
    expires_at = serializers.CharField(allow_null=True)
    rotated_at = serializers.CharField(allow_null=True)
    previous_expires_at = serializers.CharField(
        allow_null=True, help_text="Until when the value before the rotation works."
    )
    last_used_at = serializers.CharField(allow_null=True)
    last_used_from = serializers.CharField(allow_null=True)
    state = serializers.ChoiceField(choices=STATES)


class ApiTokenListOutput(serializers.Serializer[Any]):
    api_tokens = ApiTokenOutput(many=True)


class NewApiTokenOutput(ApiTokenOutput):
    api_token = serializers.CharField(help_text="Its value, told this once.")


class CountOutput(serializers.Serializer[Any]):
    name = serializers.CharField()
    set_by = serializers.ChoiceField(choices=["tier", "staff", "api_token"])
    allowed = serializers.IntegerField()
    used = serializers.IntegerField(help_text="Running predictions count in full.")
    remaining = serializers.IntegerField()
    resets_at = serializers.CharField(allow_null=True)


class MeOutput(serializers.Serializer[Any]):
    email = serializers.CharField()
    tier = serializers.CharField()
    api_token = ApiTokenOutput()
    limits = CountOutput(many=True, help_text="Of the account.")
    api_token_limits = CountOutput(many=True, help_text="Of this API token alone.")
    per_call = serializers.DictField(
        child=serializers.IntegerField(), help_text="What one call may ask for at most."
    )
    warnings = serializers.ListField(child=serializers.CharField())
