"""Reads the corpora and invents the secrets that they describe."""

from __future__ import annotations

import json
import random
import re
import string
from dataclasses import dataclass
from pathlib import Path

_DATA = Path(__file__).parents[2] / "data" / "redaction"
_ALPHABETS = {
    "hex": "0123456789abcdef",
    "alnum": string.ascii_letters + string.digits,
    "lower": string.ascii_lowercase + string.digits,
    "upper": string.ascii_uppercase + "234567",
    "b64": string.ascii_letters + string.digits + "+/",
    "word": string.ascii_letters + string.digits + "_-",
    "digit": string.digits,
}


@dataclass(frozen=True, slots=True)
class Leak:
    kind: str
    text: str
    secret: str


def leaks(seed: int) -> list[Leak]:
    """Every case of the corpus, with secrets that depend on the seed and nothing else."""
    return _read("secrets.jsonl", seed)


def misses(seed: int) -> list[Leak]:
    """What the redaction leaves; the kind is the reason."""
    return _read("missed.jsonl", seed)


def _read(name: str, seed: int) -> list[Leak]:
    lines = (_DATA / name).read_text(encoding="utf-8").splitlines()
    return [_leak(json.loads(line), _chance(seed, number)) for number, line in enumerate(lines)]


def _chance(seed: int, number: int) -> random.Random:
    return random.Random(f"{seed}/{number}")  # noqa: S311 - invented secrets must be the same in every run


def ordinary_lines() -> list[str]:
    return (_DATA / "ordinary.log").read_text(encoding="utf-8").split("\n")[:-1]


def _leak(case: dict[str, str], chance: random.Random) -> Leak:
    secret = _filled(case["secret"], chance)
    return Leak(case["kind"], _filled(case["line"], chance).replace("{secret}", secret), secret)


def _filled(template: str, chance: random.Random) -> str:
    def invent(marker: re.Match[str]) -> str:
        return "".join(chance.choices(_ALPHABETS[marker["alphabet"]], k=int(marker["length"])))

    return re.sub(r"\{(?P<alphabet>[a-z0-9]+)\*(?P<length>\d+)\}", invent, template).replace("{KEY}", "KEY")
