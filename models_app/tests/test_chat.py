"""Chat templates, held against transformers' own rendering of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.test import override_settings
from transformers import AutoTokenizer

from models_app.chat import chat_prompt, has_chat_template
from models_app.errors import ChatNotSupported, InvalidInput, ModelNotInstalled
from models_app.weights import bundled_dir
from neuro_site.testing import BaseTestCase

# That of SmolLM2-135M-Instruct.
CHATML = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' "
    "%}{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by "
    "Hugging Face<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + "
    "message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt "
    "%}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
TEMPLATES = {
    "chatml": CHATML,
    "blocks and whitespace": """
        {%- set kept = namespace(system='none') %}
        {% for message in messages %}
            {% if message.role == 'system' %}
                {% set kept.system = message.content | trim %}
                {% continue %}
            {% endif %}
            {{ bos_token }}[{{ message.role | upper }}] {{ message['content'] }}
        {% endfor %}
        {{ kept.system }}{% if add_generation_prompt %}{{ eos_token }}>{% endif %}
    """,
    "filters and tags": """{% for message in messages %}
{% generation %}{% set role = message.role %}{{ role }}: {% endgeneration %}
{{ message | tojson }}{{ message | tojson(indent=2) }}
{% if loop.index == 2 %}{% break %}{% endif %}
{% endfor %}{{ role is defined }}{{ 'name' in messages[0] }}{{ tools is none }}""",
}
# As older tokenizers write it.
END = {"__type": "AddedToken", "content": ".", "lstrip": False, "rstrip": False}
MESSAGES: list[dict[str, Any]] = [
    {"role": "system", "content": " Be <brief> & 'kind'. "},
    {"role": "user", "content": "Grüße!\n\n", "name": None},
    {"role": "assistant", "content": "<|endoftext|> {{ 7 * 7 }}"},
    {"role": "user", "content": ""},
]


class ChatTestCase(BaseTestCase):
    """Neo-Tiny's tokenizer with a template of the test's in `slug`'s folder."""

    slug = "gpt-neo-125m"

    def setUp(self) -> None:
        super().setUp()
        models = self.enterContext(TemporaryDirectory())
        self.enterContext(override_settings(MODELS_DIR=Path(models)))
        self.folder = Path(models) / self.slug
        shutil.copytree(bundled_dir("neo-tiny"), self.folder)

    def write_template(self, source: str) -> None:
        (self.folder / "chat_template.jinja").write_text(source)

    def configure(self, **facts: Any) -> None:
        file = self.folder / "tokenizer_config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | facts))

    def expected(self, messages: list[dict[str, Any]]) -> Any:
        tokenizer = AutoTokenizer.from_pretrained(self.folder)
        return tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True
        )


class RenderingTests(ChatTestCase):
    def test_it_renders_as_transformers_does(self) -> None:
        for name, source in TEMPLATES.items():
            with self.subTest(name):
                self.folder.touch()
                self.write_template(source)
                prompt = chat_prompt(self.slug, MESSAGES)
                self.assertEqual(prompt.text, self.expected(MESSAGES))
                self.assertIn("Grüße", prompt.text)

    def test_it_reads_a_template_in_the_tokenizer_s_configuration(self) -> None:
        named = [
            {"name": "tool_use", "template": "no"},
            {"name": "default", "template": CHATML},
        ]
        for found in (CHATML, named):
            with self.subTest(type(found).__name__):
                self.folder.touch()
                self.configure(chat_template=found, eos_token=END)
                prompt = chat_prompt(self.slug, MESSAGES)
                self.assertEqual(prompt.text, self.expected(MESSAGES))

    def test_it_knows_the_token_that_ends_a_turn(self) -> None:
        self.write_template(CHATML)
        self.configure(eos_token=".")

        self.assertEqual(len(chat_prompt(self.slug, MESSAGES).stop_token_ids), 1)

    def test_it_takes_nothing_of_several_tokens_for_the_end_of_a_turn(self) -> None:
        self.write_template(CHATML)
        self.configure(eos_token="<|im_end|>")

        self.assertEqual(chat_prompt(self.slug, MESSAGES).stop_token_ids, ())


class RefusalTests(ChatTestCase):
    def refusal(self, source: str) -> InvalidInput:
        self.write_template(source)
        with self.assertRaises(InvalidInput) as caught:
            chat_prompt(self.slug, MESSAGES)
        self.assertEqual(caught.exception.param, "messages")
        return caught.exception

    def test_it_tells_why_a_template_refuses(self) -> None:
        source = "{{ raise_exception('Roles must alternate.') }}"

        self.assertIn("Roles must alternate.", self.refusal(source).message)

    def test_it_refuses_what_a_template_was_not_written_for(self) -> None:
        self.refusal("{{ messages[0].content.0.text + 1 }}")

    def test_it_keeps_a_template_in_its_sandbox(self) -> None:
        self.refusal("{{ messages.__class__.__mro__[1].__subclasses__() }}")

    def test_it_lets_no_template_change_the_messages(self) -> None:
        self.refusal("{{ messages.append(1) }}")

    def test_it_bounds_what_a_template_counts(self) -> None:
        self.refusal("{% for n in range(10000000) %}{% endfor %}")

    def test_it_says_that_a_model_was_not_taught_conversations(self) -> None:
        with self.assertRaises(ChatNotSupported) as caught:
            chat_prompt("neo-tiny", MESSAGES)

        self.assertIn("/v1/completions", caught.exception.hint)
        self.assertFalse(has_chat_template("neo-tiny"))

    def test_it_takes_a_broken_template_for_none(self) -> None:
        self.write_template("{% if %}")

        with self.assertLogs("models_app.chat", "ERROR"):
            self.assertFalse(has_chat_template(self.slug))

    def test_it_says_that_weights_are_missing(self) -> None:
        with self.assertRaises(ModelNotInstalled):
            chat_prompt("smollm2-135m-instruct", MESSAGES)

        self.assertFalse(has_chat_template("smollm2-135m-instruct"))
