"""Causes of missing, undefined or expired credentials. Builds use the service role, SSR code the compute role."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from medic.arns import name_of
from medic.diagnosis.causes_unassumable import compute_role, service_role
from medic.diagnosis.facts import UNDEFINED_CREDENTIALS, Case, is_logging_role, why_not_read
from medic.diagnosis.model import Cause, CheckResult, Rank
from medic.labels import Identity, Phase

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medic.diagnosis.model import RoleVerdict


_LOCAL_TOOL_SIGNATURES = frozenset({"ampx_no_credentials", "profile_missing"})
_WRAPPED_DENIALS = frozenset({"ampx_bootstrap_unreadable", "ampx_outputs_refused"})
"""ampx prints these if AWS denies a call: there is no service role, or the service role lacks a permission."""


def credentials_missing_at_build(case: Case) -> Iterator[Cause]:
    """Causes of a build, or a command on a laptop, that ran without usable credentials."""
    if case.phase is Phase.API or case.signature in _LOCAL_TOOL_SIGNATURES:
        yield _local_machine(case)
    if case.app is not None and case.service is None:
        if case.identity is Identity.AMPLIFY_OWN:  # the message shows Amplify's own role, which builds use instead
            reason = "no service role is set: the build ran as Amplify's own role, which is not yours to edit"
            yield case.cause("service_role_not_set", Rank.PROVEN, reason, "service_role_set", "caller")
        else:
            reason = "none is set, and Amplify's own build role may do nothing in your account"
            yield case.cause("service_role_not_set", Rank.LIKELY, reason, "service_role_set")
    elif case.identity is Identity.AMPLIFY_OWN:
        yield from _no_service_role_at_build_time(case)
    elif case.signature in _WRAPPED_DENIALS and case.service is not None:
        reason = "a service role is set, so what ampx was refused is a permission that this role lacks"
        if is_logging_role(name_of(case.service.arn)):
            made_for_logs = f"the service role is {name_of(case.service.arn)}, which may write logs and nothing else"
            yield case.cause("service_role_for_logs", Rank.LIKELY, made_for_logs, excluded_by=("service_role_set",))
        yield case.cause("permission_missing_identity", Rank.LIKELY, reason, excluded_by=("service_role_set",))
    else:
        yield from service_role(case)
    if case.signature not in _WRAPPED_DENIALS and case.identity is not Identity.AMPLIFY_OWN:
        yield _explicit_credentials(case)
    reason = "builds never use the compute role, so attaching one does not repair this build"
    yield case.cause("compute_role_not_set", Rank.RULED_OUT, reason)


def _no_service_role_at_build_time(case: Case) -> Iterator[Cause]:
    """The message shows Amplify's own role, but a service role is set now, or the app was not read."""
    reason = "the build ran as Amplify's own role, which is not yours to edit, so it had no service role"
    if case.service is None:
        reason += f"; the app could not be read ({why_not_read(case.evidence.app)})"
        yield case.cause("service_role_not_set", Rank.POSSIBLE, reason, "caller", "service_role_set")
    elif case.service.usable is False:  # it would stop the next build
        yield from service_role(case)
    else:
        rank = Rank.LIKELY if case.service.usable else Rank.POSSIBLE
        reason += f"; {name_of(case.service.arn)} is set now"
        yield case.cause("service_role_set_since", rank, reason, "caller")


def _local_machine(case: Case) -> Cause:
    if case.phase is Phase.API:
        reason = "the command ran outside Amplify, where it finds the credentials of the machine, or none"
        return case.cause("credentials_local_machine", Rank.LIKELY, reason)
    reason = "the command asks for a profile or session as on a laptop, and a build has none"
    return case.cause("credentials_local_machine", Rank.POSSIBLE, reason)


def credentials_missing_at_runtime(case: Case) -> Iterator[Cause]:
    """Causes of SSR code that finds no credentials, after a deployment that succeeded."""
    unknown = why_not_read(case.evidence.branch) or why_not_read(case.evidence.app)
    undefined = case.signature == UNDEFINED_CREDENTIALS
    if undefined:
        yield _explicit_credentials(case)
    if case.app is not None and case.result("platform") is CheckResult.FAIL:
        reason = f"its platform is {case.app.platform}, and AWS documents compute roles for WEB_COMPUTE only"
        yield case.cause("platform_without_compute_role", Rank.LIKELY, reason, "platform")
    elif unknown is not None:
        reason = f"whether branch or app has a compute role is not known: {unknown}"
        yield case.cause("compute_role_not_set", Rank.POSSIBLE, reason, "compute_role_set")
    elif case.compute is None:
        rank = Rank.POSSIBLE if undefined else Rank.PROVEN
        reason = "SSR code gets credentials from no other role"
        yield case.cause("compute_role_not_set", rank, reason, "compute_role_set")
        yield from logging_role(case)
    else:
        yield from _not_deployed_since(case, case.compute)
        yield from compute_role(case, contested=Rank.POSSIBLE)
    if not undefined:  # the message says that nothing was found, so a role that is wrong comes before keys
        yield _explicit_credentials(case)
    reason = "SSR code never uses the service role, so changing it does not help"
    yield case.cause("service_role_not_set", Rank.RULED_OUT, reason)


