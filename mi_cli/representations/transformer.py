"""An encoder as a transformer of scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

from mi_cli.errors import ConfigError, Fault, counted
from mi_cli.fields import Activation
from mi_cli.representations.column_encoder import ColumnEncoder
from mi_cli.representations.kept import KeptEncoder, save_encoder
from mi_cli.representations.objectives.base import Objective
from mi_cli.representations.parameters import checked_parameters, chosen_objective, refuse_absent
from mi_cli.representations.shape import EncoderShape
from mi_cli.representations.training import EncodingTask, fit_encoders
from mi_cli.tabular.columns import Column
from mi_cli.tabular.in_memory import named_columns
from mi_cli.training.context import Context
from mi_cli.training.settings import Training

__all__ = ["InfoMaxEncoder"]

Array: TypeAlias = np.ndarray[Any, Any]

_FEWEST_WITH_VALIDATION = 20  # rows


class InfoMaxEncoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A representation of the rows of a table that is learned from the rows alone.

    Numbers are scaled, classes are one-hot, and missing values have an indicator, all by the rows that are fitted to.
    Columns of text and booleans, in frames of Polars and pandas, are classes.

    Args:
        dim: columns of the code.
        objective: what the encoder is trained to do: a name such as ``"two_view"``, ``"vicreg"`` or ``"autoencoder"``,
            or with its settings, as an objective or as ``{"name": "two_view", "views": "subsets"}``.
        hidden: widths of the hidden layers.
        activation: of the hidden layers.
        steps: of training.
        batch: rows of a step.
        lr: the learning rate, which falls to 0 along a cosine.
        validation: the share of the rows that chooses the best step, where there are 20 rows or more.
        classes: columns of numbers that are classes; ``"auto"`` takes whole numbers with few values for classes. Text
            and booleans always are.
        random_state: of the weights, the order of the rows and all else that is drawn.

    Attributes:
        encoder_: the encoding of columns and the trained network.
        n_features_in_: columns of the rows that were fitted to.
        feature_names_in_: their names, where they have some.

    Example:
        >>> from mi_cli import InfoMaxEncoder
        >>> rows = np.random.default_rng(0).normal(size=(100, 4))
        >>> InfoMaxEncoder(dim=2, steps=10, random_state=0).fit_transform(rows).shape
        (100, 2)
    """

    def __init__(
        self,
        dim: int = 16,
        *,
        objective: str | Mapping[str, Any] | Objective = "two_view",
        hidden: tuple[int, ...] = (64, 64),
        activation: Activation = "gelu",
        steps: int = 1000,
        batch: int = 128,
        lr: float = 2e-3,
        validation: float = 0.1,
        classes: tuple[str, ...] | Literal["auto"] = (),
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.dim = dim
        self.objective = objective
        self.hidden = hidden
        self.activation = activation
        self.steps = steps
        self.batch = batch
        self.lr = lr
        self.validation = validation
        self.classes = classes
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803 (scikit-learn's names)
        """Fit the encoding of columns and train the encoder.

        Args:
            X: rows ``(n, d)``: an array, or a frame of Polars or pandas.
            y: labels ``(n,)`` or ``(n, q)``, for the objective ``"supervised"``; others ignore them.

        Raises:
            ValueError: rows or parameters cannot be used, or training diverged.
        """
        settings, objective = checked_parameters(self.get_params(deep=False)), chosen_objective(self.objective)
        columns = self._columns(X, reset=True)
        refuse_absent(self.classes, columns)
        n = len(next(iter(columns.values())).values)
        seed, train, val = self._split(n, settings.validation)
        encoding = ColumnEncoder.fit(columns, classes=self.classes, select=train)
        encoded = encoding.transform(columns)
        labels = self._labels(objective, y, n)
        task = EncodingTask(
            x=encoded[train],
            groups=encoding.groups,
            x_val=encoded[val],
            y=labels[0][train] if labels else None,
            y_val=labels[0][val] if labels else None,
            classes=labels[1] if labels else None,
            seed=seed,
            lr=settings.lr,
            names=encoding.names,
        )
        shape = EncoderShape(dim=settings.dim, hidden=settings.hidden, activation=settings.activation)
        every = max(1, settings.steps // 20)
        training = Training(
            steps=settings.steps,
            lr=settings.lr,
            batch=settings.batch,
            schedule="cosine",
            validate_every=every,
            log_every=every,
        )
        (network,) = fit_encoders(objective, shape, [task], training, Context(torch.device("cpu")))
        if network.status != "ok":
            raise ValueError(f"training diverged ({network.reason}); accepted: a smaller lr than {self.lr}")
        self.encoder_ = KeptEncoder(encoding, network, objective.model_dump(mode="json"))
        return self

    def transform(self, X: Any) -> Array:  # noqa: N803
        """Codes ``(n, dim)`` of rows.

        Raises:
            NotFittedError: the encoder is not fitted.
            ValueError: the rows have other columns than those that were fitted to.
        """
        check_is_fitted(self)
        columns = self._columns(X, reset=False)
        return self.encoder_.network.codes(self.encoder_.encoding.transform(columns))

    def save(self, folder: str | Path) -> Path:
        """Keep the encoder in ``folder/encoder``, for :func:`mi_cli.load_encoder`; return that folder.

        Raises:
            NotFittedError: the encoder is not fitted.
            OSError: a file cannot be written.
        """
        check_is_fitted(self)
        kept = self.encoder_
        return save_encoder(Path(folder), kept.network, kept.encoding, chosen_objective(self.objective))

    @property
    def _n_features_out(self) -> int:
        return self.encoder_.dim

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        chosen = self.objective
        name = chosen.get("name") if isinstance(chosen, Mapping) else getattr(chosen, "name", chosen)
        tags.target_tags.required = name == "supervised"
        return tags

    def _columns(self, rows: Any, reset: bool) -> dict[str, Column]:
        """The columns of rows by name, whatever the rows are in."""
        if hasattr(rows, "columns") and hasattr(rows, "shape"):
            validate_data(self, rows, reset=reset, skip_check_array=True)
            if rows.shape[0] < 2 and reset:
                raise ValueError(f"{rows.shape[0]} sample(s); accepted: at least 2 rows to fit to")
            return named_columns(rows)
        fewest = 2 if reset else 1
        array = validate_data(
            self, rows, reset=reset, dtype="numeric", ensure_all_finite="allow-nan", ensure_min_samples=fewest
        )
        return named_columns(array)

    def _split(self, n: int, validation: float) -> tuple[int, Array, Array]:
        """A seed, and the rows to train on and to validate on."""
        random = check_random_state(self.random_state)
        seed, order = int(random.randint(2**31 - 1)), random.permutation(n)
        held_out = int(validation * n) if n >= _FEWEST_WITH_VALIDATION else 0
        if n - held_out < 2:
            problem = f"leaves {counted(n - held_out, 'row')} of {n:,} to train on"
            raise ConfigError(Fault("validation", validation, problem, "a share that leaves 2 or more"))
        return seed, np.sort(order[held_out:]), np.sort(order[:held_out])

    @staticmethod
    def _labels(objective: Objective, y: Any, n: int) -> tuple[Array, int | None] | None:
        """Labels, and the number of classes where they are classes; None where the objective needs none."""
        if not objective.learns_from_labels:
            return None
        if y is None:
            raise ValueError(f"objective {objective.name} requires y to be passed, but the target y is None")
        labels = np.asarray(y)
        check_consistent_length(labels, np.empty(n))
        if type_of_target(labels).startswith("continuous"):
            return labels.astype(np.float64), None
        check_classification_targets(labels)
        names, of_rows = np.unique(labels, return_inverse=True)
        return of_rows.reshape(-1), len(names)
