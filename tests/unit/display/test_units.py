"""Units of information."""

from __future__ import annotations

import pytest

from mi_cli.display.units import SCALES, check_units, text_in
from mi_cli.errors import ConfigError


def test_a_bit_is_a_fair_coin():
    assert 0.6931471805599453 * SCALES["bits"] == pytest.approx(1.0)


def test_numbers_in_remarks_are_converted():
    assert text_in("bits", "2 nats of -0.5 nats, in 3 rows and 1,000 nats") == (
        "2.885 bits of -0.7213 bits, in 3 rows and 1443 bits"
    )
    assert text_in("nats", "2.000 nats") == "2.000 nats"


def test_other_units_are_refused():
    with pytest.raises(ConfigError, match=r"^units=bans: must be nats or bits"):
        check_units("bans")
