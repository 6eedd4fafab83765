from __future__ import annotations

import ast
import json
import shlex
import shutil
import subprocess
from unittest import skipUnless

from models_app.models import LanguageModel
from models_app.snippets import LANGUAGES, PLACEHOLDER, build
from neuro_site.testing import BaseTestCase

BASE_URL = "http://neuro.example:8123/"
AWKWARD = "She said \"it's $5\\day\"\n`ls` ${HOME} <<prompt>> 'é' 😀"

# The same three parameters, as a person would write them there.
WRITTEN = {
    "npu": """
kwargs = {
    "max_new_tokens": 9,
    "do_sample": False,
    "stop": ["a'b", "\\n"],
}
""",
    "requests": """
        "parameters": {
            "max_new_tokens": 9,
            "do_sample": False,
            "stop": ["a'b", "\\n"],
        },
""",
    "javascript": """
    parameters: {
      max_new_tokens: 9,
      do_sample: false,
      stop: ["a'b", "\\n"],
    },
""",
    "curl": """
    "parameters": {
      "max_new_tokens": 9,
      "do_sample": false,
      "stop": ["a'\\''b", "\\n"]
    }
  }'""",
}


class SnippetTests(BaseTestCase):
    def code(
        self,
        language: str,
        *,
        api_token: str = "",
        prompt: str = "Hi",
        parameters: dict[str, object] | None = None,
    ) -> str:
        language_model = LanguageModel.objects.resolve("gpt-neo-125m")
        snippets = build(
            language_model,
            base_url=BASE_URL,
            api_token=api_token,
            prompt=prompt,
            parameters=parameters,
        )
        return next(s.code for s in snippets if s.language.slug == language)

    def test_it_leaves_no_gap_in_any_language(self) -> None:
        for language in LANGUAGES:
            code = self.code(language.slug)
            self.assertNotIn("<<", code)
            self.assertIn(BASE_URL, code)
            self.assertRegex(code, "60a40f81b635d67d627bf6b2|gpt-neo-125m")

    def test_it_puts_in_the_api_token_or_a_place_for_it(self) -> None:
        for language in LANGUAGES:
            self.assertIn(PLACEHOLDER, self.code(language.slug))
            code = self.code(language.slug, api_token="nro_abc")
            self.assertIn("nro_abc", code)
            self.assertNotIn(PLACEHOLDER, code)

    def test_it_starts_with_the_prompt_of_the_seed_page(self) -> None:
        language_model = LanguageModel.objects.resolve("gpt-neo-125m")
        for snippet in build(language_model, base_url=BASE_URL):
            self.assertIn("When I visit Bath I will", snippet.code)

    def test_npu_is_the_script_of_the_seed_page(self) -> None:
        code = self.code("npu", api_token="nro_abc")
        calls = [
            ast.unparse(node)
            for node in ast.walk(ast.parse(code))
            if isinstance(node, ast.Call)
        ]
        self.assertIn("npu.api('nro_abc', deployed=True)", calls)
        self.assertIn("npu.predict(model_id, data, kwargs)", calls)

    def test_npu_names_the_server_before_the_client_reads_it(self) -> None:
        code = self.code("npu")
        self.assertLess(code.index(BASE_URL), code.index("import npu"))

    def test_python_quotes_any_prompt(self) -> None:
        for slug in ("npu", "openai", "huggingface", "requests"):
            tree = ast.parse(self.code(slug, prompt=AWKWARD))
            strings = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)]
            self.assertIn(AWKWARD, strings)

    def test_one_parameter_stands_on_a_line_and_several_on_lines_of_their_own(
        self,
    ) -> None:
        one: dict[str, object] = {"max_new_tokens": 9}
        self.assertIn(
            'kwargs = {"max_new_tokens": 9}\n', self.code("npu", parameters=one)
        )
        several = one | {"do_sample": False, "stop": ["a'b", "\n"]}
        for language, lines in WRITTEN.items():
            self.assertIn(lines, self.code(language, parameters=several))

    def test_curl_quotes_any_prompt(self) -> None:
        words = shlex.split(self.code("curl", prompt=AWKWARD).replace("\\\n", ""))
        body = json.loads(words[words.index("--data") + 1])
        self.assertEqual(body["inputs"], AWKWARD)
        self.assertEqual(body["parameters"], {"max_new_tokens": 40})

    @skipUnless(shutil.which("node"), "needs node: the Debian package nodejs")
    def test_javascript_quotes_any_prompt(self) -> None:
        stand_in = (
            "globalThis.fetch = async (url, options) => {"
            " console.log(JSON.stringify({url, ...options})); process.exit(0) };\n"
        )
        code = stand_in + self.code("javascript", prompt=AWKWARD, api_token="nro_abc")
        done = subprocess.run(
            ["node", "--input-type=module", "-"],  # noqa: S607
            input=code,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        request = json.loads(done.stdout)
        self.assertEqual(
            request["url"],
            f"{BASE_URL}api/v1/models/60a40f81b635d67d627bf6b2/predict",
        )
        self.assertEqual(request["headers"]["Authorization"], "Bearer nro_abc")
        body = json.loads(request["body"])
        self.assertEqual((body["inputs"], body["stream"]), (AWKWARD, True))

    def test_the_curl_program_is_valid_bash(self) -> None:
        subprocess.run(
            ["bash", "-n"],  # noqa: S607
            input=self.code("curl", prompt=AWKWARD),
            text=True,
            check=True,
            timeout=60,
        )

    def arguments(self, language: str, **parameters: object) -> dict[str, object]:
        """What the program's call says beside prompt and model."""
        tree = ast.parse(self.code(language, parameters=parameters))
        (call,) = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and ast.unparse(node.func).endswith((".create", ".text_generation"))
        ]
        given = {one.arg or "": ast.literal_eval(one.value) for one in call.keywords}
        return {k: v for k, v in given.items() if k not in ("model", "prompt")}

    def test_openai_says_what_it_has_and_leaves_the_rest_to_extra_body(self) -> None:
        self.assertEqual(
            self.arguments(
                "openai",
                max_new_tokens=5,
                temperature=0.5,
                num_return_sequences=2,
                stop=["\n"],
                min_p=0.1,
                logit_bias={"11": -5},
            ),
            {
                "max_tokens": 5,
                "temperature": 0.5,
                "n": 2,
                "stop": ["\n"],
                "logit_bias": {"11": -5},
                "extra_body": {"top_k": 50, "min_p": 0.1},
            },
        )

    def test_a_library_is_told_our_defaults_where_its_own_are_others(self) -> None:
        self.assertEqual(
            self.arguments("huggingface", max_new_tokens=5),
            {"max_new_tokens": 5, "do_sample": True, "temperature": 0.9, "top_k": 50},
        )
        self.assertEqual(
            self.arguments("openai", max_new_tokens=5),
            {"max_tokens": 5, "temperature": 0.9, "extra_body": {"top_k": 50}},
        )
        self.assertEqual(
            self.arguments("openai", max_new_tokens=5, temperature=1.0, top_k=0),
            {"max_tokens": 5},
        )

    def test_a_library_is_told_not_to_sample_in_its_own_way(self) -> None:
        for greedy in ({"do_sample": False, "top_k": 7}, {"temperature": 0}):
            call = {"max_new_tokens": 5} | greedy
            self.assertEqual(
                self.arguments("huggingface", **call), {"max_new_tokens": 5}
            )
            self.assertEqual(
                self.arguments("openai", **call), {"max_tokens": 5, "temperature": 0}
            )

    def test_a_comment_tells_what_a_library_cannot_say(self) -> None:
        parameters: dict[str, object] = {
            "max_new_tokens": 5,
            "num_beams": 2,
            "logprobs": 9,
            "stop": list("abcde"),
        }
        openai = self.code("openai", parameters=parameters)
        hub = self.code("huggingface", parameters=parameters)

        self.assertIn("cannot say this; the program with requests does", openai)
        self.assertIn("\n# logprobs, stop\n", openai)
        self.assertIn("\n# num_beams, logprobs\n", hub)
        for code in (openai, hub):
            ast.parse(code)

    def test_several_completions_are_printed_one_by_one(self) -> None:
        one = self.code("javascript", parameters={})
        several = self.code("javascript", parameters={"num_return_sequences": 2})

        self.assertIn('"delta"', one)
        self.assertNotIn('"delta"', several)
        self.assertIn('"finished"', several)
