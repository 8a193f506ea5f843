"""The example in docs/quic.md runs as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.interop.pki import PKI

GUIDE = (Path(__file__).parents[2] / "docs" / "quic.md").read_text(encoding="utf-8")


def test_the_example(tmp_path: Path) -> None:
    pki = PKI(tmp_path)
    files = pki.files()
    (tmp_path / "chain.pem").write_bytes(files.certificate.read_bytes())
    (tmp_path / "key.pem").write_bytes(files.key.read_bytes())
    (tmp_path / "root.pem").write_bytes(pki.authority.root.read_bytes())
    [program] = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    run = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (run.stdout, run.stderr) == ("h3 X25519MLKEM768\n", "")
