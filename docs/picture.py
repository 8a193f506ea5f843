"""Draws what a terminal shows as a picture (SVG), from standard input to standard output.

turtls serve --name localhost &
FORCE_COLOR=1 COLUMNS=92 turtls connect localhost:8443 2>&1 < /dev/null | sed /Safe:/q |
    python docs/picture.py "turtls connect localhost:8443" > docs/handshake.svg
"""

from __future__ import annotations

import io
import sys

from rich.console import Console
from rich.text import Text

# Rich's own format, without the fonts that it would have the reader's browser load from elsewhere.
FORMAT = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" class="rich-terminal">
<style>
.{unique_id}-matrix, .{unique_id}-title {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace }}
.{unique_id}-matrix {{ font-size: {char_height}px; line-height: {line_height}px }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""

text = Text.from_ansi(sys.stdin.read().rstrip())
console = Console(record=True, width=max(map(len, text.plain.split("\n"))), file=io.StringIO())
console.print(text)
sys.stdout.write(console.export_svg(title=sys.argv[1], code_format=FORMAT, unique_id="turtls"))
