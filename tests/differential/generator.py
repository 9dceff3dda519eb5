"""Random Ignition configs aimed at a furnished root (see ``furnish``).

About two thirds stay with what Ignition accepts; the others take risks: existing nodes without
``overwrite``, unknown owners, ids that are taken, directories where a file should be.
"""

from __future__ import annotations

import random
from typing import Any

from tests.differential.draws import Draws, present
from tests.differential.generated_accounts import draw_passwd
from tests.differential.generated_nodes import Nodes
from tests.differential.generated_references import refer
from tests.differential.generated_units import draw_units

SPECS = ("3.0.0", "3.1.0", "3.2.0", "3.3.0")
#: What only a newer Ignition than Debian's knows.
NEWER_SPECS = ("3.4.0", "3.5.0", "3.6.0")


def random_config(seed: int, number: int, *, newest: bool = False) -> dict[str, Any]:
    """The config with this number of this seed.

    :param newest: for the newest Ignition: also specs, and special mode bits, that 2.14 lacks.
    """
    source = random.Random(f"{seed}/{number}")
    specs = SPECS + NEWER_SPECS if newest else SPECS
    draws = Draws(source, spec=source.choice(specs), risky=source.random() < 0.35)
    groups, users = draw_passwd(draws)
    config: dict[str, Any] = {
        "ignition": {"version": draws.spec},
        **present(
            {
                "passwd": present({"groups": groups, "users": users}),
                "storage": Nodes(draws, groups, users, newest=newest).storage(),
                "systemd": present({"units": draw_units(draws)}),
            }
        ),
    }
    return refer(draws, config)
