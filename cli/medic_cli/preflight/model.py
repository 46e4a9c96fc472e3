"""What is about to be deployed, as far as the files tell: apps, branches, roles.

Every text may hold symbols. None means that the files say there is none. An unknown value is an unknown symbol.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from medic_cli.preflight.symbols import ACCOUNT, REGION, partition_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from medic_cli.preflight.symbols import Json


@dataclass(frozen=True, slots=True)
class Place:
    """Where a resource is written."""

    file: str
    address: str
    """The logical id, or Terraform's address."""
    line: int | None = None
    """From 1. None where the format has none, as in a plan."""


@dataclass(frozen=True, slots=True)
class PlannedApp:
    place: Place
    id: str
    new: bool = False
    """True if the app is surely created now, so that no file can know its id."""
    name: str | None = None
    platform: str = "WEB"
    repository: str | None = None
    service_role: str | None = None
    compute_role: str | None = None
    tags: Json = None
    """A mapping, or the text of an unknown symbol."""
    environment: Json = None
    auto_branch_creation: Json = False
    auto_branch_patterns: Json = ()
    account: str = str(ACCOUNT)
    region: str = str(REGION)
    declared: bool = True
    """False for an app that only a branch refers to: nothing is known of it."""

    @property
    def partition(self) -> str:
        return partition_of(self.region)


@dataclass(frozen=True, slots=True)
class PlannedBranch:
    place: Place
    app: str
    """The app's id."""
    name: str
    stage: str = "PRODUCTION"
    compute_role: str | None = None
    takes_compute_role: bool = True
    """False for a resource type without such an argument, which then leaves the branch's role alone."""
    tags: Json = None
    environment: Json = None
    pull_request_previews: Json = False
    account: str = str(ACCOUNT)
    region: str = str(REGION)


@dataclass(frozen=True, slots=True)
class PlannedRole:
    place: Place
    arn: str
    name: str | None
    """None if deploying makes it up."""
    trust: Json
    """The trust policy: an object, or its JSON text."""


@dataclass(frozen=True, slots=True)
class Removal:
    """A role that an app or branch has now and that the plan takes off."""

    place: Place
    what: str
    """compute role, or service role."""
    role: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something that the files do not tell, and that a check would need."""

    place: Place
    what: str
    reason: str


@dataclass(frozen=True, slots=True)
class Gap:
    """A file that could not be read."""

    file: str
    reason: str


@dataclass(frozen=True, slots=True)
class Planned:
    apps: tuple[PlannedApp, ...] = ()
    branches: tuple[PlannedBranch, ...] = ()
    roles: tuple[PlannedRole, ...] = ()
    removals: tuple[Removal, ...] = ()
    unknowns: tuple[Unknown, ...] = ()
    gaps: tuple[Gap, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    """Each file that was read, and its format."""

    def __add__(self, other: Planned) -> Planned:
        return Planned(
            self.apps + other.apps,
            self.branches + other.branches,
            self.roles + other.roles,
            self.removals + other.removals,
            self.unknowns + other.unknowns,
            self.gaps + other.gaps,
            {**self.files, **other.files},
        )
