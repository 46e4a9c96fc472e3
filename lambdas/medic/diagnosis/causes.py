"""A case: the facts and the checks made of them, and how a cause is put together from both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medic.diagnosis.knowledge import title_of
from medic.diagnosis.model import Cause, Check, CheckResult, Rank

if TYPE_CHECKING:
    from medic.diagnosis.facts import Facts
    from medic.diagnosis.model import Proposal, RoleVerdict


@dataclass(frozen=True, slots=True)
class Case:
    """Everything a ranking looks at."""

    facts: Facts
    checks: Mapping[str, Check]

    def cause(
        self,
        cause_id: str,
        rank: Rank,
        because: str,
        *shown_by: str,
        excluded_by: tuple[str, ...] = (),
        proposal: Proposal | None = None,
    ) -> Cause:
        """A cause with the checks that bear on it.

        Args:
            cause_id: the id of its knowledge-base entry.
            rank: how far it is established.
            because: lower case, no full stop: it ends a sentence.
            shown_by: checks whose failure speaks for it, and whose passing speaks against it.
            excluded_by: checks whose passing leaves it as what remains, and whose failure explains things without it.
            proposal: the statement that would remove it.
        """
        direct, inverse = self._results(shown_by), self._results(excluded_by)
        return Cause(
            id=cause_id,
            title=title_of(cause_id),
            rank=rank,
            because=because,
            supporting=(*direct[CheckResult.FAIL], *inverse[CheckResult.PASS]),
            against=(*direct[CheckResult.PASS], *inverse[CheckResult.FAIL]),
            unseen=(*direct[CheckResult.UNKNOWN], *inverse[CheckResult.UNKNOWN]),
            proposal=proposal,
        )

    def _results(self, names: tuple[str, ...]) -> dict[CheckResult, tuple[str, ...]]:
        made = [self.checks[name] for name in names if name in self.checks]
        return {result: tuple(check.id for check in made if check.result is result) for result in CheckResult}


def reason_of(verdict: RoleVerdict, otherwise: str) -> str:
    """The first sentence of what is known of a role, to stand within another: no full stop, capitals in names only."""
    if not verdict.explanation:
        return otherwise
    sentence = verdict.explanation[0].removesuffix(".")
    return sentence[:1].lower() + sentence[1:] if sentence[1:2].islower() else sentence
