"""What is made of a finished run may fail, and the run goes on."""

from __future__ import annotations

from mi_cli.records.finished import attempt


def test_an_attempt_that_works_prints_nothing(tmp_path, capsys):
    made = []
    assert attempt("plot forest", tmp_path, lambda: made.append("forest"))
    assert made == ["forest"]
    assert capsys.readouterr().err == ""


def test_an_attempt_that_fails_is_logged_and_names_the_log(tmp_path, capsys, caplog):
    def fail():
        raise OSError("no ink")

    assert not attempt("plot forest", tmp_path, fail)
    assert capsys.readouterr().err == f"mi-run: plot forest failed; see {tmp_path / 'run.log'}\n"
    assert "OSError: no ink" in caplog.text
