"""The page shows what the records say, and nothing in them can be more than text."""

from __future__ import annotations

import base64
import gzip
import hashlib
import itertools
import json
import random
import re
import subprocess
import sys

import pytest
import yaml
from runs import DOT, leave_run

from mi_cli.report import page
from mi_cli.report.collect import collect

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


def html(*paths, refresh=None):
    return page.html(collect(paths), refresh)


def data(text):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)[1])


def column(text, name):
    return next(found for found in data(text)["columns"] if found["name"] == name)


def test_nothing_in_the_records_is_more_than_text(tmp_path):
    odd = {"summary": HOSTILE, "claims": [{"text": HOSTILE, "kind": "equals_truth"}]}
    name = "<img src=y onerror=alert(3)>"
    for folder in (name, "b"):
        left = leave_run(tmp_path / folder, overrides=[HOSTILE], lost={1: HOSTILE}, plots=[name], **odd)
        config = yaml.safe_load((left / "config.yaml").read_text())
        (left / "config.yaml").write_text(yaml.safe_dump(config | {"name": HOSTILE, HOSTILE: folder}))
    (tmp_path / "c <script>").mkdir()
    (tmp_path / "c <script>" / "config.yaml").write_text("[")
    (tmp_path / "c <script>" / "results.csv").touch()
    text = html(tmp_path)
    assert text.count("<script") == 2
    assert text.count("</script") == 2
    assert not re.search(r"<img (?!src=\"data:image/(png;base64|svg\+xml),|alt=\"\" src=\"data:,\")", text)
    assert column(text, "reason")["values"][1] == " ".join(HOSTILE.split())
    assert "c &lt;script&gt;" in text


def test_the_page_needs_nothing_else(tmp_path):
    leave_run(tmp_path / "a")
    text = html(tmp_path)
    script = re.search(r"<script>(.*?)</script>", text, re.S)[1]
    assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() in text
    assert "default-src 'none'" in text
    assert not re.search(r'(src|href)="(?!data:|#)', text)
    assert "http://" not in text
    assert "https://" not in text


def test_figures_are_inside_with_what_they_show_and_their_size(tmp_path):
    leave_run(tmp_path / "a", plots=["estimate_against_axis", "of_my_own"])
    text = html(tmp_path)
    assert text.count(base64.b64encode(DOT).decode()) == 2
    assert 'alt="small: Held-out estimates against an axis of the sweep' in text
    assert 'alt="small: of my own The numbers' in text
    assert 'width="1" height="1"' in text


def test_figures_are_in_the_order_of_the_config(tmp_path):
    folder = leave_run(tmp_path / "a", plots=["forest", "coverage", "a_plot"])
    config = yaml.safe_load((folder / "config.yaml").read_text())
    (folder / "config.yaml").write_text(yaml.safe_dump(config | {"plots": ["forest", "coverage"]}))
    assert re.findall(r"<code>plots/(\w+).png", html(tmp_path)) == ["forest", "coverage", "a_plot"]


def test_verdicts_are_words_with_what_decided_them(tmp_path):
    leave_run(tmp_path / "a")
    text = html(tmp_path)
    assert re.search(r'class="badge holds">.*</span> holds</span> it is near the truth', text)
    assert "2 of 2 settings hold" in text or "settings hold" in text


def test_tables_of_the_summary_are_shown(tmp_path):
    leave_run(tmp_path / "a", tables=["solved"])
    text = html(tmp_path)
    assert "solved: 2 tasks of small" in text
    assert "2 of 2" in text
    assert "Means over seeds; MI in nats" in text


def test_bits_are_shown_where_the_run_asks_for_them(tmp_path):
    leave_run(tmp_path / "a")
    leave_run(tmp_path / "b", units="bits")
    nats, bits, both = html(tmp_path / "a"), html(tmp_path / "b"), html(tmp_path)
    assert column(nats, "estimate")["unit"] == column(both, "estimate")["unit"] == "nats"
    assert column(bits, "estimate")["unit"] == "bits"
    (in_nats, in_bits) = (column(text, "estimate")["values"] for text in (nats, bits))
    assert in_bits == pytest.approx([value / 0.6931471805599453 for value in in_nats])
    assert column(bits, "seconds")["values"] == column(nats, "seconds")["values"]
    assert "MI in bits" in bits


