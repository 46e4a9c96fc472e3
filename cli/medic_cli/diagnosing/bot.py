"""What the bot would do: the deployed stack's settings and the branch's tags, held against the diagnosis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from medic.aws.errors import AbsentError, DeniedError
from medic.diagnosis.model import Phase
from medic.diagnosis.roles import service_role_verdict
from medic.evidence.model import Absent, Item, Present, RolePolicies, Unreadable
from medic.plan.decide import Occasion, RepairQuestion, decide
from medic.plan.guardrails import Question
from medic.plan.optin import RoleChoice, choose_compute_role, choose_service_role, read_opt_in
from medic.settings import Settings
from medic_cli.diagnosing.report import BotView

if TYPE_CHECKING:
    from medic.aws.iam import IamReader
    from medic.diagnosis.model import Diagnosis
    from medic.evidence.gather import Deployment
    from medic.evidence.model import Evidence
    from medic.plan.model import Plan
    from medic_cli.stack import DeployedStack

_UNKNOWN = RoleChoice(None, "the deployed stack's settings, which pair roles with apps, were not read")


@dataclass(frozen=True, slots=True)
class Choices:
    """The roles that the settings and the tags choose."""

    compute: RoleChoice
    service: RoleChoice


@dataclass(frozen=True, slots=True)
class Bot:
    """The bot's side of a diagnosis."""

    stack: DeployedStack | None
    """None: its settings are not read."""
    iam: Callable[[], IamReader]

    def choices(self, deployment: Deployment) -> Choices:
        """The roles the bot would set on this branch and app."""
        app, branch, scope = deployment.app, deployment.branch, deployment.scope
        if self.stack is None or not (isinstance(app, Present) and isinstance(branch, Present)):
            return Choices(_UNKNOWN, _UNKNOWN)
        runtime = self.stack.runtime
        tags = branch.value.tags
        return Choices(
            choose_compute_role(runtime.settings, runtime.default_role_arn, scope.app_id, scope.branch, tags),
            choose_service_role(runtime.settings, scope.app_id, scope.branch, app.value.tags),
        )

    def view(self, evidence: Evidence, diagnosis: Diagnosis, choices: Choices, now: datetime) -> BotView | None:
        """How far it may go, and what it would do; None where app or branch could not be read."""
        app, branch = evidence.app, evidence.branch
        if not (isinstance(app, Present) and isinstance(branch, Present)):
            return None
        settings = self.stack.runtime.settings if self.stack else Settings()
        opt_in = read_opt_in(settings, branch.value.tags)
        if settings.apps and evidence.app_id not in settings.apps:
            return BotView("the stack's settings list the apps it looks at, and this is none of them", None)
        if self.stack is None or opt_in.ignored:
            return BotView(opt_in.note, None)
        question = Question(
            settings=settings,
            evidence=evidence,
            diagnosis=diagnosis,
            app=app.value,
            branch=branch.value,
            opt_in=opt_in,
            choice=choices.compute,
            asked_at=now,
            nudged_at=now,
            # What the bot remembers of the branch is its own business: it is asked for by `medic fix`.
            cooling_until=None,
            storm=False,
            tried_before=False,
            muted=False,
            approved=False,
            policies=self._policies,
        )
        return BotView(opt_in.note, self._plan(question, choices))

    def _plan(self, question: Question, choices: Choices) -> Plan:
        occasion = Occasion.RUNTIME if question.diagnosis.phase is Phase.RUNTIME else Occasion.FAILED
        verdict = service_role_verdict(question.evidence, choices.service.arn)
        return decide(occasion, question, RepairQuestion(choices.service, verdict))

    def _policies(self, role_name: str) -> Item[RolePolicies]:
        try:
            return Present(self.iam().policies(role_name))
        except AbsentError as error:
            return Absent(str(error))
        except DeniedError as error:
            return Unreadable(str(error))
