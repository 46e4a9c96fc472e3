"""`replace` for records: a copy with other values in some fields. Pure."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # msgspec's own type accepts any argument; of this one, mypy checks names and types
    from dataclasses import replace
else:
    from msgspec.structs import replace

__all__ = ["replace"]
