"""Two runs, held against each other."""

from __future__ import annotations

from mi_cli.cli.comparison import compare


def test_compared_runs_say_that_the_data_changed(tmp_path):
    for name, digest in (("one", "a" * 64), ("two", "b" * 64), ("old", None)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "results.csv").write_text("trial,method,estimate\n0,auto,0.5\n")
        (tmp_path / name / "provenance.json").write_text("{}")
        (tmp_path / name / "summary.json").write_text(f'{{"data": {{"digest": "{digest}"}}}}' if digest else "{}")
    assert compare(tmp_path / "one", tmp_path / "two").differs == {"data": ("a" * 64, "b" * 64)}
    assert "data (aaaaaaaaaa before, bbbbbbbbbb now)" in compare(tmp_path / "one", tmp_path / "two").verdict
    assert compare(tmp_path / "one", tmp_path / "old").differs == {}
