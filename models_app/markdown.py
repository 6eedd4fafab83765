"""Markdown of model cards to HTML that is safe to show."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
import nh3
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import slugify
from markdown_it import MarkdownIt

_SECTION_START = re.compile(r"^## +(?P<title>.+?) *#* *$", re.MULTILINE)
_FENCE = re.compile(r"^(```|~~~).*?^\1 *$", re.MULTILINE | re.DOTALL)
_TAGS = {
    *("p", "br", "hr", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote"),
    *("a", "em", "strong", "code", "pre", "s"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
_ATTRIBUTES = {"a": {"href", "title"}, "code": {"class"}, "ol": {"start"}}
_MARKDOWN = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table")


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A second-level heading and what stands under it."""

    anchor: str
    title: str
    html: SafeString


def render(text: str) -> SafeString:
    """Markdown to HTML without scripts, styles, images or foreign markup."""
    html = nh3.clean(
        _MARKDOWN.render(text),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"https", "http", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
    # What is wide scrolls by itself, so that the page need not; with keys, too.
    html = html.replace("<pre>", '<pre tabindex="0">')
    html = html.replace(
        "<table>", '<div class="table-scroll" tabindex="0"><table class="data-table">'
    )
    return mark_safe(html.replace("</table>", "</table></div>"))  # noqa: S308


def render_sections(text: str) -> tuple[Section, ...]:
    """The sections of a card; what stands before the first heading is left out."""
    return tuple(
        Section(anchor=slugify(title), title=title, html=render(body))
        for title, body in _split(text)
    )


def _split(text: str) -> Iterator[tuple[str, str]]:
    fences = [match.span() for match in _FENCE.finditer(text)]
    starts = [
        match
        for match in _SECTION_START.finditer(text)
        if not any(start <= match.start() < end for start, end in fences)
    ]
    ends = [match.start() for match in starts[1:]] + [len(text)]
    for match, end in zip(starts, ends, strict=True):
        yield match["title"], text[match.end() : end]
