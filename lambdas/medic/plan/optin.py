"""Opting in: what the tags on a branch and app ask for, held against what the deployer allows. Tags never grant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medic.plan.model import RebuildTag
from medic.settings import Mode, Pairing, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

AUTO_FIX = "amplify-medic:auto-fix"
COMPUTE_ROLE = "amplify-medic:compute-role"
REBUILD = "amplify-medic:rebuild"
CHANNEL = "amplify-medic:channel"
SERVICE_ROLE = "amplify-medic:service-role"
IGNORE = "ignore"

_ORDER = (Mode.REPORT, Mode.ASK, Mode.FIX)


@dataclass(frozen=True, slots=True)
class OptIn:
    """How far the bot may go on one branch, and why."""

    mode: Mode
    ignored: bool
    note: str
    """Why this mode; names an unknown tag value."""
    rebuild: RebuildTag


@dataclass(frozen=True, slots=True)
class RoleChoice:
    """The role the settings and tags choose; `arn` is None where they choose none, and `note` says why."""

    arn: str | None
    note: str
    named_by_tag: bool = False
    branch_paired: bool = False
    """True if exactly this branch is paired with the role, not just its app."""


def read_opt_in(settings: Settings, tags: Mapping[str, str]) -> OptIn:
    """The effective mode: the lower of the stack's mode and the branch's tag; no tag or an unknown value reports."""
    value = tags.get(AUTO_FIX)
    rebuild = _rebuild_tag(tags.get(REBUILD))
    if value is None:
        return OptIn(Mode.REPORT, ignored=False, note=f"the branch has no tag {AUTO_FIX}", rebuild=rebuild)
    if value == IGNORE:
        return OptIn(Mode.REPORT, ignored=True, note=f"the branch's tag {AUTO_FIX} says ignore", rebuild=rebuild)
    if value not in list(Mode):
        note = f"the branch's tag {AUTO_FIX} has the unknown value {value[:64]!r}: taken as report"
        return OptIn(Mode.REPORT, ignored=False, note=note, rebuild=rebuild)
    mode = min(Mode(value), settings.mode, key=_ORDER.index)
    held_back = "" if mode == value else f", and the stack's mode is {settings.mode}"
    return OptIn(mode, ignored=False, note=f"the branch's tag {AUTO_FIX} says {value}{held_back}", rebuild=rebuild)


def _rebuild_tag(value: str | None) -> RebuildTag:
    if value is None:
        return RebuildTag.AUTO
    return RebuildTag(value) if value in list(RebuildTag) else RebuildTag.NO


def choose_compute_role(
    settings: Settings, default_role_arn: str, app_id: str, branch: str, tags: Mapping[str, str]
) -> RoleChoice:
    """The compute role a branch may get: the one its tag names among those paired with it, else the only one paired.

    Where none is paired it is the stack's default role. Several and no tag: none, and the note names them.
    """
    paired = [pairing for pairing in settings.compute_roles if pairing.covers(app_id, branch)]
    default_apps = settings.default_role.apps
    default = Pairing(default_role_arn, default_apps or (app_id,))
    choosable = [*paired, default] if default.covers(app_id, branch) else paired
    wanted = tags.get(COMPUTE_ROLE)
    if wanted is not None:
        return _named(wanted, choosable, app_id, branch)
    if len(paired) > 1:
        names = ", ".join(pairing.role_arn for pairing in paired)
        return RoleChoice(
            None, f"several roles are paired with this branch: set the tag {COMPUTE_ROLE} to one: {names}"
        )
    if not choosable:
        return RoleChoice(None, "no compute role is paired with this app, and the default role is not for it")
    chosen = choosable[0]
    note = "the role paired with this app" if paired else "the stack's default role: none is paired with this app"
    return RoleChoice(chosen.role_arn, note, branch_paired=_names_branch(chosen, settings, app_id, branch))


def _named(wanted: str, choosable: list[Pairing], app_id: str, branch: str) -> RoleChoice:
    matches = [p for p in choosable if wanted in (p.role_arn, p.role_arn.rsplit("/", 1)[-1])]
    if len(matches) != 1:
        why = "names no role" if not matches else "names several roles"
        return RoleChoice(None, f"the branch's tag {COMPUTE_ROLE} {why} paired with this app: {wanted[:200]!r}")
    note = f"the paired role that the branch's tag {COMPUTE_ROLE} names"
    branch_paired = matches[0].names_branch(app_id, branch)
    return RoleChoice(matches[0].role_arn, note, named_by_tag=True, branch_paired=branch_paired)


def _names_branch(chosen: Pairing, settings: Settings, app_id: str, branch: str) -> bool:
    return chosen in settings.compute_roles and chosen.names_branch(app_id, branch)


def choose_service_role(settings: Settings, app_id: str, branch: str, app_tags: Mapping[str, str]) -> RoleChoice:
    """The service role an app may get: only the one its own tag names, among those paired with it for that purpose."""
    wanted = app_tags.get(SERVICE_ROLE)
    if wanted is None:
        return RoleChoice(None, f"the app has no tag {SERVICE_ROLE}")
    paired = [pairing for pairing in settings.service_roles if pairing.covers(app_id, branch)]
    matches = [p for p in paired if wanted in (p.role_arn, p.role_arn.rsplit("/", 1)[-1])]
    if len(matches) != 1:
        return RoleChoice(None, f"the app's tag {SERVICE_ROLE} names no role paired with it: {wanted[:200]!r}")
    note = f"the paired role that the app's tag {SERVICE_ROLE} names"
    branch_paired = matches[0].names_branch(app_id, branch)
    return RoleChoice(matches[0].role_arn, note, named_by_tag=True, branch_paired=branch_paired)
