"""What axe finds wrong with a page for who cannot see it well or uses no mouse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

AXE = Path(__file__).parent / "vendor" / "axe-4.14.1.min.js"
EVERYTHING = (
    *("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"),
    "best-practice",
)
CONTRAST = ("color-contrast",)
RUN = """
async ({ rules, excused }) => {
  const off = Object.fromEntries(excused.map((rule) => [rule, { enabled: false }]));
  const found = await axe.run(document, { runOnly: rules, rules: off });
  return found.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id} ${target}: ${failureSummary}`));
}
"""


def violations(
    page: Page, rules: tuple[str, ...] = EVERYTHING, *, excused: tuple[str, ...] = ()
) -> list[str]:
    """Where the page breaks WCAG 2.2 AA or a rule of thumb, but for the `excused` rules.
    The page must let a foreign script in."""
    page.evaluate(AXE.read_text())
    asked: dict[str, Any] = {"rules": list(rules), "excused": list(excused)}
    found: list[str] = page.evaluate(RUN, asked)
    return found
