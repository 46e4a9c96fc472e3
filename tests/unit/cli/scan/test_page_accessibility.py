"""The scan's page is accessible: landmarks, headings, names, a table with headers, and contrast in both themes.

The levels are those of WCAG 2.2 AA, https://www.w3.org/TR/WCAG22/.
"""

from __future__ import annotations

import re
from importlib import resources
from itertools import pairwise, product

import pytest

from medic_cli.scan.model import Gap, Severity
from medic_cli.scan.page import scan_page
from tests.unit.cli.scan.test_page import Page, finding, scan

STYLE = resources.files("medic_cli.scan.page").joinpath("report.css").read_text(encoding="utf-8")
_GAP = Gap("iam:GetRole", "Not allowed.", roles=("arn:aws:iam::111122223333:role/x",))
_MANY = finding(branches=tuple(f"feature/{number}" for number in range(9)), statement='{"Effect": "Allow"}')
PAGES = {
    "findings": Page(scan_page(scan(_MANY, finding(Severity.WARNING, app_id=None), gaps=(_GAP,)))),
    "nothing": Page(scan_page(scan())),
}
every_page = pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)

_TEXT, _NOT_TEXT = 4.5, 3.0
"""The lowest contrast of text, and of what shows where a control is."""
_PAIRS = {
    **dict.fromkeys(product(("text", "soft", "link"), ("page", "card", "hover")), _TEXT),
    **dict.fromkeys(product(("text", "link"), ("code",)), _TEXT),
    **dict.fromkeys(product(("error", "warning", "note"), ("card", "hover")), _TEXT),
    **{(severity, f"{severity}-back"): _TEXT for severity in ("error", "warning", "note")},
    ("text", "warning-back"): _TEXT,
    **dict.fromkeys(product(("focus", "edge"), ("page", "card")), _NOT_TEXT),
}
"""Every colour of the page in front of every background on which it is shown."""


@every_page
def test_the_page_names_its_language_and_has_a_title(page: Page) -> None:
    assert [element.attributes["lang"] for element in page.all("html")] == ["en"]
    assert [element.text for element in page.all("title") if element.text]


@every_page
def test_there_is_one_landmark_of_each_kind_and_nothing_outside(page: Page) -> None:
    for landmark in ("header", "main", "footer"):
        assert [element.open for element in page.all(landmark)] == [["html", "body"]]
    directly = {element.tag for element in page.elements if element.open == ["html", "body"]}
    assert directly == {"a", "header", "main", "footer", "script"}, "only the skip link is outside the landmarks"


@every_page
def test_headings_begin_at_one_and_skip_no_level(page: Page) -> None:
    levels = [int(element.tag[1]) for element in page.elements if re.fullmatch("h[1-6]", element.tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@every_page
def test_the_skip_link_is_first_and_leads_to_the_findings(page: Page) -> None:
    body = [element for element in page.elements if "body" in element.open]
    assert (body[0].tag, body[0].attributes["href"]) == ("a", "#findings")
    assert len([element for element in page.elements if element.attributes.get("id") == "findings"]) == 1


@every_page
def test_every_control_has_a_name(page: Page) -> None:
    for element in page.elements:
        if element.tag in {"input", "select"}:
            assert "label" in element.open, element
        if element.tag in {"a", "button", "summary", "label", "option"}:
            assert element.text.strip(), element


@every_page
def test_references_lead_to_one_element(page: Page) -> None:
    ids = [element.attributes["id"] for element in page.elements if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    assert {element.attributes.get("aria-labelledby", ids[0]) for element in page.elements} <= set(ids)


def test_the_table_has_a_caption_and_every_column_a_header() -> None:
    page = PAGES["findings"]
    heads = page.all("th")
    assert page.all("caption")[0].text
    assert {head.attributes["scope"] for head in heads} == {"col"}
    assert len(page.all("td")) == len(heads) * (len(page.all("tr")) - 1)
    # In the narrow layout, where CSS turns rows into blocks, the roles keep the table a table.
    roles = {tag: {element.attributes["role"] for element in page.all(tag)} for tag in ("table", "tr", "th", "td")}
    assert roles == {"table": {"table"}, "tr": {"row"}, "th": {"columnheader"}, "td": {"cell"}}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("front", "back"), _PAIRS, ids="-on-".join)
def test_the_contrast_is_high_enough(theme: str, front: str, back: str) -> None:
    colours = _colours(theme)
    assert _contrast(colours[front], colours[back]) >= _PAIRS[front, back]


def test_every_colour_is_one_of_the_theme_and_focus_stays_visible() -> None:
    rules = STYLE.partition("* {")[2]
    assert not re.search(r"#[0-9a-f]{3,8}\b(?!\s*\{)", rules), "a colour that the test of contrast does not know"
    assert ":focus-visible { outline: 3px solid var(--focus)" in rules
    assert "outline: none" not in rules
    assert set(re.findall(r"var\(--([\w-]+)\)", rules)) <= set(_colours("light"))


def _colours(theme: str) -> dict[str, str]:
    light, dark = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    found = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", light))
    return found | dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", dark)) if theme == "dark" else found


def _contrast(one: str, other: str) -> float:
    """See https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    """See https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    parts = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
