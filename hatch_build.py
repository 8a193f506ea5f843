"""The compiled wheel: mypyc makes C of the core's hot modules, from the same sources, for those who ask for it:

HATCH_BUILD_HOOK_ENABLE_CUSTOM=1 pip install .
"""

from __future__ import annotations

import ast
import contextlib
import os
import shutil
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = Path("src", "turtls")
COMPILED = (
    "connection.py",
    "events.py",
    "handshake/*.py",
    "quic/carrier.py",
    "quic/connection.py",
    "quic/keys.py",
    "record/*.py",
    *(f"wire/{name}.py" for name in ("codec", "extension_table", "extensions", "messages", "messages12", "v2_hello")),
    *(f"crypto/{name}.py" for name in ("aead", "groups", "hashes", "key_schedule", "prf", "suites")),
)
"""What connections go through again and again, and the classes under these."""
SOURCES_STAY = ("handshake/peer.py", "handshake/proofs.py")
"""Where tests and fuzzers stand in for the other side. They pass on, and have no work to be done faster."""

_DIRECT_CALLS = ["-fvisibility=hidden", "-fno-plt"]
"""For gcc and clang: functions of the same library need no detour. It is worth 2 % of a handshake."""


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

    sources = _write_out_structs(root, work)
    with contextlib.chdir(work):
        extensions = mypycify(
            sorted(map(str, sources)),
            opt_level="2",
            debug_level="0",
            multi_file=True,
            target_dir="c",
            group_name="turtls",  # names the shared library
        )
        if sys.platform == "linux":
            for extension in extensions:
                extension.extra_compile_args += _DIRECT_CALLS
        command = Distribution({"name": "turtls", "ext_modules": extensions}).get_command_obj("build_ext")
        command.build_lib, command.build_temp, command.parallel = str(work / "lib"), "o", os.cpu_count()
        command.ensure_finalized()
        command.run()
    return [Path(output) for output in command.get_outputs()]


# ------------------------------------------------------------------------------------------- structs
#
# What a metaclass makes at import, mypyc cannot compile. So each declaration of a struct (wire/structs.py) is replaced
# by the class it stands for, in a copy of the sources:
#
#     class KeyShareEntry(Struct):
#         group: NamedGroup = code_point(NamedGroup)
#
# becomes
#
#     _KeyShareEntry_group: Final[Codec[NamedGroup]] = code_point(NamedGroup)
#     class KeyShareEntry(Structure):
#         group: NamedGroup
#         def __init__(self, *, group: NamedGroup) -> None:
#             self.group = group
#         def encode(self) -> bytes:
#             return _KeyShareEntry_group.encode(self.group)
#         @staticmethod
#         def decode_from(data: bytes, position: int) -> tuple[KeyShareEntry, int]:
#             group, position = _KeyShareEntry_group.decode_from(data, position)
#             return KeyShareEntry(group=group), position


def _write_out_structs(root: Path, work: Path) -> set[Path]:
    """Copies the package to `work`, with its structs written out; what is to be compiled of it, relative to `work`."""
    shutil.rmtree(work / "src", ignore_errors=True)
    shutil.copytree(root / PACKAGE, work / PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "pyproject.toml", work)
    sources = {path for pattern in COMPILED for path in (work / PACKAGE).glob(pattern) if path.name != "__init__.py"}
    sources -= {work / PACKAGE / name for name in SOURCES_STAY}
    texts = {path: path.read_text(encoding="utf-8") for path in sources}
    modules = {path: ast.parse(text) for path, text in texts.items()}
    structs = _structs(list(modules.values()))
    for path, module in modules.items():
        if not structs.isdisjoint(module.body):
            path.write_text(_written_out(texts[path], module, structs), encoding="utf-8")
    return {path.relative_to(work) for path in sources}


def _structs(modules: list[ast.Module]) -> set[ast.stmt]:
    """The classes that derive from Struct, and those that derive from these."""
    classes = [node for module in modules for node in module.body if isinstance(node, ast.ClassDef)]
    names, found = {"Struct"}, 0
    while found < len(names):
        found = len(names)
        names |= {node.name for node in classes if any(ast.unparse(base) in names for base in node.bases)}
    return {node for node in classes if node.name in names}


