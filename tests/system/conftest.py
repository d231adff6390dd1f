"""A browser for tests of pages."""

from __future__ import annotations

import shutil
from importlib import resources

import pytest

MISSING = next((name for name in ("chromium", "chromedriver") if not shutil.which(name)), None)
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if MISSING is not None:
        pytest.skip(f"{MISSING} is not installed (Debian: chromium, chromium-driver)")
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    yield driver
    driver.quit()


@pytest.fixture(scope="session")
def axe():
    """The script of axe-core, which looks for what keeps people out of a page."""
    reason = "axe-playwright-python, which bundles axe-core, is not installed"
    pytest.importorskip("axe_playwright_python", reason=reason)
    return (resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
