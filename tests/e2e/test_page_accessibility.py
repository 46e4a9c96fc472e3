"""axe-core finds nothing in the scan's page, in a browser, at the width of a phone and of a desktop.

Only `make proof` runs it. https://github.com/dequelabs/axe-core/blob/develop/doc/API.md
"""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest

from medic_cli.scan.model import Gap, Severity
from medic_cli.scan.page import scan_page
from tests.emulator.cloud import REPOSITORY
from tests.gallery.browser import Browser
from tests.unit.cli.scan.test_page import finding, scan

pytestmark = pytest.mark.proof

AXE = REPOSITORY / ".build" / "cdk" / "node_modules" / "axe-core" / "axe.min.js"
_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
_RUN = """axe.run().then(({violations, incomplete, passes}) => {
  const answer = document.createElement('pre');
  answer.id = 'axe';
  answer.textContent = JSON.stringify({found: [...violations, ...incomplete], passed: passes.length});
  document.body.append(answer);
})"""
_GAP = Gap("iam:GetRole", "Not allowed.", roles=("arn:aws:iam::111122223333:role/x",))
_MANY = finding(branches=tuple(f"feature/{number}" for number in range(9)), statement='{"Effect": "Allow"}')
PAGES = {
    "findings": scan_page(scan(_MANY, finding(Severity.WARNING, app_id=None), finding(Severity.NOTE), gaps=(_GAP,))),
    "nothing": scan_page(scan()),
}


def checked(page: str, width: int) -> Any:
    """What axe-core says about a page. Its script may only run without the page's own policy."""
    scripts = f"<script>{AXE.read_text(encoding='utf-8')}</script><script>{_RUN}</script></body>"
    document = Browser.find().document(_POLICY.sub("", page).replace("</body>", scripts), width)
    answer = re.search(r'<pre id="axe">(.*?)</pre>', document, re.DOTALL)
    assert answer is not None, "axe-core did not answer"
    return json.loads(unescape(answer[1]))


@pytest.mark.parametrize("width", [380, 1280])
@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_axe_finds_nothing(page: str, width: int) -> None:
    answer = checked(page, width)
    assert answer["passed"] > 20
    assert [(each["id"], each["nodes"][0]["html"]) for each in answer["found"]] == []


def test_axe_would_find_a_fault() -> None:
    answer = checked(PAGES["findings"].replace('<html lang="en">', "<html>"), 1280)
    assert "html-has-lang" in [each["id"] for each in answer["found"]]
