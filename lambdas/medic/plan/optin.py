"""Reads the opt-in tags of branch and app, within what the settings allow. A tag can only choose among paired roles.

Otherwise anyone who may tag a branch and push to it could take any role through the bot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from medic.labels import ActionKind
from medic.plan.model import RebuildTag
from medic.settings import Mode, Pairing, Settings

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


class PairedRoles(Struct, frozen=True):
    """The roles that the settings pair with a branch and its app, and the choice among them."""

    settings: Settings
    default_role_arn: str
    app_id: str
    branch: str

    def choose_compute(self, tags: Mapping[str, str]) -> RoleChoice:
        """The compute role that the bot may set on the branch.

        The branch's tag names one of the paired roles, or the stack's default role. Without the tag it is the only
        paired role, or the default role if none is paired. If several are paired, none is chosen, and the note lists
        them.
        """
        paired, choosable = self._covering(self.settings.compute_roles), self._compute
        wanted = tags.get(COMPUTE_ROLE)
        if wanted is not None:
            matches = _matching(wanted, choosable)
            if len(matches) != 1:
                why = "names several roles" if matches else "names no role"
                return RoleChoice(None, f"the branch's tag {COMPUTE_ROLE} {why} paired with this app: {wanted[:200]!r}")
            note = f"the paired role that the branch's tag {COMPUTE_ROLE} names"
            return self._chosen(matches[0], note, named_by_tag=True)
        if len(paired) > 1:
            names = ", ".join(pairing.role_arn for pairing in paired)
            return RoleChoice(
                None, f"several roles are paired with this branch: set the tag {COMPUTE_ROLE} to one: {names}"
            )
        if paired:
            return self._chosen(paired[0], "the role paired with this app")
        if not choosable:
            return RoleChoice(None, "no compute role is paired with this app, and the default role is not for it")
        return RoleChoice(self.default_role_arn, "the stack's default role: none is paired with this app")

    def choose_service(self, app_tags: Mapping[str, str]) -> RoleChoice:
        """The service role that the bot may set on the app: the paired role that the app's tag names, or none."""
        wanted = app_tags.get(SERVICE_ROLE)
        if wanted is None:
            return RoleChoice(None, f"the app has no tag {SERVICE_ROLE}")
        matches = _matching(wanted, self._service)
        if len(matches) != 1:
            return RoleChoice(None, f"the app's tag {SERVICE_ROLE} names no role paired with it: {wanted[:200]!r}")
        return self._chosen(matches[0], f"the paired role that the app's tag {SERVICE_ROLE} names", named_by_tag=True)

    def choose_previous(self, kind: ActionKind, role_arn: str) -> RoleChoice:
        """The role that was set before a change, if it is paired today."""
        pairings = self._compute if kind is ActionKind.ATTACH_COMPUTE else self._service
        pairing = next((pairing for pairing in pairings if pairing.role_arn == role_arn), None)
        if pairing is None:
            return RoleChoice(None, f"the settings do not pair {role_arn} with this branch")
        return self._chosen(pairing, "the role is paired")

    @property
    def _compute(self) -> list[Pairing]:
        """The pairings of compute roles; the last one may be that of the stack's default role."""
        default = Pairing(self.default_role_arn, self.settings.default_role.apps or (self.app_id,))
        return self._covering((*self.settings.compute_roles, default))

    @property
    def _service(self) -> list[Pairing]:
        return self._covering(self.settings.service_roles)

    def _covering(self, pairings: Iterable[Pairing]) -> list[Pairing]:
        return [pairing for pairing in pairings if pairing.covers(self.app_id, self.branch)]

    def _chosen(self, pairing: Pairing, note: str, *, named_by_tag: bool = False) -> RoleChoice:
        branch_paired = pairing.names_branch(self.app_id, self.branch)
        return RoleChoice(pairing.role_arn, note, named_by_tag=named_by_tag, branch_paired=branch_paired)


def _matching(wanted: str, pairings: list[Pairing]) -> list[Pairing]:
    """The pairings whose role has this ARN or name."""
    return [pairing for pairing in pairings if wanted in (pairing.role_arn, pairing.role_arn.rsplit("/", 1)[-1])]
