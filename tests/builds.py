"""Which build is tested: the sources, or what mypyc made of them (docs/design.md)."""

from __future__ import annotations

import pytest

import turtls.connection

IS_COMPILED = not str(turtls.connection.__file__).endswith(".py")
sources_only = pytest.mark.skipif(IS_COMPILED, reason="replaces what compiled code calls without looking it up")
