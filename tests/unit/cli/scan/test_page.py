"""The scan's HTML page: its content, its content security policy, and that no text from outside becomes markup."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest

from medic_cli.scan.model import FindingKind, Gap, RegionSummary, Scan, ScanFinding, Severity
from medic_cli.scan.page import scan_page

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "--><svg onload=alert(1)>",
    "</style></title></textarea>",
    "javascript:alert(1)",
    "${7*7}$title$$",
    "&lt;b&gt;&#x3c;",
    "evil\u202egnp.exe\u2066\x1b[31m\x00\x7f",
]
VOID = {"meta", "link", "input", "br", "img"}
LOADING = {"src", "srcset", "data", "action", "formaction", "poster", "background", "cite", "ping", "xlink:href"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    text: str = ""
    open: list[str] = field(default_factory=list)


class Page(HTMLParser):
    """The elements of a page in order, each with its direct text. Unbalanced tags are an error."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(html)
        self.close()
        assert [each.tag for each in self._open] == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute twice in {tag}"
        element = Element(tag, {name: value or "" for name, value in attrs}, open=[each.tag for each in self._open])
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self._open
        assert self._open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        if self._open:
            self._open[-1].text += data

    def all(self, tag: str, **attributes: str) -> list[Element]:
        wanted = {name.replace("_", "-").strip("-"): value for name, value in attributes.items()}
        return [e for e in self.elements if e.tag == tag and wanted.items() <= e.attributes.items()]


def finding(severity: Severity = Severity.ERROR, **fields: object) -> ScanFinding:
    usual = {
        "kind": FindingKind.SERVICE_ROLE_DELETED, "severity": severity, "detail": "It is gone.",
        "region": "eu-central-1",
        "app_id": "d1a2b3c4d5e6f7", "app_name": "shop", "role": "arn:aws:iam::111122223333:role/service",
    }  # fmt: skip
    return ScanFinding(**{**usual, **fields})  # type: ignore[arg-type]


def scan(*findings: ScanFinding, gaps: tuple[Gap, ...] = (), interrupted: bool = False) -> Scan:
    return Scan(
        partition="aws",
        account="111122223333",
        started_at=datetime(2026, 11, 26, tzinfo=UTC),
        seconds=1.5,
        regions=(RegionSummary("eu-central-1", 1, 1, 2, listed=True), RegionSummary("us-east-1", 0, 0, 0, listed=True)),
        findings=findings,
        gaps=gaps,
        interrupted=interrupted,
        calls={"amplify:ListApps": 2},
        throttles=0,
        settings_from=None,
    )


def hostile(text: str) -> Page:
    """A page that shows this text in every place where a text from outside can appear."""
    everywhere = finding(
        app_name=text, app_id=text, branches=(text,) * 6, role=f"arn:aws:iam::111122223333:role/{text}", detail=text,
        region=text, statement=None,
    )  # fmt: skip
    gap = Gap("amplify:ListBranches", text, text, (text,), (text,))
    return Page(scan_page(scan(everywhere, finding(role=text), gaps=(gap,))))


def shape(page: Page) -> list[tuple[str, tuple[str, ...]]]:
    return [(element.tag, tuple(element.attributes)) for element in page.elements]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_from_outside_changes_the_pages_structure(text: str) -> None:
    assert shape(hostile(text)) == shape(hostile("plain"))


@pytest.mark.parametrize("text", HOSTILE[:-1])
def test_every_text_from_outside_is_shown_unchanged(text: str) -> None:
    page = hostile(text)
    assert [element.text for element in page.all("li")].count(text) == 6
    assert text in [element.text for element in page.all("a")]


def test_control_and_bidirectional_characters_are_not_shown() -> None:
    assert "evilgnp.exe[31m" in [element.text for element in hostile(HOSTILE[-1]).all("li")]


@pytest.mark.parametrize("text", HOSTILE)
def test_links_lead_only_to_the_console_and_send_no_referrer(text: str) -> None:
    skip, *links = hostile(text).all("a")
    assert skip.attributes["href"] == "#findings"
    assert links
    for link in links:
        address = urlsplit(link.attributes["href"])
        assert address.scheme == "https"
        assert address.netloc.endswith(".console.aws.amazon.com")
        assert "@" not in address.netloc
        assert link.attributes["rel"] == "noreferrer noopener"


