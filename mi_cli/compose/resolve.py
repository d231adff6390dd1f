"""From what was typed to a config that can be run: plain values and the trials that they come to.

A resolved config says everything itself: sections in place of the names of options, the budget applied. So a run of the
``config.yaml`` that it leaves is the same run. Nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from typing import Any

from mi_cli.compose.axes import (
    drop_replaced_axes,
    leave_out_settings_of_others,
    leave_out_unfit_estimators,
    replace_option_names,
    replace_pair_all,
    share_rows_of_table,
)
from mi_cli.compose.budget import apply_budget
from mi_cli.compose.composer import Composer
from mi_cli.compose.composition_errors import NO_KEYS
from mi_cli.compose.draft import Draft, typed_values
from mi_cli.errors import ConfigError, Fault, counted, listed, shown
from mi_cli.registry.extras import check_tracker
from mi_cli.registry.lookup import names, procedure_class
from mi_cli.search.expansion import Expansion, expand
from mi_cli.search.preparation import prepare, without_replaced_axes
from mi_cli.search.storage import check_storage

__all__ = ["Resolved", "resolve"]

Step = Callable[[Draft], Draft]


@dataclass(frozen=True)
class Resolved:
    """A config that can be run as it stands.

    Args:
        values: the config as plain values.
        expansion: its trials, which are expanded and validated once.
        overrides: what was typed, without Hydra's own settings.
        notices: lines that its user should read.
    """

    values: dict[str, Any]
    expansion: Expansion
    overrides: tuple[str, ...]
    notices: tuple[str, ...] = ()

    def changed(self, **settings: Any) -> Resolved:
        """The same with other top-level settings that no trial's numbers depend on, such as ``threads``."""
        return replace(self, values=self.values | settings, expansion=self.expansion.changed(**settings))


def resolve(overrides: Sequence[str], composer: Composer | None = None) -> Resolved:
    """Compose a config, make it say everything itself, and expand its trials.

    Args:
        overrides: as on the command line; settings of Hydra itself (``hydra.…``) may be among them.
        composer: composes from our configs, unless given.

    Raises:
        ConfigError: one line for each fault.
    """
    source = composer or Composer.of_folder()
    parsed = source.parse(overrides)
    composed = Draft(source.compose(overrides), typed_values(parsed))
    steps: tuple[Step, ...] = (
        check_experiment,
        partial(say_what_runs, has_experiments=bool(source.options("experiment"))),
        refuse_ignored_settings,
        prepare_search,
        drop_replaced_axes,
        settle_search,
        partial(replace_option_names, source=source, overrides=overrides),
        withdraw_trust,
        leave_out_settings_of_others,
        share_rows_of_table,
        apply_budget,
        replace_pair_all,
        leave_out_unfit_estimators,
    )
    draft = reduce(lambda draft, step: step(draft), steps, composed)
    expansion = expand(draft.values)
    if expansion.space is not None:
        check_storage(draft.values["search"]["storage"], plan=draft.values.get("plan") is True)
    check_tracker(draft.values.get("tracker"))
    kept = tuple(override.input_line or "" for override in parsed if not override.is_hydra_override())
    left_out = (f"{note} ({counted(n, 'trial')})" for note, n in expansion.left_out.items())
    return Resolved(dict(draft.values), expansion, kept, (*draft.notices, *left_out))


def check_experiment(draft: Draft) -> Draft:
    """Refuse an experiment whose yaml is not merged into the whole config."""
    if "experiment" not in draft.values:
        return draft
    is_section = isinstance(draft.values["experiment"], Mapping)
    problem = "must begin with the line '# @package _global_'" if is_section else NO_KEYS
    raise ConfigError(Fault("experiment", draft.typed.get("experiment"), f"its yaml {problem}"))


def say_what_runs(draft: Draft, has_experiments: bool) -> Draft:
    """Say what runs where nobody chose an experiment, and there are some to choose from."""
    if draft.typed.get("experiment") or draft.get("name") != "custom" or not has_experiments:
        return draft
    keys = ("procedure", "dataset.name", "estimator.name")
    what = ", ".join(f"{key.removesuffix('.name')}={shown(draft.get(key))}" for key in keys)
    notice = f"no experiment is chosen, so this runs {what} (mi-run lists the experiments)"
    return draft.changed(draft.values, [notice])


def refuse_ignored_settings(draft: Draft) -> Draft:
    """Refuse settings that were typed and that the procedure does not read, such as those of another experiment."""
    name = draft.get("procedure")
    if name not in names("procedure"):  # which the schema reports
        return draft
    faults = []
    for key, value in draft.typed.items():
        setting = key.removeprefix("sweep.")
        if "." in setting and _is_ignored(setting, name):
            others = [other for other in names("procedure") if not _is_ignored(setting, other)]
            faults.append(Fault(key, value, f"procedure={name} does not use it", f"procedure={listed(others)}"))
    if faults:
        raise ConfigError(*faults)
    return draft


def _is_ignored(setting: str, procedure: str) -> bool:
    """Whether a procedure does not read a setting."""
    return any(f"{setting}.".startswith(f"{ignored}.") for ignored in procedure_class(procedure).ignores)


def prepare_search(draft: Draft) -> Draft:
    """Bring a search into the form that is kept; what was typed for its space counts as typed for axes then."""
    prepared = prepare(draft.values, draft.typed)
    return replace(draft.changed(prepared.values, prepared.notices), typed=prepared.given)


def settle_search(draft: Draft) -> Draft:
    """Drop from what a search repeats the axes that are no longer there."""
    return draft.changed(without_replaced_axes(draft.values, draft.typed))


def withdraw_trust(draft: Draft) -> Draft:
    """Set ``trust`` to false: what has been composed is data, and runs again without it."""
    return draft.changed({**draft.values, "trust": False}) if draft.values.get("trust") is True else draft
