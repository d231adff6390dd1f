"""The site of the documentation: it is built without a warning, and its pages work for everybody."""

from __future__ import annotations

import functools
import subprocess
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]  # builds the site and opens some seventy pages

DOCS = Path(__file__).parents[2] / "docs"
WIDTHS = (390, 1280)  # of a phone and of a desktop
AXE = "const done = arguments[arguments.length - 1]; axe.run().then(found => done(found.violations))"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the site, and where it is served."""
    folder = tmp_path_factory.mktemp("site")
    subprocess.run([sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", DOCS, folder], check=True)
    handler = functools.partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("localhost", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://localhost:{server.server_port}"
        server.shutdown()


class _Quiet(SimpleHTTPRequestHandler):
    def log_request(self, code="-", size="-"):
        pass


@pytest.mark.parametrize("width", WIDTHS)
def test_pages_have_no_errors_and_keep_the_rules_of_axe(site, browser, axe, width):
    folder, address = site
    browser.set_script_timeout(120)
    browser.set_window_size(width, 900)
    faults = {}
    pages = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        browser.get(f"{address}/{page}")
        logged = [entry["message"] for entry in browser.get_log("browser")]
        browser.execute_script(axe)
        broken = [f"{rule['id']}: {rule['nodes'][0]['html'][:100]}" for rule in browser.execute_async_script(AXE)]
        if logged or broken:
            faults[page] = logged + broken
    assert faults == {}
