"""Units of information: nats inside, bits where they are asked for."""

from __future__ import annotations

import math
import re
from typing import Any, Literal, TypeAlias

from mi_cli.errors import ConfigError, Fault, listed

__all__ = ["SCALES", "Units", "check_units", "scaled", "text_in"]

Units: TypeAlias = Literal["nats", "bits"]

SCALES = {"nats": 1.0, "bits": 1 / math.log(2)}  # factors from nats

_NATS = re.compile(r"(-?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?) nats")


def check_units(units: str) -> None:
    """Raise ConfigError unless ``units`` is ``nats`` or ``bits``."""
    if units not in SCALES:
        raise ConfigError(Fault("units", units, accepted=listed(SCALES)))


def scaled(value: Any, scale: float) -> Any:
    """A number or an array times a factor; None stays None."""
    return None if value is None else value * scale


def text_in(units: str, text: str) -> str:
    """A remark with its numbers of nats in other units, with four digits.

    >>> text_in("bits", "estimate capped at ln 1000: 1000 product samples cannot support 9.2 nats")
    'estimate capped at ln 1000: 1000 product samples cannot support 13.27 bits'
    """
    if units == "nats":
        return text
    return _NATS.sub(lambda found: f"{float(found[1].replace(',', '')) * SCALES[units]:.4g} {units}", text)
