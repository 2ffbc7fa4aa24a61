"""Pages and their tables."""

from __future__ import annotations

from oversight.cli.html.document import Number, render_document, render_table
from unit.cli.page_reader import read_page


def test_what_stands_in_a_page_is_text_and_never_html(tmp_path):
    """Intents and departments are whatever a caller sent."""
    table = render_table(["<i>", "n"], [["<script>", Number(1.5, "1.5 & more")]], "<b>")
    (tmp_path / "x.html").write_text(render_document("<t>", [table]), encoding="utf-8")
    page = read_page(tmp_path / "x.html")
    for words in ("<i>", "<script>", "1.5 & more", "<b>", "<t>"):
        assert words in page.text
    assert [] == page.loads


def test_a_number_is_there_with_all_its_digits():
    """What is rounded for people can still be compared."""
    assert '<data value="0.03080808080808081">3.08 %</data>' in render_table([""], [[Number(61 / 1_980, "3.08 %")]])


def test_columns_with_numbers_are_marked_also_where_one_is_missing():
    """A dash among numbers stands where the numbers do."""
    table = render_table(["name", "count"], [["a", Number(1, "1")], ["b", "-"]])
    assert '<th scope="col">name</th><th scope="col" class="n">count</th>' in table
    assert '<td>b</td><td class="n">-</td>' in table
