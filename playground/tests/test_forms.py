from __future__ import annotations

from django.http import QueryDict
from django.test import SimpleTestCase

from accounts.tiers import TIER_LIMITS, Tier
from models_app.errors import InvalidParameter
from models_app.parameters import parse
from playground.form_values import escape, unescape
from playground.forms import (
    LEFT_OUT,
    ParameterForm,
    parameter_form,
    query_of,
    read_parameters,
    read_submission,
)

LIMITS = TIER_LIMITS[Tier.FREE]


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

    def test_it_does_not_take_what_the_page_does_not_offer(self) -> None:
        for name in LEFT_OUT:
            with self.subTest(name):
                self.assertNotIn(name, read_parameters(QueryDict(f"{name}=5")))

    def test_it_reads_every_kind_of_field(self) -> None:
        data = QueryDict(mutable=True)
        data.update(
            {
                "max_new_tokens": "20",
                "temperature": "0.7",
                "do_sample": "on",
                "bad_words_ids": "198, 628\r\n50256",
                "logit_bias": "11: -5\r\n12=0.5",
                "stop_token_ids": "198 628",
                "early_stopping": "true",
                "csrfmiddlewaretoken": "x",
            }
        )

        self.assertEqual(
            read_parameters(data),
            {
                "max_new_tokens": 20,
                "temperature": 0.7,
                "do_sample": True,
                "bad_words_ids": [[198, 628], [50256]],
                "logit_bias": {"11": -5, "12": 0.5},
                "stop_token_ids": [198, 628],
                "early_stopping": True,
            },
        )


class StopSequenceTests(SimpleTestCase):
    def test_it_brings_back_every_text_that_it_escapes(self) -> None:
        for text in ("\n", "\t", "a\\nb", "\\", "plain", "\\\n"):
            with self.subTest(text=text):
                self.assertNotIn("\n", escape(text))
                self.assertEqual(unescape(escape(text)), text)


class ParameterFormTests(SimpleTestCase):
    def form(self, query: str = "", *, is_submitted: bool = False) -> ParameterForm:
        data = QueryDict(query)
        return parameter_form(data, limits=LIMITS, is_submitted=is_submitted)

    def test_it_starts_from_the_defaults(self) -> None:
        fields = self.form().fields

        self.assertEqual(fields["temperature"].text, "0.9")
        self.assertEqual((fields["seed"].text, fields["stop"].text), ("", ""))
        self.assertEqual(fields["early_stopping"].text, "false")
        self.assertFalse(any(field.is_changed for field in fields.values()))

    def test_it_fills_in_an_address(self) -> None:
        fields = self.form(
            r"temperature=0.5&do_sample=false&stop=\n&stop=end&early_stopping=never"
        ).fields

        changed = {name for name, field in fields.items() if field.is_changed}
        self.assertEqual(
            changed, {"temperature", "do_sample", "stop", "early_stopping"}
        )
        self.assertEqual(fields["stop"].text, "\\n\nend")

    def test_it_knows_that_a_form_leaves_out_an_unticked_box(self) -> None:
        submitted, fresh = self.form(is_submitted=True), self.form()

        self.assertEqual(submitted.fields["do_sample"].text, "false")
        self.assertEqual(fresh.fields["do_sample"].text, "true")

    def test_it_ends_a_number_where_the_tier_does(self) -> None:
        fields = self.form().fields

        for name, maximum in {
            "max_new_tokens": LIMITS.max_new_tokens,
            "min_new_tokens": LIMITS.max_new_tokens,
            "num_return_sequences": LIMITS.completions_per_call,
            "num_beams": LIMITS.completions_per_call,
        }.items():
            with self.subTest(name):
                self.assertEqual(fields[name].maximum, maximum)
                self.assertEqual(fields[name].slider_maximum, maximum)

    def test_it_starts_a_slider_at_a_value_that_is_allowed(self) -> None:
        fields = self.form().fields

        self.assertEqual(fields["top_p"].slider_minimum, 0.01)
        self.assertEqual(fields["temperature"].slider_minimum, 0)

    def test_it_has_no_slider_where_an_empty_box_has_a_meaning(self) -> None:
        fields = self.form().fields

        self.assertFalse(fields["seed"].has_slider)
        self.assertFalse(fields["logprobs"].has_slider)

    def test_it_folds_away_what_few_need_unless_it_is_set(self) -> None:
        form = self.form()
        basic = {field.parameter.name for one in form.groups for field in one.fields}

        self.assertIn("temperature", basic)
        self.assertNotIn("num_beams", basic)
        self.assertFalse(form.is_advanced)
        self.assertTrue(self.form("num_beams=3").is_advanced)

    def test_it_reads_back_the_address_that_it_writes(self) -> None:
        parameters = EVERY_KIND
        data = QueryDict(mutable=True)
        for name, text in query_of(parameters):
            data.appendlist(name, text)

        shown = QueryDict(mutable=True)
        for name, field in parameter_form(data, limits=LIMITS).fields.items():
            if field.text != "false":
                shown[name] = field.text
        read = read_parameters(shown)

        self.assertEqual({name: read[name] for name in parameters}, parameters)
        parse(read)


EVERY_KIND: dict[str, object] = {
    "top_k": 5,
    "top_p": 0.5,
    "do_sample": False,
    "bad_words": ["\n", "x y"],
    "bad_words_ids": [[1, 2], [3]],
    "logit_bias": {"11": -5, "12": 0.5},
    "stop": ["\n", "x"],
    "stop_token_ids": [1, 2],
    "eos_token_id": [3],
    "num_beams": 4,
    "length_penalty": -0.5,
    "early_stopping": "never",
}


class RefusalTests(SimpleTestCase):
    def test_it_leaves_what_cannot_be_read_to_be_refused_by_name(self) -> None:
        for name, text in {
            "top_k": "many",
            "stop_token_ids": "1, two",
            "bad_words_ids": "1\ntwo",
            "logit_bias": "11",
            "early_stopping": "sometimes",
        }.items():
            data = QueryDict(mutable=True)
            data[name] = text
            with self.subTest(name), self.assertRaises(InvalidParameter) as caught:
                parse(read_parameters(data))
            self.assertEqual(caught.exception.param, name)