def test_infinities_are_json_and_empty_columns_are_left_out(tmp_path):
    leave_run(tmp_path / "a")
    text = html(tmp_path)
    assert column(text, "true_mi")["values"][-1] == "inf"
    assert "test_mse" not in {found["name"] for found in data(text)["columns"]}
    assert data(text)["columns"][-1]["name"] != "reason"  # nobody had one


def test_partial_runs_say_how_far_they_are(tmp_path):
    leave_run(tmp_path / "a", done=2, status=None)
    leave_run(tmp_path / "b", done=5, status="interrupted")
    assert "This run has not ended, or was killed." in html(tmp_path / "a")
    assert "2 of 6 trials" in html(tmp_path / "a")
    assert "This run was interrupted." in html(tmp_path / "b")
    assert "7 of 12 trials" in html(tmp_path)


def test_a_run_without_results_has_a_page(tmp_path):
    leave_run(tmp_path / "a", done=0, status=None)
    assert "0 of 6 trials" in html(tmp_path)


def test_lost_trials_are_counted(tmp_path):
    leave_run(tmp_path / "a", lost={3: "an error"})
    assert "6 of 6 trials (1 failed)" in html(tmp_path)


def test_runs_are_compared_side_by_side(tmp_path):
    leave_run(tmp_path / "a")
    other = leave_run(tmp_path / "b", training={"lr": 0.123}) / "provenance.json"
    values = json.loads(other.read_text())
    values["versions"]["torch"] = "9.9.9"
    other.write_text(json.dumps(values))
    text = html(tmp_path)
    differences = text[text.index('id="differences"') : text.index('id="records"')]
    assert re.search(r"training.lr</th>.*0\.123</td>", differences, re.S)
    assert "9.9.9" in differences
    assert "numpy" not in differences
    assert 'id="differences"' not in html(tmp_path / "a")


def test_ids_are_unique_and_headings_in_order(tmp_path):
    leave_run(tmp_path / "a", tables=["solved"])
    leave_run(tmp_path / "b", {"dataset": {"rho": [i / 100 for i in range(50)]}})
    text = html(tmp_path)
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    levels = [int(level) for level in re.findall(r"<h(\d)", text)]
    assert levels[0] == 1
    assert all(b <= a + 1 for a, b in itertools.pairwise(levels))


def test_answer_comes_first(tmp_path):
    folder = leave_run(tmp_path / "a")
    values = json.loads((folder / "summary.json").read_text())
    answer = {"verdict": "answer", "value": "inf", "ci_low": "inf", "ci_high": "inf", "lower": 3.0, "p_value": 3e-12}
    answer |= {"source": "exact relation", "reason": "y is a linear function of x", "advice": "", "seed": 0}
    more = {"answer": answer, "budget": "quick", "tables": {"estimates": []}}
    (folder / "summary.json").write_text(json.dumps(values | more))
    text = html(tmp_path)
    assert "MI = ∞ nats, 95 % interval for the true MI [∞, ∞], at least 3.0000, p &lt; 3e-12" in text
    assert text.index('<section id="answer"') < text.index('<section id="summary"')
    assert 'href="#answer"' in text
    (folder / "summary.json").write_text(json.dumps(values))
    assert 'id="answer"' not in html(tmp_path)


def test_notes_that_the_terminal_had_are_shown(tmp_path):
    folder = leave_run(tmp_path / "a")
    assert 'id="notes"' not in html(tmp_path)
    values = json.loads((folder / "provenance.json").read_text())
    (folder / "provenance.json").write_text(json.dumps(values | {"notes": ["24 rows are <left out>"]}))
    text = html(tmp_path)
    assert "<li>24 rows are &lt;left out&gt;</li>" in text
    assert 'href="#notes"' in text


def test_a_figure_that_is_no_image_is_not_included(tmp_path):
    secret = leave_run(tmp_path / "a") / "plots" / "secret.png"
    secret.write_text("of somebody")
    text = html(tmp_path)
    assert "plots/secret.png</code> is no PNG image." in text
    assert base64.b64encode(b"of somebody").decode() not in text


def test_many_runs_are_folded(tmp_path):
    for index in range(9):
        leave_run(tmp_path / str(index), {"seed": [0]}, dataset={"rho": index / 10})
    text = html(tmp_path)
    assert text.count('<details class="part"') == 4 * 9
    assert 'href="#run-8-records"' in text
    assert 'id="run-8-records"' in text


