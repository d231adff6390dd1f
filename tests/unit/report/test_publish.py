"""Drawing the plots of a run."""

from __future__ import annotations

import io

from runs import leave_run

from mi_cli.plots import forest
from mi_cli.records.results import Records
from mi_cli.report import publish


def test_plot_is_drawn_as_savefig_would(tmp_path):
    folder = leave_run(tmp_path / "run", plots=())
    assert publish.draw("forest", folder)
    expected = io.BytesIO()
    forest.plot(Records(folder)).savefig(expected, dpi=150, format="png")
    assert (folder / "plots" / "forest.png").read_bytes() == expected.getvalue()
    assert {path.name for path in (folder / "plots").iterdir()} == {"forest.png", "forest.svg"}


def test_svg_is_the_same_when_it_is_drawn_again(tmp_path):
    folder = leave_run(tmp_path / "run", plots=())
    written = []
    for _ in range(2):
        assert publish.draw("forest", folder)
        written.append((folder / "plots" / "forest.svg").read_bytes())
    assert written[0] == written[1]
    assert b"MINE" in written[0]


def test_no_svg_is_left_of_an_earlier_drawing(tmp_path, monkeypatch, capsys):
    folder = leave_run(tmp_path / "run", plots=())
    assert publish.draw("forest", folder)

    def svg(figure):
        raise OSError("no space is left")

    monkeypatch.setattr(publish, "svg_function", lambda: svg)
    assert not publish.draw("forest", folder)
    assert [path.name for path in (folder / "plots").iterdir()] == ["forest.png"]
    assert "plot forest failed" in capsys.readouterr().err
