"""What all commands have in common."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.commands import Turtls
from turtls import __version__
from turtls.ca import Authority
from turtls.cli import frame
from turtls.cli.frame import COMMANDS
from turtls.cli.output import ExitCode, printable, report
from turtls.config import Role, VerificationRequest
from turtls.errors import ConfigError, Fault, ProtocolError
from turtls.pki import CertificateError, TrustStore, WebVerifier

MAIN = "import sys; from turtls.cli import main; sys.exit(main())"


def run(program: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A Python program in a process of its own."""
    command = [sys.executable, "-W", "error", "-c", program, *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, env=os.environ | environment, timeout=60, check=False
    )


def test_help_lists_every_command_and_imports_none(turtls: Turtls) -> None:
    ended = turtls("--help")
    assert ended.code == 0
    for name in COMMANDS:
        assert name in ended.out
    modules = run(
        "import sys; from turtls.cli import frame; sys.argv = ['turtls', '--help']; frame.run();"
        "print('MODULES', *sys.modules)"
    ).stdout.partition("MODULES")[2]
    assert "turtls.cli.frame" in modules
    assert "cryptography" not in modules
    assert not any(f"turtls.cli.{name}" in modules.split() for name in COMMANDS)


@pytest.mark.parametrize(
    "command",
    [
        [],
        *([name] for name in COMMANDS),
        ["ca", "init"],
        ["ca", "issue"],
        ["ca", "list"],
        ["ca", "revoke"],
        ["ca", "root"],
        ["trust", "install"],
        ["trust", "uninstall"],
        ["trust", "status"],
    ],
)
def test_each_help_ends_with_an_example(turtls: Turtls, command: list[str]) -> None:
    for option in ("--help", "-h"):
        ended = turtls(*command, option)
        assert ended.code == 0
        examples = ended.out.partition("Example")[2].split("\n")[1:]
        assert examples[0].strip().startswith(" ".join(["turtls", *command]))


def test_it_says_its_version(turtls: Turtls) -> None:
    assert turtls("--version").out == f"turtls {__version__}\n"


@pytest.mark.parametrize("arguments", [["srve"], ["--nonsense"], ["ca", "issue"], ["ca", "issue", "a", "--days", "x"]])
def test_a_wrong_command_line_is_told_with_code_2(turtls: Turtls, arguments: list[str]) -> None:
    ended = turtls(*arguments)
    assert ended.code == ExitCode.USAGE
    assert "Usage: turtls" in ended.err
    assert ended.out == ""


def test_a_mistyped_command_is_guessed(turtls: Turtls) -> None:
    assert "Did you mean 'trust'?" in turtls("trsut").err


def test_a_failure_is_one_paragraph_on_stderr(turtls: Turtls) -> None:
    ended = turtls("ca", "list")
    assert ended.code == ExitCode.FAILURE
    assert ended.out == ""
    assert ended.err.endswith("`turtls ca init` makes one.\n")
    assert ended.err.count("\n") == 1


def test_what_the_system_refuses_is_told_without_a_traceback(turtls: Turtls, tmp_path: Path) -> None:
    turtls("ca", "init")
    ended = turtls("ca", "root", "--out", tmp_path / "nowhere" / "root.pem")
    assert ended.code == ExitCode.FAILURE
    assert "No such file or directory" in ended.err
    assert "Traceback" not in ended.err


def test_ctrl_c_ends_with_code_130(turtls: Turtls, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    turtls("ca", "init")
    monkeypatch.setattr(Authority, "list", interrupt)
    ended = turtls("ca", "list")
    assert (ended.code, ended.out) == (ExitCode.INTERRUPTED, "")
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("arguments", [["ca", "list"], ["ca", "list", "--json"], ["ca", "root"], ["--help"]])
def test_a_reader_who_goes_away_is_no_error_to_tell(turtls: Turtls, tmp_path: Path, arguments: list[str]) -> None:
    turtls("ca", "init")
    reader, writer = os.pipe()
    os.close(reader)
    try:
        ended = subprocess.run(
            [sys.executable, "-W", "error", "-c", MAIN, *arguments],
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(writer)
    assert ended.stderr == ""


def test_colours_can_be_refused(turtls: Turtls) -> None:
    turtls("ca", "init")
    assert "\x1b[32m" in run(MAIN, "ca", "list", FORCE_COLOR="1", TERM="xterm").stdout
    assert "\x1b[32m" not in run(MAIN, "ca", "list", FORCE_COLOR="1", TERM="xterm", NO_COLOR="1").stdout
    assert "\x1b" not in run(MAIN, "ca", "list").stdout


@pytest.mark.parametrize("package", ["typer", "rich", "platformdirs"])
def test_what_all_commands_need_is_named_with_its_extra(package: str) -> None:
    ended = run(f"import sys; sys.modules['{package}'] = None; sys.argv[1:] = ['ca', 'list']; {MAIN}")
    assert ended.returncode == 1
    assert ended.stderr == f'The command needs the package "{package}": pip install "turtls[cli]"\n'


def test_what_one_command_needs_is_named_too(turtls: Turtls, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ModuleNotFoundError("No module named 'h2'", name="h2.events")

    monkeypatch.setattr(frame, "run", fail)
    ended = turtls("serve")
    assert ended.code == 1
    assert ended.err == 'The command needs the package "h2": pip install "turtls[all]"\n'


def test_a_missing_part_of_turtls_itself_is_no_missing_extra() -> None:
    ended = run(f"import sys; sys.modules['turtls.ca'] = None; sys.argv[1:] = ['ca', 'list']; {MAIN}")
    assert "ModuleNotFoundError" in ended.stderr
    assert "pip install" not in ended.stderr


def test_untrusted_text_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert printable("ünïcode \x1b[31m\n\u202e") == "ünïcode \\x1b[31m\\n\\u202e"
    assert report(ConfigError("a [bold]name[/bold] \x1b]0;x\x07")) is ExitCode.FAILURE
    assert capsys.readouterr().err == "a [bold]name[/bold] \\x1b]0;x\\x07\n"


def test_an_untrusted_certificate_has_an_exit_code_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trusted, other = Authority.init(tmp_path / "trusted"), Authority.init(tmp_path / "other")
    request = VerificationRequest(
        role=Role.SERVER,
        untrusted_chain=other.credential_for(["localhost"]).chain,
        server_name="localhost",
        now=time.time(),
    )
    with pytest.raises(CertificateError) as caught:
        WebVerifier(TrustStore.from_pem(trusted.root_pem)).verify(request)
    assert report(caught.value) is ExitCode.UNTRUSTED
    assert caught.value.advice in capsys.readouterr().err.split("\n")
    assert report(ProtocolError(Fault.BAD_FINISHED)) is ExitCode.HANDSHAKE


def test_json_is_for_programs(turtls: Turtls) -> None:
    turtls("ca", "init", "--name", "Zoë's lab")
    ended = turtls("ca", "list", "--json")
    assert [record["names"] for record in json.loads(ended.out)] == [["Zoë's lab"]] * 2
