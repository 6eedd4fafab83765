"""Programs that call a language model, in each language of `LANGUAGES`.

A new language is one entry here and one file in `snippet_templates/`, in which
`<<name>>` stands for a value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from models_app.models import LanguageModel

# The prompt and the length of the first Neuro's own example.
PROMPT = "When I visit Bath I will"
MAX_LENGTH = 15
MAX_NEW_TOKENS = 40
PLACEHOLDER = "API_TOKEN"

_TEMPLATES = Path(__file__).parent / "snippet_templates"
_NAME = re.compile(r"<<(\w+)>>")


def _quote_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _quote_json_in_shell(value: object) -> str:
    """For JSON that stands between single quotes."""
    return _quote_json(value).replace("'", r"'\''")


def _quote_python(value: object) -> str:
    """A text of JSON is one of Python, too; true and false are not."""
    return _quote_json(value) if isinstance(value, str) else repr(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    slug: str
    label: str
    file_name: str
    setup: str
    run: str
    quote: Callable[[object], str]
    # What a program says when nobody chose parameters.
    parameters: str

    def render(self, values: dict[str, str]) -> str:
        template = _TEMPLATES / f"{self.file_name}.txt"
        return _NAME.sub(lambda match: values[match[1]], template.read_text())


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippet:
    """A whole program: save `code` as `file_name`, do `setup`, then `run`."""

    language: Language
    code: str


LANGUAGES = (
    Language(
        slug="python",
        label="Python",
        file_name="predict.py",
        setup='pip install "setuptools<81" npu==0.3.900',
        run="python predict.py",
        quote=_quote_python,
        parameters="{\n"
        f'    "max_length": {MAX_LENGTH},'
        "  # tokens of the prompt and of what follows it\n}",
    ),
    Language(
        slug="curl",
        label="curl",
        file_name="predict.sh",
        setup="",
        run="bash predict.sh",
        quote=_quote_json_in_shell,
        parameters=f'{{"max_new_tokens": {MAX_NEW_TOKENS}}}',
    ),
    Language(
        slug="javascript",
        label="JavaScript",
        file_name="predict.mjs",
        setup="",
        run="node predict.mjs",
        quote=_quote_json,
        parameters=f"{{ max_new_tokens: {MAX_NEW_TOKENS} }}",
    ),
)


def build(
    language_model: LanguageModel,
    *,
    base_url: str,
    api_token: str = "",
    prompt: str = PROMPT,
    parameters: Mapping[str, object] | None = None,
) -> list[Snippet]:
    """One program per language. `base_url` ends with a slash."""
    values = {
        "base_url": base_url,
        "api_token": api_token or PLACEHOLDER,
        "model_id": language_model.public_id,
    }
    return [
        Snippet(
            language=language,
            code=language.render(
                values
                | {
                    "prompt": language.quote(prompt),
                    "parameters": language.parameters
                    if parameters is None
                    else language.quote(dict(parameters)),
                }
            ),
        )
        for language in LANGUAGES
    ]
