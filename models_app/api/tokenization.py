"""Tokens of texts and texts of tokens, free of quota."""

from __future__ import annotations

import dataclasses
from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from models_app.api.serializers import TOKENIZE_ERRORS, StrictSerializer
from models_app.callers import api_caller
from models_app.errors import InvalidInput
from models_app.models import PredictionSource
from models_app.tokenization import TextToken, detokenize, tokenize

_TEXTS = {
    "oneOf": [
        {"type": "string"},
        {"type": "array", "items": {"type": "string"}},
    ]
}
_TOKEN_IDS = {
    "type": "array",
    "items": {"type": "integer", "minimum": 0},
    "minItems": 1,
}
_TOKEN_ID_LISTS = {
    "oneOf": [
        _TOKEN_IDS,
        {"type": "array", "items": _TOKEN_IDS, "minItems": 1},
    ]
}


@extend_schema_field(_TEXTS)
class TextsField(serializers.Field[list[object], object, Any, Any]):
    """One text or a list of texts; always a list from here on."""

    def to_internal_value(self, data: object) -> list[object]:
        return data if isinstance(data, list) else [data]


@extend_schema_field(_TOKEN_ID_LISTS)
class TokenIdListsField(serializers.Field[list[list[object]], object, Any, Any]):
    """One list of token ids or several; always several from here on."""

    def to_internal_value(self, data: object) -> list[list[object]]:
        if isinstance(data, list):
            lists = data if any(isinstance(one, list) for one in data) else [data]
            if all(isinstance(one, list) for one in lists):
                return lists
        raise InvalidInput(
            "token_ids must be a list of token ids or a list of such lists.",
            param="token_ids",
        )


class TokenizeInput(StrictSerializer):
    inputs = TextsField(help_text="A text, or a list of texts.")


class TextTokenOutput(serializers.Serializer[Any]):
    token_id = serializers.IntegerField()
    text = serializers.CharField(
        help_text="What the token stands for; U+FFFD where it is part of a character."
    )
    start = serializers.IntegerField(help_text="Where it begins, in characters.")
    end = serializers.IntegerField(help_text="Where it ends, in characters.")


class TokenizationOutput(serializers.Serializer[Any]):
    num_tokens = serializers.IntegerField()
    tokens = TextTokenOutput(many=True)


class TokenizeOutput(serializers.Serializer[Any]):
    model = serializers.CharField()
    tokenizations = TokenizationOutput(many=True, help_text="One for each text.")


class DetokenizeInput(StrictSerializer):
    token_ids = TokenIdListsField(help_text="Token ids, or a list of lists of them.")


class DetokenizeOutput(serializers.Serializer[Any]):
    model = serializers.CharField()
    texts = serializers.ListField(
        child=serializers.CharField(), help_text="One for each list."
    )


class TokenizeView(APIView):
    @extend_schema(
        summary="Tokenize texts",
        operation_id="tokenize",
        request=TokenizeInput,
        responses={200: TokenizeOutput, **TOKENIZE_ERRORS},
    )
    def post(self, request: Request, ref: str) -> Response:
        """The tokens of one text or several, and where they stand. Costs no quota."""
        serializer = TokenizeInput(data=request.data)
        serializer.is_valid(raise_exception=True)
        entry, tokenizations = tokenize(
            caller=api_caller(request, source=PredictionSource.API),
            language_model=ref,
            texts=serializer.validated_data["inputs"],
        )
        return Response(
            {
                "model": entry.slug,
                "tokenizations": [_tokenization(tokens) for tokens in tokenizations],
            }
        )


class DetokenizeView(APIView):
    @extend_schema(
        summary="Turn tokens into text",
        operation_id="detokenize",
        request=DetokenizeInput,
        responses={200: DetokenizeOutput, **TOKENIZE_ERRORS},
    )
    def post(self, request: Request, ref: str) -> Response:
        """The text of one list of token ids or of several. Costs no quota."""
        serializer = DetokenizeInput(data=request.data)
        serializer.is_valid(raise_exception=True)
        entry, texts = detokenize(
            caller=api_caller(request, source=PredictionSource.API),
            language_model=ref,
            token_ids=serializer.validated_data["token_ids"],
        )
        return Response({"model": entry.slug, "texts": texts})


def _tokenization(tokens: list[TextToken]) -> dict[str, object]:
    return {
        "num_tokens": len(tokens),
        "tokens": [dataclasses.asdict(token) for token in tokens],
    }
