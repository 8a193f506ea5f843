"""The story of a connection: what its observer saw, in order, each step with who did it and when."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from turtls.errors import AlertDescription
from turtls.events import AlertSeen, HandshakeMessageSeen, KeysInstalled, SecretDerived, StepTaken, Trace
from turtls.explain.chapters import Chapters
from turtls.explain.fields import Field, fields
from turtls.explain.words import MESSAGES, STEPS, Words
from turtls.wire.messages import Certificate, CertificateVerify, CompressedCertificate, HandshakeMessage
from turtls.wire.messages12 import Certificate12
from turtls.wire.registries import SignatureScheme

Side = Literal["client", "server"]

_MOST_STEPS = 200
"""A handshake has about thirty; what a long-lived connection does later (KeyUpdates, tickets) need not be kept."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: a message from `side`, or something that `side`, the one who watches, did on its own."""

    seconds: float
    """Since the first step."""
    side: Side
    trace: Trace
    chapter: str = ""
    """The part of the handshake it belongs to, by the name that people know it by."""

    @property
    def message(self) -> HandshakeMessageSeen | None:
        """The message, if the step is one."""
        return self.trace if isinstance(self.trace, HandshakeMessageSeen) else None

    @property
    def fields(self) -> tuple[Field, ...]:
        """The message's fields, if the step is one."""
        seen = self.message
        return fields(type(seen.message), seen.raw) if seen is not None else ()

    @property
    def name(self) -> str:
        """What the RFC calls it."""
        match self.trace:
            case HandshakeMessageSeen(message=message):
                return type(message).__name__.rstrip("12")  # some have another declaration in TLS 1.2 and 1.1
            case KeysInstalled(level=level):
                return f"{level} keys"
            case SecretDerived(label=label):
                return label
            case AlertSeen(alert=alert):
                return f"alert {alert.name.lower() if isinstance(alert, AlertDescription) else alert}"
            case StepTaken(step=step):
                return step
        return type(self.trace).__name__

    @property
    def words(self) -> Words:
        """The step in plain words."""
        match self.trace:
            case HandshakeMessageSeen(message=message):
                return MESSAGES.get(type(message).__name__, Words(self.name, ""))
            case KeysInstalled(direction=direction, cipher_suite=suite, why=why):
                verb = "encrypts what it sends" if direction == "sent" else "decrypts what it receives"
                return Words(f"The {self.side} {verb} with its {self.name}", f"{suite}: {why}")
            case SecretDerived(label=label, length=length, why=why):
                return Words(f"The {self.side} derives {label}", f"{length} bytes: {why}")
            case AlertSeen():
                return Words(f"The {self.side} sends the {self.name}", "")
            case StepTaken(explanation=explanation):
                return Words(STEPS.get(self.name, self.name), explanation)
        return Words(self.name, "")

    def as_json(self) -> dict[str, Any]:
        """The step as plain values, bytes in hex."""
        title, sentence = self.words
        plain: dict[str, Any] = {
            "milliseconds": round(self.seconds * 1000, 3),
            "side": self.side,
            "chapter": self.chapter,
            "kind": type(self.trace).__name__,
            "name": self.name,
            "title": title,
            "sentence": sentence,
        }
        if (seen := self.message) is not None:
            plain |= {"encrypted": seen.encrypted, "bytes": seen.raw.hex()}
            plain["fields"] = [field.as_json() for field in self.fields]
        elif isinstance(self.trace, StepTaken) and self.trace.details:
            plain["details"] = {key: str(value) for key, value in self.trace.details.items()}
        return plain


class Story:
    """The observer of one connection; `me` says which side of it watches, `on_step` is called with each step."""

    def __init__(
        self,
        me: Side,
        *,
        on_step: Callable[[Step], None] | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._me: Side = me
        self._peer: Side = "server" if me == "client" else "client"
        self._on_step = on_step
        self._clock = clock
        self._chapters = Chapters()
        self._began: float | None = None
        self.steps: list[Step] = []

    def __call__(self, trace: Trace) -> None:
        """Take down what happened now."""
        if len(self.steps) >= _MOST_STEPS:
            return
        now = self._clock()
        if self._began is None:
            self._began = now
        came = isinstance(trace, (HandshakeMessageSeen, AlertSeen)) and trace.direction == "received"
        step = Step(now - self._began, self._peer if came else self._me, trace, self._chapters.chapter(trace))
        self.steps.append(step)
        if self._on_step is not None:
            self._on_step(step)

    @property
    def messages(self) -> list[Step]:
        """The steps that are messages."""
        return [step for step in self.steps if step.message is not None]

    def certificates(self, side: Side) -> list[bytes]:
        """The certificates that side sent, DER, leaf first; none in a resumed session. Nobody has checked them here."""
        chain: list[bytes] = []
        for message in self._sent(side):
            # There is none in what could not be unpacked.
            shown = getattr(message, "certificate", None) if isinstance(message, CompressedCertificate) else message
            if isinstance(shown, Certificate):
                chain += [entry.cert_data for entry in shown.certificate_list]
            elif isinstance(shown, Certificate12):
                chain += shown.certificate_list
        return chain

    def signature_scheme(self, side: Side) -> SignatureScheme | None:
        """How that side signed the handshake; None if it did not."""
        for message in self._sent(side):
            if isinstance(message, CertificateVerify):
                return message.algorithm
        return self._server_signature12() if side == "server" else None

    def _server_signature12(self) -> SignatureScheme | None:
        """Up to TLS 1.2 the signature is a part of ServerKeyExchange, and not always there (RFC 5246, 7.4.3)."""
        for step in self.steps:
            if isinstance(step.trace, StepTaken) and "server_scheme" in step.trace.details:
                scheme: SignatureScheme | None = step.trace.details["server_scheme"]
                return scheme
        return None

    def _sent(self, side: Side) -> list[HandshakeMessage]:
        return [seen.message for step in self.steps if step.side == side and (seen := step.message) is not None]
