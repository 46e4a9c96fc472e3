"""The values that only deploying decides, tried out: a finding counts if it holds whatever they are.

A world gives each of them one value: one that nothing in the files names, or one that a trust policy names. A pattern
in a trust policy counts as a value too, because it matches itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice, product
from typing import TYPE_CHECKING, TypeAlias

from medic_cli.preflight.symbols import ACCOUNT, PARTITION, REGION, Kind, Symbol, is_plain, symbols_in, texts_in

if TYPE_CHECKING:
    from medic_cli.preflight.model import Planned, PlannedApp

World: TypeAlias = Mapping[Symbol, str]

MAX_WORLDS = 256
_ACCOUNT_ID = re.compile(r"(?<![0-9])[0-9]{12}(?![0-9])")
_ARN_PARTS = 6
_UNNAMED = {ACCOUNT: "009999999900", REGION: "preflight-region-1", PARTITION: "aws"}


def branch_symbol(address: str) -> Symbol:
    """The name of a branch that the files do not tell."""
    return Symbol(Kind.BRANCH, address)


def worlds(planned: Planned, apps: tuple[PlannedApp, ...]) -> tuple[tuple[World, ...], bool]:
    """Every combination of values, first the one in which nothing is named in a trust policy.

    Returns:
        The combinations, and True if these are all. Of more than 256, only the first is given.
    """
    names = dict(_role_names(planned))
    named = _named(planned)
    used = set(_symbols(planned, apps))
    candidates = {symbol: [value, *named[symbol.kind]] for symbol, value in _UNNAMED.items() if symbol in used}
    for number, app in enumerate(apps):
        for symbol in symbols_in(app.id):
            candidates[symbol] = [f"dpreflight{number}", *([] if app.new else named[Kind.APP])]
    for number, branch in enumerate(planned.branches):
        if not is_plain(branch.name):
            candidates[branch_symbol(branch.place.address)] = [f"preflight-branch-{number}", *named[Kind.BRANCH]]
    candidates = {symbol: list(dict.fromkeys(values)) for symbol, values in candidates.items()}
    found = tuple(islice(_combinations(candidates, names), MAX_WORLDS + 1))
    return (found, True) if len(found) <= MAX_WORLDS else (found[:1], False)


def _symbols(planned: Planned, apps: tuple[PlannedApp, ...]) -> Iterator[Symbol]:
    for app in apps:
        yield from symbols_in([app.account, app.region, app.partition, app.service_role, app.compute_role])
    for branch in planned.branches:
        yield from symbols_in(branch.compute_role)
    for role in planned.roles:
        yield from symbols_in([role.arn, role.trust])


def _combinations(candidates: Mapping[Symbol, list[str]], names: World) -> Iterator[World]:
    for values in product(*candidates.values()):
        world = dict(zip(candidates, values, strict=True))
        ids = [value for symbol, value in world.items() if symbol.kind is Kind.APP]
        if len(set(ids)) == len(ids):  # two apps never have one id
            yield {**names, **world}


def _role_names(planned: Planned) -> Iterator[tuple[Symbol, str]]:
    """The name of each role; one that stands for itself if deploying makes the name up."""
    for number, role in enumerate(planned.roles):
        for symbol in symbols_in(role.arn):
            if symbol.kind is Kind.ROLE:
                yield symbol, role.name if role.name and is_plain(role.name) else f"preflight-role-{number}"


def _named(planned: Planned) -> Mapping[Kind, list[str]]:
    """The accounts, regions, partitions, apps and branches that the trust policies and role ARNs name."""
    named: dict[Kind, list[str]] = {kind: [] for kind in Kind}
    for role in planned.roles:
        for text in texts_in(role.trust):
            _read(text, named)
    roles = [role for app in planned.apps for role in (app.service_role, app.compute_role)]
    roles += [branch.compute_role for branch in planned.branches]
    for arn in filter(None, roles):
        _read(arn, named)
    return named


def _read(text: str, named: dict[Kind, list[str]]) -> None:
    named[Kind.ACCOUNT] += _ACCOUNT_ID.findall(text)
    if text.startswith("{"):  # a policy as JSON text
        for quoted in re.findall(r'"([^"]{1,2048})"', text):
            _read(quoted, named)
        return
    named[Kind.ACCOUNT] += _account_like(text)
    parts = text.split(":", _ARN_PARTS - 1)
    if parts[0] != "arn" or len(parts) < 3:  # noqa: PLR2004 - arn, partition and service
        return
    partition, region, account, resource = parts[1], *(*parts[3:], "", "", "")[:3]
    named[Kind.ACCOUNT] += _account_like(account)
    app, _, branch = resource.partition("apps/")[2].partition("/branches/")
    names = {
        Kind.PARTITION: partition, Kind.REGION: region, Kind.APP: app.partition("/")[0], Kind.BRANCH: branch,
    }  # fmt: skip
    for kind, name in names.items():
        if name and is_plain(name):
            named[kind].append(name)


def _account_like(pattern: str) -> list[str]:
    """An account id that a pattern such as `1234*` matches."""
    stem = pattern.replace("?", "0")
    account = stem.replace("*", "0" * max(0, 13 - len(stem)), 1).replace("*", "")
    return [account] if "0" <= pattern[:1] <= "9" and _ACCOUNT_ID.fullmatch(account) else []


def readable(text: str, world: World) -> str:
    """The text with a description in place of each value that was made up for it."""
    for symbol, value in sorted(world.items(), key=lambda item: -len(item[1])):
        if symbol.kind in _DESCRIPTIONS and ("preflight" in value or value == _UNNAMED[ACCOUNT]):
            text = text.replace(value, f"<{described(symbol)}>")
    return text


_DESCRIPTIONS = {
    Kind.ACCOUNT: "account",
    Kind.REGION: "region",
    Kind.APP: "id of {}",
    Kind.ROLE: "name of {}",
    Kind.BRANCH: "name of {}",
}


def described(symbol: Symbol) -> str:
    """Such as `account` or `id of WebApp`."""
    return _DESCRIPTIONS.get(symbol.kind, symbol.kind.value).format(symbol.name.rpartition("#")[2])
