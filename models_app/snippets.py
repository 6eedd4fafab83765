"""Programs that call a language model, in each language of `LANGUAGES`.

A new language is one entry here and one file in `snippet_templates/`, in which
`<<name>>` stands for a value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from models_app.literals import JAVASCRIPT, JSON, PYTHON, Notation
from models_app.models import LanguageModel
from models_app.snippet_parameters import (
    HUGGING_FACE,
    OPENAI,
    Arguments,
    Dialect,
    arguments_of,
)

# The prompt and the length of the first Neuro's own example.
PROMPT = "When I visit Bath I will"
MAX_LENGTH = 15
MAX_NEW_TOKENS = 40
PLACEHOLDER = "API_TOKEN"

_TEMPLATES = Path(__file__).parent / "snippet_templates"
_NAME = re.compile(r"<<(\w+)>>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a program sends; `parameters` is None where nobody chose any."""

    prompt: str
    parameters: Mapping[str, object] | None


# The values of a template that depend on the call.
Fill = Callable[[Call], dict[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """`label` is short, for a tab; `title` stands alone."""

    slug: str
    label: str
    title: str
    file_name: str
    setup: str
    run: str
    fill: Fill

    def render(self, values: dict[str, str]) -> str:
        template = _TEMPLATES / f"{self.slug}.txt"
        return _NAME.sub(lambda match: values[match[1]], template.read_text())


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippet:
    """A whole program: save `code` as `file_name`, do `setup`, then `run`."""

    language: Language
    code: str


def _quote_in_shell(text: str) -> str:
    """For what stands between single quotes."""
    return text.replace("'", r"'\''")


def _own_parameters(
    notation: Notation,
    without_choice: str,
    *,
    column: int = 0,
    quote: Callable[[str], str] = str,
) -> Fill:
    """Prompt and parameters as the native API takes them. `column` is where the line
    of the parameters begins in the template, which stands in what `quote` is for."""

    def fill(call: Call) -> dict[str, str]:
        chosen = call.parameters
        return {
            "prompt": quote(notation.write(call.prompt)),
            "parameters": without_choice
            if chosen is None
            else quote(notation.write(chosen, column=column)),
        }

    return fill


def _keyword_arguments(dialect: Dialect, method: str) -> Fill:
    """Prompt and parameters as a method of a client library takes them."""

    def fill(call: Call) -> dict[str, str]:
        if call.parameters is None:
            example = dialect.names["max_new_tokens"]
            translated = Arguments(keywords={example: MAX_NEW_TOKENS})
        else:
            translated = arguments_of(dialect, call.parameters)
        arguments = dict(translated.keywords)
        if translated.extra_body:
            arguments["extra_body"] = translated.extra_body
        lines = [
            f"    {name}={PYTHON.write(value, column=4)},\n"
            for name, value in arguments.items()
        ]
        return {
            "prompt": PYTHON.write(call.prompt),
            "arguments": "".join(lines),
            "left_out": _left_out(method, translated.others),
        }

    return fill


def _left_out(method: str, names: list[str]) -> str:
    if not names:
        return ""
    return (
        f"\n# {method} cannot say this; the program with requests does:\n"
        f"# {', '.join(names)}"
    )


def _streaming(call: Call) -> dict[str, str]:
    """Several completions grow side by side: each is shown when it is whole."""
    several = (call.parameters or {}).get("num_return_sequences", 1) != 1
    show = (
        '    if (name === "finished") console.log(data.text);\n'
        if several
        else '    if (name === "delta") process.stdout.write(data.text);\n'
    )
    fill = _own_parameters(
        JAVASCRIPT, f"{{ max_new_tokens: {MAX_NEW_TOKENS} }}", column=4
    )
    return fill(call) | {"show": show}


LANGUAGES = (
    Language(
        slug="npu",
        label="npu",
        title="Python with npu",
        file_name="predict.py",
        setup='pip install "setuptools<81" npu==0.3.900',
        run="python predict.py",
        fill=_own_parameters(
            PYTHON,
            "{\n"
            f'    "max_length": {MAX_LENGTH},'
            "  # tokens of the prompt and of what follows it\n}",
        ),
    ),
    Language(
        slug="openai",
        label="openai",
        title="Python with openai",
        file_name="predict_openai.py",
        setup="pip install openai",
        run="python predict_openai.py",
        fill=_keyword_arguments(OPENAI, "completions.create"),
    ),
    Language(
        slug="huggingface",
        label="huggingface_hub",
        title="Python with huggingface_hub",
        file_name="predict_hub.py",
        setup="pip install huggingface_hub",
        run="python predict_hub.py",
        fill=_keyword_arguments(HUGGING_FACE, "text_generation"),
    ),
    Language(
        slug="requests",
        label="requests",
        title="Python with requests",
        file_name="predict_requests.py",
        setup="pip install requests",
        run="python predict_requests.py",
        fill=_own_parameters(
            PYTHON, f'{{"max_new_tokens": {MAX_NEW_TOKENS}}}', column=8
        ),
    ),
    Language(
        slug="javascript",
        label="JavaScript",
        title="JavaScript, as a stream",
        file_name="predict.mjs",
        setup="",
        run="node predict.mjs",
        fill=_streaming,
    ),
    Language(
        slug="curl",
        label="curl",
        title="curl",
        file_name="predict.sh",
        setup="",
        run="bash predict.sh",
        fill=_own_parameters(
            JSON,
            f'{{"max_new_tokens": {MAX_NEW_TOKENS}}}',
            column=4,
            quote=_quote_in_shell,
        ),
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
        "slug": language_model.slug,
    }
    call = Call(prompt=prompt, parameters=parameters)
    return [
        Snippet(language=one, code=one.render(values | one.fill(call)))
        for one in LANGUAGES
    ]
