"""Reads the strings below the fields of a class, which Python itself does not keep."""

from __future__ import annotations

import ast
import inspect
import sys
from functools import cache
from itertools import pairwise
from typing import Any


@cache
def descriptions(type_: Any) -> dict[str, str]:
    """The strings below the fields of a type and of its bases, and by "" its own docstring."""
    try:
        body = ast.parse(inspect.getsource(type_)).body[0]
    except OSError:
        return {}  # made by a call of TypedDict, not by a class statement
    assert isinstance(body, ast.ClassDef)
    found: dict[str, str] = {}
    for base in body.bases:
        if isinstance(base, ast.Name) and base.id != "TypedDict":
            found |= descriptions(vars(sys.modules[type_.__module__])[base.id])
    found[""] = ast.get_docstring(body) or ""
    for field, after in pairwise(body.body):
        if isinstance(field, ast.AnnAssign) and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            assert isinstance(field.target, ast.Name)
            found[field.target.id] = str(after.value.value)
    return {name: text for name, text in found.items() if text}
