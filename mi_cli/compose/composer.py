"""Composing configs with Hydra. Nothing here imports torch."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra._internal.utils import create_config_search_path
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from mi_cli.compose import composition_errors, trust
from mi_cli.compose.hydra_state import own_hydra
from mi_cli.compose.loader import Loader, interpolations_parsed_once
from mi_cli.compose.search_path import register
from mi_cli.compose.typed_words import word_faults
from mi_cli.errors import ConfigError, Fault
from mi_cli.schema.locations import PRIMARY, config_folder

__all__ = ["Composer"]

register()


@dataclass(frozen=True)
class Composer:
    """Composes configs from the yaml files of one search path.

    Args:
        loader: Hydra's loader of these files.
        config_name: the primary config.
        in_job: Hydra runs a job of ours now, and configs are composed as parts of it.
    """

    loader: ConfigLoader
    config_name: str = PRIMARY
    in_job: bool = False

    @classmethod
    def of_folder(cls, config_path: Path | None = None, config_name: str = PRIMARY) -> Composer:
        """A composer of the primary config in a folder; in ours, unless given."""
        with own_hydra():
            search_path = create_config_search_path(str((config_path or config_folder()).absolute()))
            return cls(Loader(search_path), config_name)

    @classmethod
    def of_job(cls, config_name: str = PRIMARY) -> Composer:
        """The composer of the job that Hydra runs now; only for what our own call of Hydra runs."""
        return cls(GlobalHydra.instance().config_loader(), config_name, in_job=True)

    def compose(self, overrides: Sequence[str]) -> dict[str, Any]:
        """The composed config as plain values, without Hydra's own settings.

        Raises:
            ConfigError: it cannot be composed, or names code (see :mod:`mi_cli.compose.trust`).
        """
        with self._explained(overrides):
            return _plain(self.load(overrides))

    def setting(self, path: str, overrides: Sequence[str]) -> Any:
        """One of Hydra's own settings, such as ``hydra.launcher``.

        Raises:
            ConfigError: as for :meth:`compose`.
        """
        with self._explained(overrides):
            node = OmegaConf.select(self.load(overrides, with_hydra=True), path)
            return OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node

    def parse(self, overrides: Sequence[str]) -> list[Override]:
        """The overrides, as Hydra's grammar reads them. Groups must be given one option each.

        Raises:
            ConfigError: one line for each that cannot be read.
        """
        parser = OverridesParser.create(config_loader=self.loader)
        parsed: list[Override] = []
        faults: list[Fault] = []
        unread = [False] * len(overrides)
        for place, text in enumerate(overrides):
            try:
                (override,) = parser.parse_overrides([text])
            except (HydraException, ValueError):
                unread[place] = True
                continue
            if not override.key_or_group:  # as of "=3"
                unread[place] = True
            else:
                parsed.append(override)
                faults += composition_errors.option_faults(override, self.options)
        faults += word_faults(overrides, unread, lambda text: composition_errors.unreadable(text, self.options))
        if faults:
            raise ConfigError(*faults)
        return parsed

    def options(self, group: str) -> list[str]:
        """The options of a group; none where there is no such group, as beside a saved config."""
        return list(self.loader.get_group_options(group))

    def explain(self, error: Exception, overrides: Sequence[str]) -> tuple[Fault, ...]:
        """What is wrong where an error was raised while a config was composed: key, value and what is accepted."""
        return composition_errors.explain(error, overrides, self)

    def load(self, overrides: Sequence[str], with_hydra: bool = False) -> DictConfig:
        """The composed config as Hydra makes it, nothing resolved.

        Raises:
            ConfigError: it names code.
            Exception: whatever Hydra raises.
        """
        with nullcontext() if self.in_job else own_hydra():
            self._check_search_path(overrides)
            with warnings.catch_warnings():
                warnings.filterwarnings("error", message=".*is not available")  # a folder of hydra.searchpath
                config = self.loader.load_configuration(
                    self.config_name, list(overrides), run_mode=RunMode.RUN, from_shell=False
                )
            trust.check(config, overrides)
        if not with_hydra:
            with open_dict(config):
                del config["hydra"]
        return config

    @contextmanager
    def _explained(self, overrides: Sequence[str]) -> Iterator[None]:
        try:
            with (
                nullcontext() if self.in_job else own_hydra(),
                trust.harmless(trust.is_trusted(overrides)),
                interpolations_parsed_once(),
            ):
                yield
        except Exception as error:
            raise ConfigError(*self.explain(error, overrides)) from None

    def _check_search_path(self, overrides: Sequence[str]) -> None:
        """Check the folders that are to be searched. Hydra looks into them while it composes, so this comes before."""
        if trust.is_trusted(overrides):
            return
        typed = trust.typed(overrides).get("hydra.searchpath", "")
        trust.check_search_path(re.findall(r"[^\s'\",\[\]]*://[^\s'\",\[\]]*", typed))
        primary = self.loader.repository.load_config(self.config_name)  # type: ignore[attr-defined]
        if primary is not None and OmegaConf.is_dict(primary.config):
            trust.check_search_path(OmegaConf.select(primary.config, "hydra.searchpath"))


def _plain(config: DictConfig) -> dict[str, Any]:
    values = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    assert isinstance(values, dict)  # noqa: S101 (for the type checker)
    return {str(key): value for key, value in values.items()}
