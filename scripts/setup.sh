# Sourced by demo.sh and test.sh: goes to the repository's root, makes .venv if it is not there,
# and installs dltk into it, with the extras named in $EXTRAS.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PYTHON=""
for candidate in python3 python3.13 python3.12 python3.11; do
    if command -v "$candidate" >/dev/null &&
        "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then
        PYTHON=$candidate
        break
    fi
done
if [ ! -x .venv/bin/python ]; then
    if [ -z "$PYTHON" ]; then
        echo "error: Python 3.11, 3.12 or 3.13 is needed" >&2
        exit 1
    fi
    if ! "$PYTHON" -m venv .venv; then
        rm -rf .venv
        echo "error: cannot make a virtual environment; on Debian or Ubuntu: sudo apt install python3-venv" >&2
        exit 1
    fi
fi

# Installed again only when what is to be installed has changed.
mark=.venv/installed${EXTRAS:-}
if [ ! -f "$mark" ] || [ pyproject.toml -nt "$mark" ]; then
    echo "installing dltk and what it needs into .venv (about 3 GB with TensorFlow) ..."
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable ".${EXTRAS:-}"
    touch "$mark"
fi
