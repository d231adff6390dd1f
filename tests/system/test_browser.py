"""The page in a browser: what it does, how it looks on paper and on a phone, and who can use it."""

from __future__ import annotations

import base64
import math
import random
import time

import polars as pl
import pytest
from runs import leave_run

from mi_cli.records import results
from mi_cli.report import page
from mi_cli.report.collect import collect

pytestmark = pytest.mark.browser

MANY = 20_000
DRAWING = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 150"><text x="9" y="20">a figure</text>'
    '<g class="values"><circle cx="75" cy="75" r="6"><title>MINE\tρ = 0\tMI (nats)\t0.14\t[0.1, 0.2]</title></circle>'
    '<circle cx="280" cy="140" r="6"><title>DV\tρ = 0\tMI (nats)\t∞\t</title></circle></g></svg>'
)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Pages of one run, of several runs (one goes on, one is broken), and of a run with very many rows."""
    folder = tmp_path_factory.mktemp("pages")
    leave_run(
        folder / "one",
        {"dataset": {"rho": [0.0, 0.6, 1.0]}, "seed": [*range(50)]},
        tables=["solved"],
        lost={7: "an error"},
    )
    (folder / "one" / "plots" / "forest.svg").write_text(DRAWING, encoding="utf-8")
    leave_run(folder / "some" / "a", overrides=["training.lr=0.1"], plots=["forest", "coverage"])
    leave_run(folder / "some" / "b", {"dataset": {"rho": [i / 50 for i in range(50)]}}, training={"lr": 0.1})
    leave_run(folder / "some" / "c", done=3, status=None)
    (leave_run(folder / "some" / "d") / "summary.json").write_text("{")
    leave_run(folder / "many", {"seed": [0]})
    rows = random.Random(0)
    table = pl.read_csv(folder / "many" / "results.csv")
    numbers = ("estimate", "stderr", "ci_low", "ci_high", "train_mi", "val_mi", "seconds")
    frame = pl.concat([table] * MANY).with_columns(
        pl.Series("trial", range(MANY)),
        pl.Series("reason", [f"reason {rows.randrange(1000)}" for _ in range(MANY)]),
        *(pl.Series(name, [rows.gauss(0, 1) for _ in range(MANY)]) for name in numbers),
    )
    results.write_text(folder / "many" / "results.csv", frame.write_csv())
    leave_run(folder / "small", {"seed": [0, 1]})
    table = pl.read_csv(folder / "small" / "results.csv")
    numbers = {"estimate": [-4e-5, 0.25], "p_value": [1e-12, 0.031], "rank": [1.0, 2.0]}
    frame = table.with_columns(pl.Series(name, values) for name, values in numbers.items())
    results.write_text(folder / "small" / "results.csv", frame.write_csv())
    paths = {}
    for name in ("one", "some", "many", "small"):
        paths[name] = folder / f"{name}.html"
        page.write(paths[name], collect([folder / name]))
    return paths


@pytest.fixture
def open_page(browser, pages):
    """Open a page, wide by default; at the end the browser may have logged no error."""

    def open_it(name, width=1280, dark=False):
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}  # elements that move cannot be clicked on
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme, still]})
        browser.get(pages[name].as_uri())
        browser.execute_script("sessionStorage.clear()")
        browser.get(pages[name].as_uri())
        return browser

    yield open_it
    assert browser.get_log("browser") == []


def column(driver, name):
    """Texts of a column's cells as they are shown."""
    return driver.execute_script(
        "const names = [...document.querySelectorAll('#rows thead button')].map((b) => b.firstChild.textContent);"
        "const at = names.indexOf(arguments[0]);"
        "return [...document.querySelectorAll('#rows tbody tr')].map((row) => row.children[at].textContent);",
        name,
    )


def head(driver, name):
    return driver.find_element("xpath", f"//table[@id='rows']//th[button[starts-with(., '{name}')]]")