def _written_out(text: str, module: ast.Module, structs: set[ast.stmt]) -> str:
    """The source of a module with its structs written out."""
    source = text.splitlines()
    lines = []
    for node in module.body:
        if isinstance(node, ast.ImportFrom) and node.module == "turtls.wire.structs":
            lines += ["from typing import Any, ClassVar, Final", "from turtls.wire.codec import Codec, Structure"]
        elif isinstance(node, ast.ClassDef) and node in structs:
            lines += _written_out_struct(source, node)
        else:
            lines += _lines(source, node)
    return "\n".join(lines) + "\n"


def _lines(source: list[str], node: ast.stmt) -> list[str]:
    """As they were written: what mypy is told in comments holds there, too."""
    decorators = node.decorator_list if isinstance(node, ast.FunctionDef | ast.ClassDef) else []
    return source[min([node.lineno, *(decorator.lineno for decorator in decorators)]) - 1 : node.end_lineno]


class _Field(NamedTuple):
    """A line of a declaration: `name: annotation = specifier`."""

    name: str
    annotation: str
    specifier: str
    default: str | None
    on_the_wire: bool

    @classmethod
    def of(cls, node: ast.stmt) -> _Field | None:
        """The field that this is; None if it is anything else."""
        if not (isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Call)):
            return None
        default = next((ast.unparse(word.value) for word in node.value.keywords if word.arg == "default"), None)
        specifier = ast.unparse(node.value)
        on_the_wire = not specifier.startswith("beside(")
        return cls(ast.unparse(node.target), ast.unparse(node.annotation), specifier, default, on_the_wire)


def _written_out_struct(source: list[str], declared: ast.ClassDef) -> Iterator[str]:
    name, base = declared.name, ast.unparse(declared.bases[0])
    fields = [field for node in declared.body if (field := _Field.of(node)) and field.on_the_wire]
    yield from (f"_{name}_{field.name}: Final[Codec[{field.annotation}]] = {field.specifier}" for field in fields)
    yield f"class {name}({'Structure' if base == 'Struct' else base}):"
    is_abstract = False
    for node in declared.body:
        if field := _Field.of(node):
            beside = f" = {field.default}" if field.default and not field.on_the_wire else ""
            yield f" {field.name}: {field.annotation}{beside}"
        elif isinstance(node, ast.FunctionDef) and node.name == "__init_subclass__":
            is_abstract = True  # what it does for classes is written out: their keywords become class variables
        else:
            yield from textwrap.indent(textwrap.dedent("\n".join(_lines(source, node))), " ").splitlines()
    if not is_abstract:
        yield from (f" {keyword.arg}: ClassVar = {ast.unparse(keyword.value)}" for keyword in declared.keywords)
        yield from textwrap.indent("\n".join(_methods(name, fields)), " ").splitlines()


def _methods(struct: str, fields: list[_Field]) -> Iterator[str]:
    codecs = ", ".join(f"'{field.name}': _{struct}_{field.name}" for field in fields)
    arguments = [f"{field.name}: {field.annotation}{f' = {field.default}' * bool(field.default)}" for field in fields]
    yield f"__fields__: ClassVar[dict[str, Codec[Any]]] = {{{codecs}}}"
    yield f"def __init__({', '.join(['self', '*', *arguments] if fields else ['self'])}) -> None:"
    yield from (f" self.{field.name} = {field.name}" for field in fields)
    yield " return"
    yield "def encode(self) -> bytes:"
    yield " return " + (" + ".join(f"_{struct}_{field.name}.encode(self.{field.name})" for field in fields) or "b''")
    yield "@staticmethod"
    yield f"def decode_from(data: bytes, position: int) -> tuple[{struct}, int]:"
    yield from (f" {field.name}, position = _{struct}_{field.name}.decode_from(data, position)" for field in fields)
    yield f" return {struct}({', '.join(f'{field.name}={field.name}' for field in fields)}), position"
