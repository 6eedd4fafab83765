from __future__ import annotations

from typing import Any

from models_app.parameters import PARAMETERS
from neuro_site.testing import BaseTestCase

ROUTES = {
    "/api/v1/batches",
    "/api/v1/batches/{batch_id}",
    "/api/v1/batches/{batch_id}/cancel",
    "/api/v1/batches/{batch_id}/results",
    "/api/v1/me",
    "/api/v1/models",
    "/api/v1/models/{ref}",
    "/api/v1/models/{ref}/detokenize",
    "/api/v1/models/{ref}/predict",
    "/api/v1/models/{ref}/tokenize",
    "/api/v1/predictions",
    "/api/v1/predictions/{prediction_id}",
    "/api/v1/predictions/{prediction_id}/cancel",
    "/api/v1/predictions/{prediction_id}/stream",
    "/api/v1/tokens",
    "/api/v1/tokens/{public_id}",
    "/api/v1/tokens/{public_id}/rotate",
    "/api/v1/usage",
    "/api/v1/webhooks",
    "/api/v1/webhooks/deliveries",
    "/api/v1/webhooks/deliveries/{delivery_id}",
    "/api/v1/webhooks/deliveries/{delivery_id}/resend",
    "/api/v1/webhooks/secret",
    "/api/v1/webhooks/{webhook_id}",
    "/api/v1/webhooks/{webhook_id}/test",
    "/Export",
    "/Hash",
    "/ModelType",
    "/Predict",
    "/RetrieveModel",
    "/SyncPredict",
    "/Token",
    "/Train",
    "/UploadData",
    "/UploadModel",
    "/models/{ref}",
    "/models/{ref}/generate",
    "/models/{ref}/generate_stream",
    "/models/{ref}/health",
    "/models/{ref}/info",
    "/models/{ref}/tokenize",
    "/models/{ref}/v1/chat/completions",
    "/status/{task_id}",
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/models",
    "/v1/models/{ref}",
}


class SchemaTests(BaseTestCase):
    def test_it_documents_every_route_of_the_api(self) -> None:
        document = self.client.get("/api/schema/").json()

        self.assertEqual(set(document["paths"]), ROUTES)
        self.assertIn("apiToken", document["components"]["securitySchemes"])

    def test_it_documents_every_parameter_and_detail(self) -> None:
        schemas = self.client.get("/api/schema/").json()["components"]["schemas"]

        parameters = schemas["PredictInput"]["properties"]["parameters"]
        self.assertEqual(
            list(parameters["properties"]), [one.name for one in PARAMETERS]
        )
        self.assertEqual(parameters["properties"]["logprobs"]["maximum"], 20)
        completion = schemas["CompletionOutput"]
        self.assertIn("score", completion["properties"])
        self.assertNotIn("score", completion["required"])

    def test_it_says_that_null_means_the_default_at_every_door(self) -> None:
        document = self.client.get("/api/schema/").json()

        schemas = document["components"]["schemas"]
        native = schemas["PredictInput"]["properties"]["parameters"]
        tgi = schemas["TgiGenerateInput"]["properties"]["parameters"]
        npu = _body_of(document, "/SyncPredict")["properties"]["input_kwargs"]
        openai = _body_of(document, "/v1/completions")
        for properties in (native, tgi, npu, openai):
            for name, schema in properties["properties"].items():
                with self.subTest(name):
                    wants_value = name in openai.get("required", ())
                    self.assertEqual(_takes_null(schema), not wants_value)

    def test_it_says_that_bodies_take_no_other_fields(self) -> None:
        schemas = self.client.get("/api/schema/").json()["components"]["schemas"]

        for name in ("PredictInput", "CreateTokenInput", "TgiCallInput"):
            self.assertIs(schemas[name]["additionalProperties"], False)

    def test_it_shows_the_document_without_inline_code(self) -> None:
        page = self.client.get("/api/docs/").content.decode()

        self.assertIn("swagger-ui-bundle.js", page)
        self.assertNotIn("<style", page)
        self.assertNotIn("<script>", page)


def _body_of(document: dict[str, Any], path: str) -> dict[str, Any]:
    content = document["paths"][path]["post"]["requestBody"]["content"]
    schema: dict[str, Any] = content["application/json"]["schema"]
    return schema


def _takes_null(schema: dict[str, Any]) -> bool:
    kinds = {"type", "enum", "oneOf"} & schema.keys()
    return (
        not kinds
        or "null" in schema.get("type", ())
        or None in schema.get("enum", ())
        or {"type": "null"} in schema.get("oneOf", ())
    )
