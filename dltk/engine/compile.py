"""Compile a network to LiteRT. Run as a process of its own: `python -m dltk.engine.compile OUT`.

The specification comes on standard input as JSON. TensorFlow's memory and its chatter end with
the process. A DltkError is answered as JSON on standard output, for the parent to raise again.
"""

from __future__ import annotations

import json
import os
import sys


def main() -> int:
    """Compile what standard input describes; return the exit code."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    from dltk.errors import DltkError
    from dltk.models.build import NetworkSpec, build_output

    try:
        model = build_output(NetworkSpec(**json.load(sys.stdin)))
        model.export(sys.argv[1], format="litert", verbose=False)
    except DltkError as error:
        print(json.dumps({"error": str(error), "kind": type(error).__name__}))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
