"""dltk: classic deep-learning recipes for pictures and text.

Axis letters used in every docstring: B batch, H height, W width, C channels, K classes,
D features. Pictures are float32 RGB 0-255, (B, H, W, 3), unless a docstring says otherwise.

`dltk.classify` and its sisters are the recipes of the `recipes` package, imported when touched.
"""

from __future__ import annotations

import importlib

__version__ = "0.1.0"

_RECIPES = {
    name: f"recipes.{name}"
    for name in (
        "classify",
        "features",
        "detect",
        "segment",
        "caption",
        "evaluate",
        "export",
        "finetune",
        "stylize",
        "dream",
        "generate",
        "translate",
    )
}


def __getattr__(name: str):
    if name in _RECIPES:
        return getattr(importlib.import_module(_RECIPES[name]), name)
    raise AttributeError(f"module 'dltk' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *_RECIPES]
