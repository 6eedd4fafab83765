from __future__ import annotations

from django.http import QueryDict
from django.test import SimpleTestCase

from playground.forms import (
    ParameterField,
    escape,
    parameter_groups,
    query_of,
    read_parameters,
    read_submission,
    unescape,
)


class ReadSubmissionTests(SimpleTestCase):
    def test_it_reads_line_breaks_as_models_have_learned_them(self) -> None:
        data = QueryDict("model=neo-tiny&prompt=one%0D%0Atwo")

        self.assertEqual(read_submission(data).prompt, "one\ntwo")

    def test_it_reads_escaped_stop_sequences(self) -> None:
        data = QueryDict(r"stop=\n%0D%0AThe+end%0D%0Aa\\b")

        self.assertEqual(read_parameters(data)["stop"], ["\n", "The end", r"a\b"])

    def test_it_leaves_empty_fields_to_their_defaults(self) -> None:
        self.assertEqual(
            read_parameters(QueryDict("seed=&top_k=&stop=")), {"do_sample": False}
        )

    def test_it_does_not_take_max_length_from_the_page(self) -> None:
        self.assertNotIn("max_length", read_parameters(QueryDict("max_length=5")))


class StopSequenceTests(SimpleTestCase):
    def test_it_brings_back_every_text_that_it_escapes(self) -> None:
        for text in ("\n", "\t", "a\\nb", "\\", "plain", "\\\n"):
            with self.subTest(text=text):
                self.assertNotIn("\n", escape(text))
                self.assertEqual(unescape(escape(text)), text)


class ParameterGroupsTests(SimpleTestCase):
    def fields(
        self, query: str = "", *, is_submitted: bool = False
    ) -> dict[str, ParameterField]:
        groups = parameter_groups(
            QueryDict(query), max_new_tokens=128, is_submitted=is_submitted
        )
        return {
            field.parameter.name: field for group in groups for field in group.fields
        }

    def test_it_starts_from_the_defaults(self) -> None:
        fields = self.fields()

        self.assertEqual(fields["temperature"].text, "0.9")
        self.assertEqual((fields["seed"].text, fields["stop"].text), ("", ""))
        self.assertFalse(any(field.is_changed for field in fields.values()))

    def test_it_fills_in_an_address(self) -> None:
        fields = self.fields(r"temperature=0.5&do_sample=false&stop=\n&stop=end")

        changed = {name for name, field in fields.items() if field.is_changed}
        self.assertEqual(changed, {"temperature", "do_sample", "stop"})
        self.assertEqual(fields["stop"].text, "\\n\nend")

    def test_it_knows_that_a_form_leaves_out_an_unticked_box(self) -> None:
        self.assertEqual(self.fields(is_submitted=True)["do_sample"].text, "false")
        self.assertEqual(self.fields(is_submitted=False)["do_sample"].text, "true")

    def test_it_ends_the_longest_completion_where_the_tier_does(self) -> None:
        field = self.fields()["max_new_tokens"]

        self.assertEqual((field.maximum, field.slider_maximum), (128, 128))

    def test_it_starts_a_slider_at_a_value_that_is_allowed(self) -> None:
        self.assertEqual(self.fields()["top_p"].slider_minimum, 0.01)
        self.assertEqual(self.fields()["temperature"].slider_minimum, 0)

    def test_it_reads_back_the_address_that_it_writes(self) -> None:
        parameters = {"top_k": 5, "do_sample": False, "stop": ["\n", "x"], "top_p": 0.5}
        data = QueryDict(mutable=True)
        for name, text in query_of(parameters):
            data.appendlist(name, text)

        fields = parameter_groups(data, max_new_tokens=128)
        shown = QueryDict(mutable=True)
        for group in fields:
            for field in group.fields:
                if field.text != "false":
                    shown[field.parameter.name] = field.text
        read = read_parameters(shown)

        self.assertEqual({name: read[name] for name in parameters}, parameters)
