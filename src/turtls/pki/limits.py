"""Every number that bounds what a peer's chain may cost to judge, each with its reason."""

from __future__ import annotations

from typing import Final

from turtls.errors import Fault
from turtls.pki.errors import Objection

MAX_CHAIN_LENGTH: Final = 10
"""Certificates that a peer may send. Public chains have three or four."""

MAX_SIGNATURE_CHECKS: Final = 100
"""Signatures checked in the search for a path. Many authorities of one name make the number of paths explode; real
chains need one for each certificate."""

MAX_NAME_COMPARISONS: Final = 2**15
"""Names compared with name constraints. The peer chooses how many names there are, and whoever signed for it may
have chosen the constraints; real chains need a few hundred."""


class OutOfBudget(Objection):
    """The chain costs more than any honest one."""


class Budget:
    """What is left to spend on one chain. Spending what is not there raises OutOfBudget."""

    __slots__ = ("_name_comparisons", "_signature_checks")

    def __init__(self) -> None:
        self._signature_checks = MAX_SIGNATURE_CHECKS
        self._name_comparisons = MAX_NAME_COMPARISONS

    def spend_signature_check(self) -> None:
        """Pay for one more signature."""
        self._signature_checks -= 1
        if self._signature_checks < 0:
            raise OutOfBudget(Fault.BAD_CERTIFICATE, "Its certificates can be put in order in too many ways to try.")

    def spend_name_comparisons(self, count: int) -> None:
        """Pay for `count` more names compared with constraints."""
        self._name_comparisons -= count
        if self._name_comparisons < 0:
            raise OutOfBudget(Fault.BAD_CERTIFICATE, "It has more names and name constraints than can be compared.")
