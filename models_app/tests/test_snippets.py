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


class SnippetTests(BaseTestCase):
    def code(self, language: str, *, api_token: str = "", prompt: str = "Hi") -> str:
        language_model = LanguageModel.objects.resolve("gpt-neo-125m")
        snippets = build(
            language_model, base_url=BASE_URL, api_token=api_token, prompt=prompt
        )
        return next(s.code for s in snippets if s.language.slug == language)

    def test_it_leaves_no_gap_in_any_language(self) -> None:
        for language in LANGUAGES:
            code = self.code(language.slug)
            self.assertNotIn("<<", code)
            self.assertIn(BASE_URL, code)
            self.assertIn("60a40f81b635d67d627bf6b2", code)

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

    def test_python_is_the_script_of_the_seed_page(self) -> None:
        code = self.code("python", api_token="nro_abc")
        calls = [
            ast.unparse(node)
            for node in ast.walk(ast.parse(code))
            if isinstance(node, ast.Call)
        ]
        self.assertIn("npu.api('nro_abc', deployed=True)", calls)
        self.assertIn("npu.predict(model_id, data, kwargs)", calls)

    def test_python_names_the_server_before_the_client_reads_it(self) -> None:
        code = self.code("python")
        self.assertLess(code.index(BASE_URL), code.index("import npu"))

    def test_python_quotes_any_prompt(self) -> None:
        tree = ast.parse(self.code("python", prompt=AWKWARD))
        strings = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)]
        self.assertIn(AWKWARD, strings)

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
        self.assertEqual(json.loads(request["body"])["inputs"], AWKWARD)

    def test_the_curl_program_is_valid_bash(self) -> None:
        subprocess.run(
            ["bash", "-n"],  # noqa: S607
            input=self.code("curl", prompt=AWKWARD),
            text=True,
            check=True,
            timeout=60,
        )