def wait(driver, seconds):
    """Wait until timers of the page that are due within ``seconds`` have fired, by a timer of the page itself."""
    driver.execute_async_script(f"setTimeout(arguments[arguments.length - 1], {1000 * seconds})")


def type_into(driver, label, text):
    field = driver.find_element("css selector", f"[aria-label='{label}'], #{label.split()[0].lower()}")
    field.clear()
    field.send_keys(text)
    wait(driver, 0.15)  # the page filters .12 s after the last key


def test_sorting_is_by_number_and_says_so(open_page):
    driver = open_page("one")
    button = head(driver, "estimate").find_element("tag name", "button")
    ways = []
    for key in ("\n", " ", "\n"):
        button.send_keys(key)
        ways.append(
            (
                head(driver, "estimate").get_attribute("aria-sort"),
                [float(t or "nan") for t in column(driver, "estimate")],
            )
        )
    (up, rising), (down, falling), (none, _) = ways
    assert (up, down, none) == ("ascending", "descending", "none")
    assert rising == sorted(rising)
    assert len(rising) == 100
    assert falling == sorted(falling, reverse=True)
    assert column(driver, "trial") == [str(trial) for trial in range(100)]


def test_numbers_of_a_column_have_one_format(open_page):
    driver = open_page("small")
    assert column(driver, "estimate") == ["0.0000", "0.2500"]
    assert column(driver, "p_value") == ["< 1e-12", "0.0310"]
    assert column(driver, "rank") == ["1", "2"]


def test_empty_cells_come_last_in_both_directions(open_page):
    driver = open_page("one")
    for _ in range(2):
        head(driver, "estimate").find_element("tag name", "button").click()
        driver.find_element("id", "after").click()
        assert column(driver, "estimate")[-1] == ""
        assert column(driver, "status")[-1] == "failed"


def test_filters_and_pages(open_page):
    driver = open_page("one")
    count = driver.find_element("id", "count")
    assert count.text == "Rows 1 to 100 of 150"
    driver.find_element("id", "after").click()
    assert count.text == "Rows 101 to 150 of 150"
    type_into(driver, "Filter dataset.rho", ">=0.6")
    assert count.text == "Rows 1 to 100 of 100 (of 150 in all)"
    type_into(driver, "Filter true_mi (nats)", "=inf")
    assert set(column(driver, "true_mi")) == {"∞"}
    type_into(driver, "Filter trial", "120..124")
    assert column(driver, "trial") == ["120", "121", "122", "123", "124"]
    driver.find_element("id", "clear").click()
    type_into(driver, "Search", "FAILED error")
    assert column(driver, "trial") == ["7"]
    type_into(driver, "Search", "nothing like it")
    assert count.text == "0 rows (of 150 in all)"


def test_columns_of_one_value_are_hidden_and_can_be_shown(open_page):
    driver = open_page("one")
    assert "estimator mine" in driver.find_element("id", "same").text
    driver.find_element("css selector", "#columns summary").click()
    driver.find_element("xpath", "//label[normalize-space()='estimator']/input").click()
    assert set(column(driver, "estimator")) == {"mine"}
    assert "estimator mine" not in driver.find_element("id", "same").text


def test_filters_and_sorting_outlive_a_reload(open_page):
    driver = open_page("one")
    type_into(driver, "Filter trial", ">140")
    head(driver, "trial").find_element("tag name", "button").click()
    head(driver, "trial").find_element("tag name", "button").click()
    driver.refresh()
    assert column(driver, "trial")[0] == "149"
    assert driver.find_element("id", "count").text == "Rows 1 to 9 of 9 (of 150 in all)"


def test_figures_can_be_enlarged(open_page):
    driver = open_page("some")
    small = driver.find_element("css selector", "figure:has(.enlarge)")
    small.find_element("css selector", ".enlarge").click()
    large = driver.find_element("id", "large")
    assert large.is_displayed()
    shown, enlarged = (one.find_element("tag name", "img").get_attribute("alt") for one in (small, large))
    assert shown == enlarged != ""
    large.find_element("tag name", "button").click()
    assert not large.is_displayed()


