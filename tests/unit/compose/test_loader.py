"""Configs are composed as Hydra composes them, however often, and whatever has changed in the meantime."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra._internal import defaults_list
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.core_plugins.basic_sweeper import BasicSweeperConf
from hydra._internal.utils import create_config_search_path
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_store import ConfigStore
from hydra.errors import ConfigCompositionException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, base

from mi_cli.compose import loader
from mi_cli.compose.hydra_state import own_hydra
from mi_cli.compose.loader import Loader
from mi_cli.schema.locations import config_folder


def compose(kind: type[ConfigLoader], overrides: list[str], folder: Path | None = None) -> DictConfig:
    with own_hydra():
        made = kind(create_config_search_path(str(folder or config_folder())))
        return made.load_configuration("config", overrides, RunMode.RUN, from_shell=False)


def description(node: Any) -> Any:
    """All that OmegaConf knows of a node: its values as written, types and flags."""
    metadata = node._metadata
    known = (type(node), metadata.ref_type, metadata.object_type, metadata.optional, metadata.flags, metadata.key)
    if isinstance(node, DictConfig) and not node._is_none() and not node._is_missing():
        return *known, [(key, description(node._get_node(key))) for key in node]
    return *known, OmegaConf.to_container(node, resolve=False) if OmegaConf.is_config(node) else node._value()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "group").mkdir()
    write(tmp_path / "config.yaml", {"defaults": [{"group": "one"}, "_self_"], "value": 1, "same": "${value}"})
    write(tmp_path / "group" / "one.yaml", {"name": "one"})
    write(tmp_path / "group" / "two.yaml", {"name": "two"})
    return tmp_path


def write(file: Path, values: dict[str, Any]) -> None:
    file.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")


@pytest.mark.parametrize(
    "overrides",
    [
        ["experiment=gaussian_sweep", "budget=smoke", "training.steps=7"],
        ["experiment=cost", "variant=published", "++sweep.seed=[1]", "~plots"],
        ["hydra/job_logging=stdout", "hydra.run.dir=somewhere", "estimator=dv"],
    ],
)
def test_config_is_that_of_hydra_every_time(overrides, monkeypatch):
    for kept in ("_parsed", "_merged"):
        monkeypatch.setattr(loader, kept, loader._Kept())
    expected = description(compose(ConfigLoaderImpl, overrides))
    for _ in range(3):  # parsed, merged, copied
        config = compose(Loader, overrides)
        assert description(config) == expected
        OmegaConf.set_struct(config, False)
        config.estimator.name = config.hydra.job.name = "changed by whoever got it"
    assert loader._merged._pickles


def test_defaults_may_be_interpolations(folder):
    write(folder / "config.yaml", {"defaults": [{"group": "one"}, {"other": "of_${group}"}, "_self_"]})
    (folder / "other").mkdir()
    for name in ("one", "two", "three"):
        write(folder / "other" / f"of_{name}.yaml", {"name": f"of {name}"})
    write(folder / "group" / "three.yaml", {"defaults": ["${other}"], "name": "three"})
    before = defaults_list._create_interpolation_map
    for overrides, expected in ([], "of one"), (["group=two"], "of two"), (["other=of_three"], "of three"):
        config = compose(Loader, overrides, folder)
        assert config.other.name == expected
        assert description(config) == description(compose(ConfigLoaderImpl, overrides, folder))
    typed = ["group=two", "other='of_${group}'"]
    assert description(compose(Loader, typed, folder)) == description(compose(ConfigLoaderImpl, typed, folder))
    for kind in (Loader, ConfigLoaderImpl):
        with pytest.raises(ConfigCompositionException, match="group/of_one"):
            compose(kind, ["group=three", "other=of_one"], folder)
    assert defaults_list._create_interpolation_map is before


def test_loader_composes_the_same_once_and_gives_copies(folder, tmp_path_factory, monkeypatch):
    with own_hydra():
        made = Loader(create_config_search_path(str(folder)))
        expected = description(made.load_configuration("config", ["value=3"], RunMode.RUN, from_shell=False))
        monkeypatch.setattr(ConfigLoaderImpl, "load_configuration", None)
        for _ in range(2):
            config = made.load_configuration("config", ["value=3"], RunMode.RUN, from_shell=False)
            assert description(config) == expected
            config.value = 4
        assert config.same == 4
        for overrides in (["value=4"], []):
            with pytest.raises(TypeError):
                made.load_configuration("config", overrides, RunMode.RUN, from_shell=False)
        monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))  # Hydra keeps in a config where it was composed
        with pytest.raises(TypeError):
            made.load_configuration("config", ["value=3"], RunMode.RUN, from_shell=False)


def test_loader_that_is_sent_to_another_process_takes_nothing_along(folder):
    with own_hydra():
        made = Loader(create_config_search_path(str(folder)))
        made.load_configuration("config", [], RunMode.RUN, from_shell=False)
        sent = pickle.loads(pickle.dumps(made._composed))
    assert made._composed._pickles
    assert not sent._pickles


def test_file_that_changed_is_read_again(folder):
    assert compose(Loader, [], folder).group.name == "one"
    write(folder / "group" / "one.yaml", {"name": "won"})
    assert compose(Loader, [], folder).group.name == "won"
    write(folder / "config.yaml", {"defaults": [{"group": "two"}, "_self_"], "value": 2, "same": "${value}"})
    config = compose(Loader, [], folder)
    assert (config.group.name, config.same) == ("two", 2)


def test_file_that_comes_and_goes_is_noticed(folder):
    with pytest.raises(ConfigCompositionException):
        compose(Loader, ["group=three"], folder)
    write(folder / "group" / "three.yaml", {"name": "three"})
    assert compose(Loader, ["group=three"], folder).group.name == "three"
    (folder / "group" / "three.yaml").unlink()
    with pytest.raises(ConfigCompositionException):
        compose(Loader, ["group=three"], folder)


def test_file_that_cannot_be_parsed_is_refused_every_time(folder):
    (folder / "group" / "one.yaml").write_text("name: [", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(yaml.YAMLError):
            compose(Loader, [], folder)


def test_same_text_elsewhere_is_another_config(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "group").mkdir()
    write(other / "group" / "three.yaml", {"name": "three"})
    elsewhere = f"hydra.searchpath=[file://{other}]"
    assert compose(Loader, ["group=three", elsewhere], folder).group.name == "three"
    with pytest.raises(ConfigCompositionException):
        compose(Loader, ["group=three"], folder)
    (other / "group" / "three.yaml").rename(folder / "group" / "three.yaml")
    for overrides in (["group=three"], ["group=three", elsewhere]):
        assert compose(Loader, overrides, folder).group.name == "three"


def test_schema_of_the_same_name_still_checks_a_config(folder, monkeypatch):
    assert compose(Loader, [], folder).group.name == "one"
    store = ConfigStore.instance()
    monkeypatch.setattr(store, "repo", dict(store.repo))
    store.store(group="group", name="one", node={"name": "one", "more": 1})
    with pytest.warns(UserWarning, match="is validated against ConfigStore schema"):
        assert compose(Loader, [], folder).group.more == 1


def test_schema_whose_class_is_not_that_of_its_name_is_not_kept(folder, monkeypatch):
    """As those of Hydra are in a process that a launcher has started and sent its store to."""
    another = dataclasses.make_dataclass("BasicSweeperConf", [("_target_", str, "another")])
    another.__module__ = BasicSweeperConf.__module__
    compose(Loader, [], folder)
    store = ConfigStore.instance()
    monkeypatch.setattr(store, "repo", copy.deepcopy(store.repo))
    store.store(group="hydra/sweeper", name="basic", node=another, provider="hydra")
    for _ in range(2):
        assert compose(Loader, [], folder).hydra.sweeper._target_ == "another"


def test_schema_that_is_registered_anew_is_another_config(folder, monkeypatch):
    assert compose(Loader, [], folder).hydra.sweeper.max_batch_size is None
    store = ConfigStore.instance()
    monkeypatch.setattr(store, "repo", copy.deepcopy(store.repo))
    for size in (7, 8, 8):
        store.store(group="hydra/sweeper", name="basic", node=BasicSweeperConf(max_batch_size=size), provider="hydra")
        assert compose(Loader, [], folder).hydra.sweeper.max_batch_size == size


def test_interpolation_is_parsed_once():
    config, before = OmegaConf.create({"one": 1, "text": "${one} and ${one}"}), base.parse
    parsed = loader._parse_once.cache_info().misses
    with loader.interpolations_parsed_once():
        assert [config.text for _ in range(3)] == ["1 and 1"] * 3
    assert loader._parse_once.cache_info().misses == parsed + 1
    assert base.parse is before


def test_only_so_much_is_kept(monkeypatch):
    monkeypatch.setattr(loader, "_MOST_KEPT", 2)
    kept = loader._Kept()
    for number in range(5):
        kept.keep(number, [number])
        assert kept.copied(number) == [number]
        assert kept.copied(number) is not kept.copied(number)
    assert [number for number in range(5) if kept.pickled(number)] == [4]
