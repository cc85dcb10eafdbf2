"""An automated accessibility check of every view, in both colour schemes."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["phone", "wide"])
def test_nothing_serious_is_found(open_page, panel, busy, size, scheme):
    page = open_page(panel.address, size, color_scheme=scheme, reduced_motion="reduce")
    busy(page)
    page.wait_for_timeout(100)
    page.locator("#help").evaluate("node => { node.open = true; }")
    for view in ("device", "bench", "card") if size == "phone" else ("",):
        if view:
            page.click(f".views [data-view={view}]")
        found = Axe().run(page).response["violations"]
        worst = [one for one in found if one["impact"] in ("serious", "critical", "moderate")]
        assert not worst, [(one["id"], [node["html"] for node in one["nodes"]][:5]) for one in worst]
