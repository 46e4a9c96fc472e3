"""Everything that a check-up read, each with how it was read. The checks get nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from medic.aws.clients import OutdatedBotocoreError
from medic.evidence import Unreadable
from medic_cli.doctor.model import aws_command

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from medic.evidence import Item, Role, RolePolicies
    from medic.settings import Settings
    from medic_cli.doctor.rights import Denial, Question
    from medic_cli.doctor.template import Json, Place, Resource
    from medic_cli.scan.model import Scan

RAN, OUTDATED = "WatcherRan", OutdatedBotocoreError.__name__
"""What a function writes to its log: at the end of a run, and if botocore is too old to start.

The wheel leaves out the module `telemetry`, which names the first.
"""
_NOT_ASKED = Unreadable("it was not read")


@dataclass(frozen=True, slots=True)
class StackState:
    """What CloudFormation says about the stack."""

    name: str
    status: str
    drift: str
    """NOT_CHECKED, IN_SYNC, DRIFTED or UNKNOWN, as the last detection found it."""
    drift_at: datetime | None
    unfinished: tuple[str, ...]
    """Resources in a state other than complete, such as `Alerts: CREATE_FAILED`."""
    missing: tuple[str, ...]
    """Logical ids that the template has and the stack has not."""


@dataclass(frozen=True, slots=True)
class Facts:
    place: Place
    read_at: datetime
    stack: StackState
    settings: Settings
    """The settings that were deployed."""
    default_role: str
    """The ARN of the stack's default compute role."""
    resources: tuple[Resource, ...]
    reads: Mapping[tuple[str, str], Item[Json]]
    """Answers of AWS by action and physical id, such as `events:DescribeRule`."""
    inline: Mapping[tuple[str, str], Item[Json]] = field(default_factory=dict)
    """Documents of inline policies, by role and policy name."""
    rights: Mapping[Question, Item[tuple[Denial, ...]]] = field(default_factory=dict)
    """What the simulator does not allow."""
    secrets: Mapping[str, Item[str]] = field(default_factory=dict)
    """What is wrong with the form of each secret; empty if nothing is. Never the secret."""
    roles: Mapping[str, Item[Role]] = field(default_factory=dict)
    """The compute roles and service roles that the bot may set, by ARN."""
    policies: Mapping[str, Item[RolePolicies]] = field(default_factory=dict)
    """Their policies, by role name."""
    scan: Item[Scan] = _NOT_ASKED
    """All apps and branches, as `medic scan` sees them."""
    streams: Item[tuple[str, ...]] = _NOT_ASKED
    """The names of the newest streams of SSR logs, each as `group: stream`."""

    def of_type(self, type_: str) -> Iterator[Resource]:
        return (each for each in self.resources if each.type == f"AWS::{type_}")

    def read(self, action: str, name: str) -> Item[Json]:
        return self.reads.get((action, name), _NOT_ASKED)

    def command(self, text: str, **flags: Any) -> str:  # noqa: ANN401 - see aws_command
        """A command of the AWS CLI for the stack's region."""
        return aws_command(self.place.region, text, **flags)
