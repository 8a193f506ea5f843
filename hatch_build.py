"""The compiled wheel: mypyc makes C of the core's hot modules, from the same sources, for those who ask for it:

HATCH_BUILD_HOOK_ENABLE_CUSTOM=1 pip install .
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = Path("src", "turtls")
COMPILED = (
    "connection.py",
    "handshake/*.py",
    "quic/carrier.py",
    "quic/connection.py",
    "record/*.py",
    "wire/extension_table.py",
    *(f"crypto/{name}.py" for name in ("aead", "groups", "hashes", "key_schedule", "prf", "suites")),
)
"""What connections go through again and again, and the classes under these."""
SOURCES_STAY = ("handshake/peer.py", "handshake/proofs.py")
"""Where tests and fuzzers stand in for the other side. They pass on, and have no work to be done faster."""


class CompiledWheel(BuildHookInterface[Any]):
    """Puts extension modules beside the sources they were made of; Python takes the former."""

    def dependencies(self) -> list[str]:
        """What compiling needs: mypyc, what turns C into extension modules, and what the sources import."""
        return ["mypy>=2.4", "setuptools", *self.metadata.core.dependencies]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, unless the sources are to be used where they are."""
        if version == "editable":
            return
        work = Path(self.root, "build", "compiled")
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["force_include"] |= {
            str(module): str(module.relative_to(work / "lib")) for module in _compile(Path(self.root), work)
        }


def _compile(root: Path, work: Path) -> list[Path]:
    """The extension modules, in `work`: one for each source, and the library that they share."""
    from mypyc.build import mypycify  # not there unless this is asked for
    from setuptools import Distribution

    os.chdir(root)
    sources = {path for pattern in COMPILED for path in PACKAGE.glob(pattern) if path.name != "__init__.py"}
    sources -= {PACKAGE / name for name in SOURCES_STAY}
    extensions = mypycify(
        sorted(map(str, sources)),
        opt_level="2",
        debug_level="0",
        multi_file=True,
        target_dir=str(work / "c"),
        group_name="turtls",  # names the shared library
    )
    command = Distribution({"name": "turtls", "ext_modules": extensions}).get_command_obj("build_ext")
    command.build_lib, command.build_temp, command.parallel = str(work / "lib"), str(work / "o"), os.cpu_count()
    command.ensure_finalized()
    command.run()
    return [Path(output) for output in command.get_outputs()]
