from __future__ import annotations

import pytest
from asgiref.sync import sync_to_async

from models_app import services
from models_app.predictions import Finished, TextDelta
from models_app.tests.test_services import ServiceTestCase


@pytest.mark.usefixtures("engine")
class RealEngineTests(ServiceTestCase):
    """The same through the local backend, an engine process and Neo-Tiny."""

    def test_it_predicts(self) -> None:
        prediction = services.predict(
            **self.call(prompts=["It was a dark"], parameters={"max_new_tokens": 5})
        )

        (completion,) = prediction.completions
        self.assertTrue(completion.text)
        self.assertEqual(completion.finish_reason, "length")
        self.assertEqual(completion.usage.completion_tokens, 5)
        self.assertEqual(self.tokens()[0], prediction.usage.total_tokens)

    def test_it_repeats_a_prediction_by_its_seed(self) -> None:
        call = self.call(parameters={"max_new_tokens": 8, "temperature": 2.0})
        first = services.predict(**call)

        call["parameters"]["seed"] = first.seed
        again = services.predict(**call)

        self.assertEqual(first.completions[0].text, again.completions[0].text)

    def test_it_gives_each_prompt_what_it_would_get_alone(self) -> None:
        prompts = ["It was", "The old man", "Dear"]
        parameters = {"max_new_tokens": 8, "do_sample": False}
        together = services.predict(**self.call(prompts=prompts, parameters=parameters))

        alone = [
            services.predict(**self.call(prompts=[prompt], parameters=parameters))
            for prompt in prompts
        ]

        self.assertEqual(
            [one.text for one in together.completions],
            [one.completions[0].text for one in alone],
        )

    def test_it_says_which_stop_sequence_ended_it(self) -> None:
        parameters = {"max_new_tokens": 40, "do_sample": False}
        call = self.call(prompts=["It was a dark and"], parameters=parameters)
        text = services.predict(**call).completions[0].text
        stop = text[15:20]

        call["parameters"] = parameters | {"stop": [stop]}
        (completion,) = services.predict(**call).completions

        self.assertEqual(completion.finish_reason, "stop")
        self.assertEqual(completion.stop_sequence, stop)
        self.assertEqual(completion.text, text[: text.index(stop)])

    async def test_it_streams_from_async_code(self) -> None:
        admission = await self.admit_async()

        events = [event async for event in services.stream(admission)]

        texts = [event.text for event in events if isinstance(event, TextDelta)]
        finished = next(event for event in events if isinstance(event, Finished))
        self.assertEqual("".join(texts), finished.text)

    async def admit_async(self) -> services.Admission:
        call = await sync_to_async(self.call)()
        return await sync_to_async(services.admit)(**call)