def test_the_page_loads_nothing_and_sends_nothing() -> None:
    page = Page(scan_page(scan(finding(), finding(Severity.NOTE, role=None))))
    assert [(e.tag, name) for e in page.elements for name in e.attributes if name in LOADING] == []
    assert [e.attributes["href"] for e in page.all("link")] == ["data:,"]
    style, script = page.all("style")[0].text, page.all("script")[0].text
    for text in (style, script):
        assert not re.search(r"https?:|url\(|@import|fetch\(|XMLHttpRequest|WebSocket|import\(|sendBeacon", text)
    for sink in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "Function("):
        assert sink not in script


def test_the_content_security_policy_allows_only_the_pages_own_style_and_script() -> None:
    page = Page(scan_page(scan(finding())))
    (policy,) = (e.attributes["content"] for e in page.all("meta", http_equiv="Content-Security-Policy"))
    rules = dict(rule.strip().partition(" ")[::2] for rule in policy.split(";"))

    def hash_of(tag: str) -> str:
        (element,) = page.all(tag)
        assert element.attributes == {}
        return f"'sha256-{base64.b64encode(hashlib.sha256(element.text.encode()).digest()).decode()}'"

    assert rules == {
        "default-src": "'none'",
        "style-src": hash_of("style"),
        "script-src": hash_of("script"),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert [e.tag for e in page.elements for name in e.attributes if name == "style" or name.startswith("on")] == []


def test_every_finding_is_a_row_with_attributes_for_filters_and_sorting() -> None:
    page = Page(
        scan_page(scan(finding(), finding(Severity.NOTE, kind=FindingKind.LONG_LIVED_KEYS, region=None, app_id=None)))
    )
    first, second = page.all("tr", role="row")[1:]
    assert first.attributes == {
        "role": "row", "data-severity": "error", "data-rank": "0", "data-kind": "service_role_deleted",
        "data-region": "eu-central-1", "data-what": "The service role does not exist",
        "data-place": "shop d1a2b3c4d5e6f7", "data-count": "0",
    }  # fmt: skip
    assert second.attributes["data-region"] == "IAM"
    sortable = [e.attributes["data-sort"] for e in page.all("th") if "data-sort" in e.attributes]
    assert {f"data-{key}" for key in sortable} <= set(first.attributes)
    assert all(e.attributes["aria-sort"] == "none" for e in page.all("th") if "data-sort" in e.attributes)


def test_filters_offer_only_values_that_occur() -> None:
    page = Page(scan_page(scan(finding(), finding(Severity.NOTE, kind=FindingKind.LONG_LIVED_KEYS, region=None))))
    options = [(e.attributes["value"], e.text) for e in page.all("option")]
    assert options == [
        ("", "all"), ("IAM", "IAM"), ("eu-central-1", "eu-central-1"),
        ("", "all"), ("long_lived_keys", "AWS keys in environment variables"),
        ("service_role_deleted", "The service role does not exist"),
    ]  # fmt: skip
    tiles = page.all("button", type="button")
    assert [e.attributes["data-value"] for e in tiles] == ["error", "warning", "note"]
    assert all(e.attributes["aria-pressed"] == "false" for e in tiles)


def test_without_script_only_the_filters_are_hidden() -> None:
    page = Page(scan_page(scan(finding())))
    assert "hidden" in page.all("form")[0].attributes
    assert not any("hidden" in e.attributes for e in page.all("tr"))


def test_a_long_list_of_branches_is_folded_but_complete() -> None:
    names = tuple(f"feature/{n}" for n in range(50))
    page = Page(scan_page(scan(finding(branches=names))))
    assert [e.text for e in page.all("li")] == list(names)
    assert "46 more" in [e.text for e in page.all("summary")]


def test_a_partial_scan_says_so_at_the_top() -> None:
    page = Page(scan_page(scan(gaps=(Gap("iam:GetRole", "Not allowed.", roles=("arn:aws:iam::1:role/x",)),))))
    assert [e.text for e in page.all("h2")] == [
        "Partial scan: some things could not be checked, so a missing finding does not mean that all is well"
    ]
    assert [e.text for e in page.all("li")] == ["iam:GetRole of x: Not allowed."]
    assert page.all("p", id="findings")[0].text == "Nothing was found in what could be checked."
    assert "The scan was stopped after 1 of 1 app. These are the results so far." in scan_page(scan(interrupted=True))
    assert "Partial" not in scan_page(scan())


def test_the_page_supports_narrow_screens_and_dark_mode() -> None:
    page = Page(scan_page(scan(finding())))
    assert page.all("meta", name="viewport")[0].attributes["content"] == "width=device-width, initial-scale=1"
    style = page.all("style")[0].text
    assert "@media (max-width: 860px)" in style
    assert "@media (prefers-color-scheme: dark)" in style
    assert all(e.attributes["data-label"] for e in page.all("td"))