def test_the_first_column_of_a_table_stays_in_view(open_page):
    driver = open_page("one", 360)
    moved = driver.execute_script(
        "return [...document.querySelectorAll('.scroll')].filter((box) => box.scrollWidth > box.clientWidth + 40)"
        ".map((box) => { box.scrollLeft = 40; return [...box.querySelectorAll('tr > :first-child')]"
        ".map((cell) => cell.getBoundingClientRect().left - box.getBoundingClientRect().left); })"
    )
    assert moved
    assert all(0 <= left <= 2 for table in moved for left in table)


def tip_lines(driver):
    return driver.find_element("css selector", ".tip").text.split("\n")


def test_marks_say_their_values_to_the_arrow_keys(open_page):
    driver = open_page("one", 360)
    plot = driver.find_element("css selector", "figure .plot")
    plot.send_keys("\ue014")  # right
    assert tip_lines(driver) == ["series: MINE", "at: ρ = 0", "MI (nats): 0.14", "interval: [0.1, 0.2]"]
    plot.send_keys("\ue014" * 2)
    assert tip_lines(driver) == ["series: DV", "at: ρ = 0", "MI (nats): ∞"]
    tip, ring = (driver.find_element("css selector", name).rect for name in (".tip", ".ring"))
    assert 0 <= tip["x"] < tip["x"] + tip["width"] <= 360
    assert tip["y"] + tip["height"] <= ring["y"] or tip["y"] >= ring["y"] + ring["height"]
    plot.send_keys("\ue00c")  # escape
    assert tip_lines(driver) == [""]


@pytest.mark.parametrize("enlarged", [False, True])
def test_marks_say_their_values_to_the_pointer(open_page, enlarged):
    driver = open_page("one")
    if enlarged:
        driver.find_element("css selector", ".enlarge").click()
    point = (
        "const drawn = document.querySelector(arguments[0]), box = drawn.getBoundingClientRect();"
        "const at = {clientX: box.left + arguments[1] * box.width, clientY: box.top + arguments[2] * box.height};"
        "drawn.dispatchEvent(new PointerEvent('pointermove', {...at, bubbles: true}));"
    )
    drawn = "dialog .drawn" if enlarged else "figure .drawn"
    driver.execute_script(point, drawn, 0.255, 0.505)
    assert tip_lines(driver)[0] == "series: MINE"
    assert driver.find_element("css selector", ".tip").is_displayed()
    driver.execute_script(point, drawn, 0.6, 0.1)
    assert tip_lines(driver) == [""]


@pytest.mark.parametrize("name", ["one", "some", "many"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_itself_does_not_scroll_sideways(open_page, name, width):
    driver = open_page(name, width)
    driver.execute_script("for (const found of document.querySelectorAll('details')) found.open = true")
    assert driver.execute_script("return document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", ["one", "some"])
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (360, False)])
def test_axe_finds_no_fault(open_page, axe, name, width, dark):
    driver = open_page(name, width, dark)
    type_into(driver, "Filter trial", "<10")  # other rows are as these, and axe looks at every cell
    driver.execute_script("for (const found of document.querySelectorAll('details')) found.open = true")
    assert len(driver.find_elements("css selector", "#rows tbody tr")) >= 10
    driver.execute_script(axe)
    options = {"runOnly": ["color-contrast"]} if dark else {}  # a dark page has the elements of a light one
    found = driver.execute_async_script("axe.run(arguments[0]).then(arguments[arguments.length - 1])", options)
    violations = [(fault["id"], [node["html"][:200] for node in fault["nodes"]]) for fault in found["violations"]]
    assert violations == []
    assert len(found["passes"]) > (0 if dark else 20)


