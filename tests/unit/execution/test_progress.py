"""What trials leave in the folder of a run."""

from examples import SMALL, trials, values
from runs import run_config

from mi_cli.execution.progress import RunProgress
from mi_cli.execution.workers import StackResult
from mi_cli.procedures.base import Outcome
from mi_cli.procedures.estimate import Estimate

FILES = {"encoder/encoder.json": b"{}", "encoder/other/weights.safetensors": bytes(8)}


def progress(folder, *, files=FILES):
    """The progress of a run of two trials, of which the first is recorded."""
    folder.mkdir(parents=True, exist_ok=True)
    expanded = trials(SMALL, {"seed": [0, 1]})
    made = RunProgress(folder, expanded, ["seed"])
    made.record(StackResult([Outcome(expanded[0], {"mine": {"status": "ok"}}, files=files)], 1.0, {}))
    return made


def test_files_of_a_trial_are_written_with_it(tmp_path):
    progress(tmp_path)
    for path, contents in FILES.items():
        assert (tmp_path / path).read_bytes() == contents


def test_files_of_jobs_are_collected_beside_those_of_the_run(tmp_path):
    of_job = tmp_path / "shards" / "0"
    progress(of_job, files={"critic/critic.json": b"1"})
    (of_job / "other").mkdir()
    own = progress(tmp_path)
    own.collect_files(of_job)
    assert (tmp_path / "critic" / "critic.json").read_bytes() == b"1"
    assert (tmp_path / "encoder" / "encoder.json").exists()
    assert not (tmp_path / "other").exists()


def test_trials_that_keep_files_are_not_taken_from_earlier_runs(tmp_path, monkeypatch, capsys):
    root = tmp_path / trials(SMALL)[0].config.name
    for name in ("a", "b", "c"):
        (root / name).mkdir(parents=True)
        if name == "c":
            monkeypatch.setattr(Estimate, "keeps_files", lambda self, config: True)
        assert run_config(values(SMALL, output_root=str(tmp_path)), root / name) == 0
        printed = "".join(capsys.readouterr())
        assert ("are taken from" in printed) == (name == "b")
