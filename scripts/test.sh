#!/usr/bin/env bash
# Set dltk up if need be, then check the style and run all tests. Arguments go to pytest.
EXTRAS="[test]"
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/python -m pytest --durations=10 "$@"