# One script, since between two commands of the driver the page may have loaded anew.
CLICK_IF_SAID = """
const said = document.getElementById("summary")?.textContent.includes(arguments[0]);
const box = document.getElementById("refresh");
if (said && box && arguments[1]) box.click();
return Boolean(said && box);
"""


def said(browser, words, *, click=False):
    """Whether the summary has the words within ten seconds; then refreshing is stopped, or goes on, by a click."""
    deadline = time.monotonic() + 10
    while not (found := browser.execute_script(CLICK_IF_SAID, words, click)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def test_a_page_that_is_watched_shows_what_is_new_unless_paused(browser, tmp_path):
    folder = leave_run(tmp_path / "a", done=2, status=None)
    page.write(tmp_path / "live.html", collect([folder]), refresh=0.5)
    browser.get((tmp_path / "live.html").as_uri())
    assert said(browser, "2 of 6 trials", click=True)
    leave_run(tmp_path / "b", done=3, status=None)
    page.write(tmp_path / "live.html", collect([tmp_path / "b"]), refresh=0.5)
    wait(browser, 1.1)  # two refreshes
    assert said(browser, "2 of 6 trials", click=True)
    assert said(browser, "3 of 6 trials")
    assert browser.get_log("browser") == []


def test_it_prints(open_page):
    driver = open_page("some")
    printed = base64.b64decode(driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": False})["data"])
    assert printed.startswith(b"%PDF")
    assert len(printed) > 10_000


def test_twenty_thousand_rows_are_sorted_and_filtered_within_a_second(open_page):
    driver = open_page("many")
    assert driver.find_element("id", "count").text == "Rows 1 to 100 of 20,000"
    timed = (
        "const done = arguments[arguments.length - 1], start = performance.now();"
        "const drawn = () => requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));"
        "{act}; setTimeout(drawn, {wait});"
    )
    estimate = (
        "[...document.querySelectorAll('#rows thead button')].find((b) => b.textContent.startsWith('{name}')).click()"
    )
    filled = (
        "const field = document.querySelector('{field}'); field.value = '{value}';"
        "field.dispatchEvent(new Event('input'))"
    )
    acts = {
        "sort numbers": (estimate.format(name="estimate"), 0),
        "sort texts": (estimate.format(name="reason"), 0),
        "filter all": (filled.format(field="#search", value="reason 7"), 130),
        "filter a column": (filled.format(field='[aria-label^="Filter estimate"]', value=">0.5"), 130),
    }
    took = {name: driver.execute_async_script(timed.format(act=act, wait=wait)) for name, (act, wait) in acts.items()}
    print({name: round(milliseconds) for name, milliseconds in took.items()})
    shown = [float(text) for text in column(driver, "estimate")]
    assert len(shown) == 100
    assert all(value > 0.5 for value in shown)
    assert math.fsum(took.values()) / len(took) < 1000


def test_packed_figures_and_rows_are_there_once_they_are_looked_at(browser, tmp_path, monkeypatch):
    monkeypatch.setattr("mi_cli.report.page_size._INLINE", 0)
    for index in range(9):
        leave_run(tmp_path / str(index), {"seed": [0]}, training={"lr": 0.1 + index})
    path = tmp_path / "page.html"
    page.write(path, collect([tmp_path]))
    browser.get(path.as_uri())
    assert browser.execute_script("return document.querySelectorAll('#rows tbody tr').length") == 9
    part = browser.find_element("css selector", "#run-3-figures")
    assert not part.find_elements("css selector", "img")
    part.find_element("css selector", "summary").click()
    deadline = time.monotonic() + 20
    while not (images := part.find_elements("css selector", "img")) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert images[0].get_property("naturalWidth") == 1
    part.find_element("css selector", ".enlarge").click()
    assert browser.find_element("css selector", "#large").get_property("open")
    shared = browser.find_element("css selector", "#together img")
    assert shared.get_property("naturalWidth") > 300
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
