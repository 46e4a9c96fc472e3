"""The policy of an actor session: it allows exactly one branch or app, and exactly one role.

A session policy only narrows what the actor role allows. What it names comes from the scope, never from an answer of
AWS.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from msgspec import Struct

from medic.plan.optin import AUTO_FIX, modes_that_change
from medic.records import replace

if TYPE_CHECKING:
    from medic.events import Scope

MOST_CHARACTERS = 2048
"""The longest session policy. https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html"""

_NOT_TAKEN = re.compile(r"[^\t\n\r\x20-\xff]")
"""Characters that STS does not take in a policy (same page). As a JSON escape they mean the same."""
_PATTERNS = ("*", "?", "${")


class ActorScope(Struct, frozen=True):
    reference: str
    """The incident's id. It becomes part of the role session name, which CloudTrail shows."""
    scope: Scope
    """The branch. The session may update it, and rebuild it."""
    role_arn: str = ""
    """The role that may be passed to Amplify; empty if none is set."""
    repairs_app: bool = False
    """True for a service-role repair. The session may then update the app instead of the branch."""
    approved: bool = False
    """True if a person asked for the change. Then the branch may also be tagged `ask`."""

    def covers(self, wanted: ActorScope) -> bool:
        """True if this session may do all that the wanted one may do, and at most pass a role besides."""
        same_role = replace(
            wanted, role_arn=wanted.role_arn or self.role_arn, approved=wanted.approved or self.approved
        )
        return same_role == self


def session_policy(actor: ActorScope) -> str:
    """The policy as JSON.

    IAM compares the raw name of a branch, though the request path holds it percent-encoded. Where the two differ, both
    are named, if they fit: https://github.com/aws-samples/aws-cdk-amplify-with-waf/issues/6
    """
    raw = actor.scope.branch_arn
    encoded = f"{actor.scope.app_arn}/branches/{quote(actor.scope.branch, safe='')}"
    both = _as_text(_policy(actor, list(dict.fromkeys((raw, encoded)))))
    return both if len(both) <= MOST_CHARACTERS else _as_text(_policy(actor, [raw]))


def why_no_session(actor: ActorScope) -> str | None:
    """Why no session can be limited to this scope; None if one can."""
    if any(token in actor.scope.branch for token in _PATTERNS):
        return "the branch's name holds *, ? or ${, which a session policy would read as a pattern"
    length = len(session_policy(actor))
    if length > MOST_CHARACTERS:
        most = f"{length:,} characters of {MOST_CHARACTERS:,}"
        return f"the branch's name is too long: with it the session policy has {most}"
    return None


def _policy(actor: ActorScope, branches: list[str]) -> dict[str, object]:
    # The tag's owner may change `fix` to `ask` after the bot has read it. IAM compares the tag at the time of the call.
    modes = modes_that_change(approved=actor.approved)
    update: dict[str, object] = {
        "Effect": "Allow",
        "Action": "amplify:UpdateBranch",
        "Resource": branches,
        "Condition": {"StringEquals": {f"aws:ResourceTag/{AUTO_FIX}": modes}},
    }
    if actor.repairs_app:
        update = {"Effect": "Allow", "Action": "amplify:UpdateApp", "Resource": actor.scope.app_arn}
    rebuild = {"Effect": "Allow", "Action": "amplify:StartJob", "Resource": [f"{each}/jobs/*" for each in branches]}
    statements = [update, rebuild]
    if actor.role_arn:  # neither detaching a role nor a rebuild passes one
        statements.append({"Effect": "Allow", "Action": "iam:PassRole", "Resource": actor.role_arn})
    return {"Version": "2012-10-17", "Statement": statements}


def _as_text(policy: dict[str, object]) -> str:
    text = json.dumps(policy, separators=(",", ":"), ensure_ascii=False)
    return _NOT_TAKEN.sub(lambda found: json.dumps(found[0])[1:-1], text)
