"""Documents say what the code does: each of these fails when one of the two moves."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import pytest
from django.conf import settings
from drf_spectacular.generators import SchemaGenerator

from accounts.errors import ApplicationError

ROOT = Path(settings.BASE_DIR)
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_FIRST_CELL = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)
_LINK = re.compile(r"\]\((?!https?://|mailto:)([^)#\s]*)(?:#([\w-]*))?\)")
_NOT_SERVING = re.compile(r"\.(tests|migrations|__main__|asgi|test_settings|testing)\b")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_CODE_BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def test_it_documents_every_setting_and_no_other() -> None:
    read_from_environment = {
        name
        for source in ("settings.py", "__main__.py")
        for name in re.findall(
            r'\benv_\w+\(\s*"([A-Z_]+)"', (ROOT / "neuro_site" / source).read_text()
        )
    }

    documented = set(_FIRST_CELL.findall((ROOT / "docs/settings.md").read_text()))

    assert documented == read_from_environment


def test_it_documents_every_error_with_its_status() -> None:
    text = (ROOT / "docs/errors.md").read_text()
    documented = dict(re.findall(r"^\| `(\w+)` \| (\d+) \|", text, re.MULTILINE))

    raised = {
        error.default_code: str(error.status_code) for error in _application_errors()
    }

    assert documented == raised


def test_it_documents_every_route_of_the_apis() -> None:
    text = "".join(page.read_text() for page in (ROOT / "docs").glob("*.md"))
    paths = SchemaGenerator().get_schema(public=True)["paths"]  # type: ignore[no-untyped-call]

    routes = {
        f"{method.upper()} {path.replace('{ref}', '<id or slug>')}"
        for path, methods in paths.items()
        for method in methods
    }

    assert {route for route in routes if f"`{route}`" not in text} == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_it_links_to_what_exists(document: Path) -> None:
    text = _CODE_BLOCK.sub("", document.read_text())

    broken = [
        f"{path}#{anchor}"
        for path, anchor in _LINK.findall(text)
        if not _exists(document, path, anchor)
    ]

    assert broken == []


def test_it_gives_ci_the_test_command_of_the_readme() -> None:
    assert "make test" in (ROOT / "README.md").read_text()
    assert re.search(r"^make test\b", (ROOT / ".ci/run").read_text(), re.MULTILINE)


def _exists(document: Path, path: str, anchor: str) -> bool:
    target = (document.parent / path).resolve() if path else document
    if not target.exists():
        return False
    return not anchor or anchor in _anchors(target)


def _anchors(document: Path) -> set[str]:
    headings = _HEADING.findall(_CODE_BLOCK.sub("", document.read_text()))
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in headings
    }


def _application_errors() -> set[type[ApplicationError]]:
    """The whole tree, with every module loaded that could add to it."""
    for app in ("accounts", "models_app", "playground", "neuro_site"):
        package = importlib.import_module(app)
        for module in pkgutil.walk_packages(package.__path__, f"{app}."):
            if not _NOT_SERVING.search(module.name):
                importlib.import_module(module.name)
    return {ApplicationError, *_descendants(ApplicationError)}


def _descendants(error: type[ApplicationError]) -> set[type[ApplicationError]]:
    children = set(error.__subclasses__())
    return children.union(*map(_descendants, children))
