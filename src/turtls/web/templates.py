"""HTML from templates, each page whole in itself: nothing is loaded from elsewhere, and no script is needed."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from turtls.web.http import Headers

_STYLE = resources.files("turtls.web").joinpath("templates", "style.css").read_text("utf-8")
_STYLE_HASH = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

PAGE_HEADERS: Headers = [
    (
        b"content-security-policy",
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'".encode(),
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]
"""What goes with each page. There is no Strict-Transport-Security: it would bind every port of the host, and for most
that is localhost, where other servers speak plain HTTP."""


def _size(count: int | None) -> str:
    """A number of bytes for a person."""
    if count is None:
        return ""
    amount, unit = float(count), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{count} B" if unit == "B" else f"{amount:.1f} {unit}"


_environment = Environment(
    loader=PackageLoader("turtls.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.globals["style"] = Markup(_STYLE)  # noqa: S704 - a file of ours
_environment.filters["size"] = _size


def render(template: str, **values: Any) -> bytes:
    """The template of that name, filled in."""
    return _environment.get_template(template).render(values).encode()
