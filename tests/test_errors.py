"""Faults, and the alerts that they end in."""

from __future__ import annotations

import copy
import pickle

from turtls.errors import AlertDescription, Fault, ProtocolError


def test_each_fault_has_an_alert_and_a_sentence() -> None:
    faults = {name: fault for name, fault in vars(Fault).items() if isinstance(fault, Fault)}
    assert len(faults) > 80
    for name, fault in faults.items():
        assert fault.name == name
        assert repr(fault) == f"Fault.{name}"
        assert fault.alert in AlertDescription
        assert fault.sentence.endswith(".")


def test_there_is_one_of_each_fault() -> None:
    error = ProtocolError(Fault.WRONG_ALPN, "h2")
    for copied in (copy.copy(error), copy.deepcopy(error), pickle.loads(pickle.dumps(error))):
        assert copied.fault is Fault.WRONG_ALPN
        assert str(copied) == str(error) == f"{Fault.WRONG_ALPN.sentence} (h2)"
