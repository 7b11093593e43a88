#!/usr/bin/env bash
# Set dltk up if need be, then check the style and run all tests. Arguments go to pytest.
EXTRAS="[test]"
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

.venv/bin/ruff check .
.venv/bin/ruff format --check .
# Two files at a time: more processes would want more memory than many machines have.
.venv/bin/python -m pytest --numprocesses=2 --dist=loadfile --durations=10 "$@"