def test_names_and_texts_that_are_no_unicode_have_a_page(tmp_path):
    folder = leave_run(tmp_path / "a").rename(tmp_path / "a\udcff")
    leave_run(tmp_path / "b")
    values = json.loads((folder / "summary.json").read_text())
    (folder / "summary.json").write_text(json.dumps(values | {"tables": {"half a \ud83d": []}}))
    page.write(tmp_path / "report.html", collect([tmp_path]))
    assert "a\ufffd" in (tmp_path / "report.html").read_text()


def test_integers_that_a_browser_cannot_hold_are_text(tmp_path):
    leave_run(tmp_path / "a", {"seed": [0, 2**60 + 1]})
    seeds = column(html(tmp_path), "seed")
    assert (seeds["number"], seeds["values"]) == (False, ["0", "1152921504606846977"])


def test_refresh_can_be_paused(tmp_path):
    leave_run(tmp_path / "a")
    assert 'data-refresh="2.5"' in html(tmp_path, refresh=2.5)
    assert 'id="refresh"' in html(tmp_path, refresh=2.5)
    assert 'id="refresh"' not in html(tmp_path)


def test_a_finished_run_gets_a_page(tmp_path):
    folder = leave_run(tmp_path / "a")
    assert page.write_in_run(folder)
    assert "<h1>small</h1>" in (folder / "report.html").read_text()


def test_a_page_that_fails_is_logged(tmp_path, capsys, caplog):
    folder = leave_run(tmp_path / "a")
    (folder / "summary.json").write_text("{")
    assert not page.write_in_run(folder)
    assert capsys.readouterr().err == f"mi-run: report.html failed; see {folder / 'run.log'}\n"
    assert "report.html failed" in caplog.text


def test_neither_torch_nor_matplotlib_is_imported(tmp_path):
    leave_run(tmp_path / "a")
    code = (
        "import sys; from mi_cli.cli.report_command import main; main(sys.argv[1:]);"
        "sys.exit(bool({'torch', 'matplotlib', 'sklearn'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)


def noise(size, seed):
    """A PNG that cannot be compressed: its first bytes say that it has one pixel."""
    return DOT + random.Random(seed).randbytes(size)


def unpacked(text):
    return gzip.decompress(base64.b64decode(text)).decode()


def test_a_page_of_thirty_runs_with_large_figures_is_below_two_megabytes(tmp_path):
    for index in range(30):
        folder = leave_run(tmp_path / f"{index:02}", {"seed": [0]}, training={"lr": 0.1 + index})
        for plot in range(3):
            (folder / "plots" / f"figure_{plot}.png").write_bytes(noise(30_000, 3 * index + plot))
    text = html(tmp_path)
    assert 1_500_000 < len(text.encode()) < 2_000_000
    inside = [unpacked(part) for part in re.findall(r'data-packed="([^"]*)"', text)]
    for index in range(30):  # each run has its first figure, before any has two
        assert sum(base64.b64encode(noise(30_000, 3 * index)).decode() in part for part in inside) == 1
    assert not any(base64.b64encode(noise(30_000, 3 * 29 + 2)).decode() in part for part in inside)
    assert re.search(
        r"Left out, so that this page stays small: figure_1, figure_2. See <code>29/report.html</code>", text
    )
    rows = json.loads(unpacked(data(text)["packed"]))
    assert rows["rows"] == 30
    assert any("Estimates of 30 runs over methods" in part for part in inside)


def test_small_pages_are_not_packed(tmp_path):
    leave_run(tmp_path / "a")
    leave_run(tmp_path / "b", training={"lr": 0.3})
    text = html(tmp_path)
    assert "data-packed" not in text
    assert "Estimates of 2 runs over dataset.rho, with intervals" in text
    assert 'id="together-1-values"' in text


def test_runs_that_are_in_no_shared_figure_are_named(tmp_path):
    for name, lr in (("a", 0.1), ("b", 0.2)):
        leave_run(tmp_path / name, training={"lr": lr})
    leave_run(tmp_path / "c", dataset={"dim": 3}, training={"lr": 0.1})
    text = html(tmp_path)
    assert "no other run measures the same quantity over the same axis: dataset.dim=3." in text
