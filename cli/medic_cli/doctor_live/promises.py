"""Plays two failures for the deployed bot, and checks that it keeps its promises: from the event to the undo."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from medic.aws.errors import AwsError
from medic.incidents.model import ChangeState
from medic.labels import ActionKind, BotLabel
from medic.plan.optin import AUTO_FIX
from medic.settings import Mode
from medic_cli.doctor_live.measure import POLL, SLOW_POLL, UnclearError
from medic_cli.doctor_live.names import BUILD, PAGE
from medic_cli.doctor_live.web import PageAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from medic.incidents.model import Change, Incident
    from medic_cli.doctor_live.answers import PromiseJson
    from medic_cli.doctor_live.measure import EndedJob, Measurement

BUILD_MINUTES, PAGE_MINUTES, REBUILD_MINUTES = 10, 20, 45
"""How long the bot may take: to report a failed build; to find an error in an SSR log (it looks every five minutes);
to rebuild."""
_BUILD_PROMISES = ("build: event seen", "build: log read", "build: alert sent")
_PAGE_PROMISES = (
    *("page: log read", "page: alert sent", "page: role attached", "page: role read back"),
    *("page: rebuilt", "page: undone"),
)


class Bot(Protocol):
    """The deployed bot."""

    def incident(self, branch: str) -> Incident | None:
        """The newest incident of a branch of the scratch app."""
        ...

    def undo(self, branch: str) -> str:
        """Have the bot undo its change. Returns its answer."""
        ...


@dataclass(slots=True)
class Play:
    """One run's promises, in order.

    Attributes:
        measurement: Runs the jobs.
        bot: The bot; None if none is deployed.
        kept: The promises so far.
    """

    measurement: Measurement
    bot: Bot | None
    kept: list[PromiseJson]

    def failed_build(self) -> None:
        """Run the build that is denied, and measure it. Then look at what the bot made of it.

        Raises:
            AwsError: the branch could not be made.
        """
        self.measurement.app.make_branch(BUILD)
        self._play(_BUILD_PROMISES, self._failed_build)

    def page(self) -> None:
        """Deploy the page without a role, visit it, and follow the bot until it has undone its change.

        Raises:
            AwsError: the branch could not be made.
        """
        if self.bot is None:
            self._unknown(_PAGE_PROMISES, "no stack was named or found")
            return
        self.measurement.app.make_branch(PAGE, {AUTO_FIX: Mode.FIX.value})
        self._play(_PAGE_PROMISES, lambda: self._page(self.bot))  # type: ignore[arg-type]  # checked above

    def _play(self, promises: tuple[str, ...], steps: Callable[[], Iterator[tuple[bool, str]]]) -> None:
        """Note each step's outcome under its promise. What a step could not reach stays unknown."""
        left = list(promises)
        try:
            for passed, evidence in steps():
                self.kept.append(
                    {"promise": left.pop(0), "outcome": "pass" if passed else "fail", "evidence": evidence}
                )
                if not passed:
                    break
            self._unknown(left, "an earlier step failed")
        except (AwsError, UnclearError) as error:
            self._unknown(left, str(error))

    def _unknown(self, promises: tuple[str, ...] | list[str], why: str) -> None:
        for promise in promises:
            self.kept.append({"promise": promise, "outcome": "unknown", "evidence": why})

    def _failed_build(self) -> Iterator[tuple[bool, str]]:
        ended = self.measurement.run_job(BUILD, at_end=self.measurement.log)
        if ended.job["summary"]["status"] != "FAILED":
            raise UnclearError(
                f"the build of {BUILD} did not fail: push docs/doctor-app unchanged to that branch, and give the app a"
                " service role that does not allow iam:ListUsers"
            )
        incident = self._reported(ended)
        self.measurement.failed_build(ended)
        if self.bot is None:
            raise UnclearError("no stack was named or found")
        yield incident is not None, f"an incident of job {ended.job_id}" if incident else "no incident"
        if incident is not None:
            yield incident.label not in (BotLabel.UNDIAGNOSED, BotLabel.BUILD_FAILED), f"label {incident.label}"
            yield bool(incident.alerted), ", ".join(incident.alerted) or "no channel accepted the alert"

    def _reported(self, ended: EndedJob) -> Incident | None:
        if self.bot is None:
            return None
        bot = self.bot

        def alerted() -> bool:
            found = bot.incident(BUILD)
            return found is not None and found.job_id == ended.job_id and bool(found.alerted)

        self._wait(alerted, BUILD_MINUTES)
        return bot.incident(BUILD)

    def _page(self, bot: Bot) -> Iterator[tuple[bool, str]]:
        measurement = self.measurement
        deployed = measurement.run_job(PAGE)
        if deployed.job["summary"]["status"] != "SUCCEED":
            raise UnclearError(f"the build of {PAGE} failed: push docs/doctor-app unchanged to that branch")
        if (before := measurement.visit(measurement.address(PAGE))) is not PageAnswer.NO_ROLE:
            raise UnclearError(f"without a compute role the page found {before}")
        self._wait(lambda: bool(_changes(bot.incident(PAGE), ChangeState.APPLIED)), PAGE_MINUTES)
        incident = bot.incident(PAGE)
        yield incident is not None, f"label {incident.label}" if incident else f"nothing in {PAGE_MINUTES} minutes"
        if incident is None:
            return
        yield bool(incident.alerted), ", ".join(incident.alerted) or "no channel accepted the alert"
        applied = _changes(incident, ChangeState.APPLIED)
        yield bool(applied), applied[0].role_arn if applied else (incident.note or f"state {incident.state}")
        role = self._role()
        yield role == applied[0].role_arn, f"the branch has {role or 'no role'}"
        self._wait(lambda: _rebuilt(bot.incident(PAGE)), REBUILD_MINUTES)
        rebuilt = bot.incident(PAGE)
        yield _rebuilt(rebuilt), f"job {rebuilt.rebuild_job_id}" if rebuilt else "no incident"
        answer = bot.undo(PAGE)
        yield self._role() is None, answer

    def _role(self) -> str | None:
        return self.measurement.app.branch(PAGE).get("computeRoleArn")

    def _wait(self, reached: Callable[[], bool], minutes: float) -> None:
        app = self.measurement.app
        give_up_at = app.clock() + timedelta(minutes=minutes)
        while not reached() and app.clock() < give_up_at:
            app.pause(SLOW_POLL if minutes > BUILD_MINUTES else POLL)


def _changes(incident: Incident | None, state: ChangeState) -> list[Change]:
    changes = incident.changes if incident else ()
    return [change for change in changes if change.kind is ActionKind.ATTACH_COMPUTE and change.state is state]


def _rebuilt(incident: Incident | None) -> bool:
    return incident is not None and incident.rebuild_job_id is not None and incident.rebuilt_at is not None
