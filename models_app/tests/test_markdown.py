from __future__ import annotations

from django.test import SimpleTestCase

from models_app.markdown import render, render_sections


class RenderTests(SimpleTestCase):
    def test_it_renders_markdown(self) -> None:
        self.assertIn("<strong>bold</strong>", render("**bold** text"))

    def test_it_escapes_html_instead_of_passing_it_on(self) -> None:
        html = render('<script>alert(1)</script>\n\n<img src=x onerror="alert(1)">')
        self.assertIn("&lt;script&gt;", html)
        self.assertNotIn("<img", html)

    def test_it_drops_links_that_run_scripts(self) -> None:
        self.assertNotIn("href", render("[here](javascript:alert%281%29)"))

    def test_it_shows_no_images(self) -> None:
        self.assertNotIn("<img", render("![a](https://example.org/a.png)"))

    def test_it_tells_the_browser_not_to_say_where_a_visitor_comes_from(self) -> None:
        self.assertIn("noreferrer", render("[paper](https://arxiv.org/abs/1)"))

    def test_it_lets_a_wide_table_scroll_by_itself(self) -> None:
        html = render("| a | b |\n|---|---|\n| 1 | 2 |")
        self.assertIn('<div class="table-scroll" tabindex="0"><table', html)
        self.assertIn("</table></div>", html)


class SectionTests(SimpleTestCase):
    def test_it_cuts_the_text_at_second_level_headings(self) -> None:
        first, second = render_sections("## One\n\nA\n\n### More\n\n## And two\n\nB\n")
        self.assertEqual((first.anchor, first.title), ("one", "One"))
        self.assertIn("<h3>More</h3>", first.html)
        self.assertEqual((second.anchor, second.title), ("and-two", "And two"))
        self.assertNotIn("A", second.html)

    def test_it_leaves_headings_in_code_alone(self) -> None:
        sections = render_sections("## One\n\n```\n## not a heading\n```\n")
        self.assertEqual(len(sections), 1)
        self.assertIn("## not a heading", sections[0].html)
