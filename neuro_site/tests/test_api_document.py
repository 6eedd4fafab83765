from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from neuro_site.api_document import DOORS
from neuro_site.testing import BaseTestCase


class ApiDocumentTests(BaseTestCase):
    def setUp(self) -> None:
        self.document: dict[str, Any] = self.client.get("/api/schema/").json()

    def operations(self) -> Iterator[dict[str, Any]]:
        for path in self.document["paths"].values():
            yield from path.values()

    def test_it_sorts_every_operation_to_one_door(self) -> None:
        names = {tag["name"] for tag in self.document["tags"]}

        self.assertEqual(names, {door.tag for door in DOORS})
        for operation in self.operations():
            self.assertEqual(len(operation["tags"]), 1)
            self.assertIn(operation["tags"][0], names)

    def test_it_gives_an_example_of_every_body(self) -> None:
        for operation in self.operations():
            for media in operation.get("requestBody", {}).get("content", {}).values():
                with self.subTest(operation["operationId"]):
                    self.assertIn("example", media)

    def test_it_tells_the_errors_that_any_call_may_get(self) -> None:
        operations = {one["operationId"]: one for one in self.operations()}

        me, predict = operations["me"]["responses"], operations["predict"]["responses"]
        self.assertLessEqual({"200", "400", "401", "403", "500"}, set(me))
        self.assertLessEqual(
            {"400", "401", "404", "408", "413", "415", "500"}, set(predict)
        )

    def test_it_says_errors_as_their_door_does(self) -> None:
        call = self.document["paths"]["/models/{ref}"]["post"]["responses"]["408"]

        schema = call["content"]["application/json"]["schema"]
        self.assertEqual(schema["$ref"], "#/components/schemas/TgiErrorOutput")

    def test_it_tells_the_headers_of_answers(self) -> None:
        responses = self.document["paths"]["/api/v1/me"]["get"]["responses"]

        self.assertIn("x-ratelimit-remaining-tokens", responses["200"]["headers"])
        self.assertEqual(list(responses["401"]["headers"]), ["X-Request-Id"])
        for header in responses["200"]["headers"].values():
            name = header["$ref"].removeprefix("#/components/headers/")
            self.assertIn(name, self.document["components"]["headers"])