def _not_deployed_since(case: Case, compute: RoleVerdict) -> Iterator[Cause]:
    age = case.age_at_start(compute)
    if compute.usable and age is not None and age < timedelta():
        reason = "the role is younger than the deployment, and a first one may take effect with the next deployment"
        yield case.cause("compute_role_set_since", Rank.POSSIBLE, reason, "compute_role_age")


def _explicit_credentials(case: Case) -> Cause:
    """Never proven, because no API shows what the code passes."""
    keys = case.static_keys
    if case.signature == UNDEFINED_CREDENTIALS:
        reason = (
            "the code, or a library in it, passes a credentials object without values in it, which overrides any role"
        )
        return case.cause("explicit_credentials_in_code", Rank.LIKELY, reason, "static_keys")
    if keys:
        reason = f"{', '.join(keys)} hold access keys, and code that passes them overrides the role, even unset"
        return case.cause("explicit_credentials_in_code", Rank.LIKELY, reason, "static_keys")
    if case.phase is Phase.RUNTIME and case.compute is not None and case.compute.usable:
        reason = "a compute role is set and may be assumed, so what the code itself passes remains"
        checks = ("compute_role_set", "compute_role_trust")
        return case.cause("explicit_credentials_in_code", Rank.LIKELY, reason, excluded_by=checks)
    if case.phase is not Phase.RUNTIME and case.service is not None and case.service.usable:
        reason = "a build keeps the service role's credentials in ~/.aws; code that passes its own never looks there"
        return case.cause("explicit_credentials_in_code", Rank.POSSIBLE, reason, excluded_by=("service_role_trust",))
    reason = "credentials passed in code override the role, also when they are undefined"
    return case.cause("explicit_credentials_in_code", Rank.POSSIBLE, reason)


def logging_role(case: Case) -> Iterator[Cause]:
    """Permissions granted to the logging role or the service role, where SSR code does not get them."""
    if case.granted_to is not None and case.identity is Identity.COMPUTE_ROLE and case.denial is not None:
        reason = f"{name_of(case.granted_to)} is allowed {case.denial.action}, but SSR code does not run as this role"
        yield case.cause("permissions_on_logging_role", Rank.LIKELY, reason)
        return
    service_name = name_of(case.service.arn) if case.service else None
    if is_logging_role(service_name):
        reason = f"the service role is {service_name}, made for SSR logs; SSR code does not run as this role"
        yield case.cause("permissions_on_logging_role", Rank.POSSIBLE, reason)


def _stale_keys(case: Case, rank: Rank) -> Cause:
    """Where a role's own credentials can't have expired, keys that were copied are the first suspect."""
    if case.static_keys:
        reason = f"{', '.join(case.static_keys)} hold access keys, which may be deleted, inactive or incomplete"
    elif case.phase is Phase.RUNTIME:
        reason = "a role's credentials renew themselves, so the code or its variables may hold copied keys"
    else:
        reason = "a build's own credentials last an hour: others that it uses are copied keys or a saved session"
    return case.cause("stale_keys", rank, reason, "static_keys")


def expired_or_invalid(case: Case) -> Iterator[Cause]:
    """Causes of credentials that AWS recognised and refused."""
    duration = case.result("build_duration")
    over_an_hour, short = duration is CheckResult.FAIL, duration is CheckResult.PASS
    reason = "AWS says that credentials were there and are no longer, or not, valid"
    rank = Rank.LIKELY if over_an_hour or case.phase is Phase.API else Rank.POSSIBLE
    if short or case.phase is Phase.RUNTIME:
        yield _stale_keys(case, Rank.LIKELY)
    if over_an_hour:
        reason = "the build outlived its credentials, which end after one hour whatever the role allows"
        rank = Rank.PROVEN if case.signature == "token_expired" else rank
    yield case.cause("session_expired", rank, reason, "build_duration", "static_keys")
    if duration is CheckResult.UNKNOWN:
        yield _stale_keys(case, Rank.POSSIBLE)
    if case.phase is Phase.API:
        yield _local_machine(case)
