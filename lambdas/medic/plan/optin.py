"""Reads the opt-in tags of branch and app, within what the settings allow. A tag can only choose among paired roles.

Otherwise anyone who may tag a branch and push to it could take any role through the bot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from medic.plan.model import RebuildTag
from medic.settings import Mode, Pairing, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

AUTO_FIX = "amplify-medic:auto-fix"
COMPUTE_ROLE = "amplify-medic:compute-role"
REBUILD = "amplify-medic:rebuild"
CHANNEL = "amplify-medic:channel"
SERVICE_ROLE = "amplify-medic:service-role"
IGNORE = "ignore"

_MODES_ASCENDING = (Mode.REPORT, Mode.ASK, Mode.FIX)


def modes_that_change(*, approved: bool) -> list[Mode]:
    """The modes in which the bot may change a branch: `ask` only if a person approved it."""
    return [Mode.FIX, Mode.ASK] if approved else [Mode.FIX]


class OptIn(Struct, frozen=True):
    """How far the bot may go on one branch."""

    mode: Mode
    """The effective mode."""
    ignored: bool
    """True if the tag says `ignore`: the bot does not even report."""
    note: str
    """Why this mode. It quotes an unknown tag value."""
    rebuild: RebuildTag


class RoleChoice(Struct, frozen=True):
    """The role that settings and tags choose for a branch or app."""

    arn: str | None
    """None if they choose no role."""
    note: str
    """Why this role, or why none."""
    named_by_tag: bool = False
    branch_paired: bool = False
    """True if the settings pair the role with exactly this branch, not just with its app."""


def read_opt_in(settings: Settings, tags: Mapping[str, str]) -> OptIn:
    """The effective mode: the lower of the stack's mode and the branch's tag. A missing or unknown tag means report.

    An unknown value of the rebuild tag means no.
    """
    value = tags.get(AUTO_FIX)
    rebuild = _rebuild_tag(tags.get(REBUILD))
    if value is None:
        return OptIn(Mode.REPORT, ignored=False, note=f"the branch has no tag {AUTO_FIX}", rebuild=rebuild)
    if value == IGNORE:
        return OptIn(Mode.REPORT, ignored=True, note=f"the branch's tag {AUTO_FIX} says ignore", rebuild=rebuild)
    if value not in list(Mode):
        note = f"the branch's tag {AUTO_FIX} has the unknown value {value[:64]!r}: taken as report"
        return OptIn(Mode.REPORT, ignored=False, note=note, rebuild=rebuild)
    mode = min(Mode(value), settings.mode, key=_MODES_ASCENDING.index)
    limit = "" if mode == value else f", and the stack's mode is {settings.mode}"
    return OptIn(mode, ignored=False, note=f"the branch's tag {AUTO_FIX} says {value}{limit}", rebuild=rebuild)


def _rebuild_tag(value: str | None) -> RebuildTag:
    if value is None:
        return RebuildTag.AUTO
    return RebuildTag(value) if value in list(RebuildTag) else RebuildTag.NO


def choose_compute_role(
    settings: Settings, default_role_arn: str, app_id: str, branch: str, tags: Mapping[str, str]
) -> RoleChoice:
    """The compute role that the bot may set on a branch.

    The branch's tag names one of the paired roles, or the stack's default role. Without the tag it is the only paired
    role, or the default role if none is paired. If several are paired, none is chosen, and the note lists them.
    """
    paired = [pairing for pairing in settings.compute_roles if pairing.covers(app_id, branch)]
    choosable = compute_pairings(settings, default_role_arn, app_id, branch)
    wanted = tags.get(COMPUTE_ROLE)
    if wanted is not None:
        matches = _matching(wanted, choosable)
        if len(matches) != 1:
            why = "names several roles" if matches else "names no role"
            return RoleChoice(None, f"the branch's tag {COMPUTE_ROLE} {why} paired with this app: {wanted[:200]!r}")
        return _named_by_tag(matches[0], f"the branch's tag {COMPUTE_ROLE}", app_id, branch)
    if len(paired) > 1:
        names = ", ".join(pairing.role_arn for pairing in paired)
        return RoleChoice(
            None, f"several roles are paired with this branch: set the tag {COMPUTE_ROLE} to one: {names}"
        )
    if paired:
        branch_paired = paired[0].names_branch(app_id, branch)
        return RoleChoice(paired[0].role_arn, "the role paired with this app", branch_paired=branch_paired)
    if not choosable:
        return RoleChoice(None, "no compute role is paired with this app, and the default role is not for it")
    return RoleChoice(default_role_arn, "the stack's default role: none is paired with this app")


def choose_service_role(settings: Settings, app_id: str, branch: str, app_tags: Mapping[str, str]) -> RoleChoice:
    """The service role that the bot may set on an app: the paired role that the app's tag names, or none."""
    wanted = app_tags.get(SERVICE_ROLE)
    if wanted is None:
        return RoleChoice(None, f"the app has no tag {SERVICE_ROLE}")
    matches = _matching(wanted, service_pairings(settings, app_id, branch))
    if len(matches) != 1:
        return RoleChoice(None, f"the app's tag {SERVICE_ROLE} names no role paired with it: {wanted[:200]!r}")
    return _named_by_tag(matches[0], f"the app's tag {SERVICE_ROLE}", app_id, branch)


def choose_previous_role(role_arn: str, pairings: Sequence[Pairing], app_id: str, branch: str) -> RoleChoice:
    """The role that was set before a change, if it is among the pairings that cover the branch today."""
    pairing = next((pairing for pairing in pairings if pairing.role_arn == role_arn), None)
    if pairing is None:
        return RoleChoice(None, f"the settings do not pair {role_arn} with this branch")
    return RoleChoice(role_arn, "the role is paired", branch_paired=pairing.names_branch(app_id, branch))


def compute_pairings(settings: Settings, default_role_arn: str, app_id: str, branch: str) -> list[Pairing]:
    """The pairings of compute roles that cover a branch; the last one may be that of the stack's default role."""
    paired = [pairing for pairing in settings.compute_roles if pairing.covers(app_id, branch)]
    default = Pairing(default_role_arn, settings.default_role.apps or (app_id,))
    return [*paired, default] if default.covers(app_id, branch) else paired


def service_pairings(settings: Settings, app_id: str, branch: str) -> list[Pairing]:
    return [pairing for pairing in settings.service_roles if pairing.covers(app_id, branch)]


def _matching(wanted: str, pairings: list[Pairing]) -> list[Pairing]:
    """The pairings whose role has this ARN or name."""
    return [pairing for pairing in pairings if wanted in (pairing.role_arn, pairing.role_arn.rsplit("/", 1)[-1])]


def _named_by_tag(pairing: Pairing, tag: str, app_id: str, branch: str) -> RoleChoice:
    branch_paired = pairing.names_branch(app_id, branch)
    return RoleChoice(
        pairing.role_arn, f"the paired role that {tag} names", named_by_tag=True, branch_paired=branch_paired
    )
