"""Fuzzing: what a peer, a file or a word may hold, tried without end by atheris. `make fuzz SECONDS=60` runs it.

A *target* is a plain function of some bytes (`fuzz.targets`). It returns if turtls did as it should, and raises if not:
an exception that has no business there, or a check of the target's own. `fuzz.run` looks for bytes that make it raise;
tests/fuzz replays what was found before, without atheris.
"""
