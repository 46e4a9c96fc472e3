"""Compares two branches, setting by setting, and says why each setting matters for IAM failures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from medic.evidence import Unreadable
from medic_cli.snapshot.snapshot import BranchState, object_in

if TYPE_CHECKING:
    from medic_cli.output import JsonObject
    from medic_cli.snapshot.answers import CompareAnswer, DifferenceJson, SideJson, ValueJson


Value: TypeAlias = "str | frozenset[str] | Unreadable | None"


@dataclass(frozen=True, slots=True)
class Aspect:
    """One setting to compare."""

    id: str
    title: str
    why_it_matters: str
    """For IAM failures, in a sentence."""
    read: Callable[[BranchState], Value]


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting that differs or is unknown. For two sets, each side has only what the other lacks."""

    aspect: Aspect
    first: Value
    second: Value


@dataclass(frozen=True, slots=True)
class Comparison:
    first: BranchState
    second: BranchState
    differences: tuple[Difference, ...]
    same: tuple[Aspect, ...]
    unknown: tuple[Difference, ...]
    """Settings that could not be read on one side or both."""

    def as_json(self) -> CompareAnswer:
        return {
            "schema": 1,
            "first": _side(self.first),
            "second": _side(self.second),
            "differences": [_difference(each) for each in self.differences],
            "unknown": [_difference(each) for each in self.unknown],
            "same": [aspect.id for aspect in self.same],
        }


def compare(first: BranchState, second: BranchState) -> Comparison:
    differences, same, unknown = [], [], []
    for aspect in ASPECTS:
        one, other = aspect.read(first), aspect.read(second)
        if isinstance(one, Unreadable) or isinstance(other, Unreadable):
            unknown.append(Difference(aspect, one, other))
        elif one == other:
            same.append(aspect)
        elif isinstance(one, frozenset) and isinstance(other, frozenset):
            differences.append(Difference(aspect, one - other, other - one))
        else:
            differences.append(Difference(aspect, one, other))
    return Comparison(first, second, tuple(differences), tuple(same), tuple(unknown))


def value_text(value: Value) -> str:
    match value:
        case None:
            return "none"
        case Unreadable(reason):
            return f"unknown: {reason}"
        case frozenset():
            return "\n".join(sorted(value)) or "–"
        case _:
            return value


def _side(state: BranchState) -> SideJson:
    return {"name": state.name, "taken_at": state.taken_at}


def _difference(difference: Difference) -> DifferenceJson:
    aspect = difference.aspect
    return {
        "id": aspect.id,
        "title": aspect.title,
        "why_it_matters": aspect.why_it_matters,
        "first": _json(difference.first),
        "second": _json(difference.second),
    }


def _json(value: Value) -> ValueJson:
    match value:
        case Unreadable(reason):
            return {"unknown": reason}
        case frozenset():
            return sorted(value)
        case _:
            return value


def _app(key: str) -> Callable[[BranchState], Value]:
    return lambda state: _value(state.app.get(key))


def _branch(key: str) -> Callable[[BranchState], Value]:
    return lambda state: _value(state.branch.get(key))


def _repository(key: str) -> Callable[[BranchState], Value]:
    return lambda state: _value(object_in(state.app, "repository").get(key))


def _build(key: str) -> Callable[[BranchState], Value]:
    """The branch's setting, else the app's."""
    return lambda state: _value(object_in(state.branch, "build").get(key) or object_in(state.app, "build").get(key))


def _service_role(state: BranchState) -> str | None:
    return _text(state.app.get("service_role"))


def _compute_role(state: BranchState) -> str | None:
    return _text(state.branch.get("effective_compute_role"))


def _level(state: BranchState) -> Value:
    if _compute_role(state) is None:
        return None
    return "branch" if state.branch.get("compute_role") else "app"


def _verdict(purpose: str) -> Callable[[BranchState], Value]:
    def read(state: BranchState) -> Value:
        verdict = object_in(object_in(state.branch, "trust"), purpose)
        if verdict.get("assumable") == "unreadable":
            return Unreadable("; ".join(_texts(verdict.get("explanation"))))
        return _value(verdict.get("assumable"))

    return read


def _of_role(
    role_arn: Callable[[BranchState], str | None], value: Callable[[JsonObject], Value]
) -> Callable[[BranchState], Value]:
    """Reads a value from a role. Without a role, or if it does not exist, `value` gets an empty object."""

    def read(state: BranchState) -> Value:
        arn = role_arn(state)
        role = object_in(state.roles, arn) if arn else {}
        if role.get("status") == "unreadable":
            return Unreadable(str(role.get("why")))
        return value(role)

    return read


def _policies(key: str) -> Callable[[JsonObject], Value]:
    def read(role: JsonObject) -> Value:
        policies = object_in(role, "policies")
        if policies.get("status") == "unreadable":
            return Unreadable(str(policies.get("why")))
        return _value(policies.get(key, []))

    return read


def _variables(state: BranchState) -> Value:
    names = (*_texts(state.app.get("environment_variables")), *_texts(state.branch.get("environment_variables")))
    return frozenset(names)


def _opt_in(state: BranchState) -> Value:
    tags = object_in(state.branch, "tags")
    return frozenset(f"{key}={value}" for key, value in tags.items() if key.startswith("amplify-medic:"))


def _value(value: object) -> Value:
    if value is None or isinstance(value, Mapping):
        return None
    if isinstance(value, list):
        return frozenset(_texts(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _text(value: object) -> str | None:
    return str(value) if value else None


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()


def _of_both_roles() -> tuple[Aspect, ...]:
    aspects = []
    for id_, name, role_arn in (("service", "service role", _service_role), ("compute", "compute role", _compute_role)):
        aspects += [
            Aspect(
                f"{id_}_trust", f"can Amplify assume the {name}",
                "A role that Amplify can't assume has no effect.", _verdict(id_),
            ),
            Aspect(
                f"{id_}_trust_policy", f"trust policy of the {name}",
                "Decides who can assume the role. Shown as a fingerprint.",
                _of_role(role_arn, lambda role: _value(role.get("trust"))),
            ),
            Aspect(
                f"{id_}_boundary", f"permissions boundary of the {name}",
                "A boundary denies everything that it does not allow, whatever other policies allow.",
                _of_role(role_arn, lambda role: _value(role.get("permissions_boundary"))),
            ),
            Aspect(
                f"{id_}_managed_policies", f"managed policies of the {name}",
                "They decide what the role may do. AWS managed policies are compared only by name.",
                _of_role(role_arn, _policies("managed")),
            ),
            Aspect(
                f"{id_}_inline_policies", f"inline policies of the {name}",
                "They decide what the role may do.",
                _of_role(role_arn, _policies("inline")),
            ),
            Aspect(
                f"{id_}_statements", f"statements of the {name}",
                "They decide what the role may do, whichever policy contains them.",
                _of_role(role_arn, _policies("statements")),
            ),
        ]  # fmt: skip
    return tuple(aspects)


ASPECTS: tuple[Aspect, ...] = (
    Aspect("platform", "platform", "Only WEB_COMPUTE runs code with a compute role.", _app("platform")),
    Aspect("framework", "framework", "Only SSR frameworks run code with a compute role.", _branch("framework")),
    Aspect("stage", "stage", "The bot never changes previews (PULL_REQUEST).", _branch("stage")),
    Aspect("service_role", "service role", "Only builds use it.", _service_role),
    Aspect("compute_role", "compute role in effect", "Only SSR code uses it, at runtime.", _compute_role),
    Aspect(
        "compute_role_level", "where the compute role is set",
        "A branch's own role takes precedence over the app's.", _level,
    ),
    *_of_both_roles(),
    Aspect(
        "repository_provider", "repository provider",
        "A lost connection gives the same error message as a bad role.", _repository("provider"),
    ),
    Aspect("repository_host", "repository host", "Amplify connects to this host.", _repository("host")),
    Aspect("repository_path", "repository", "A renamed repository breaks the connection.", _repository("path")),
    Aspect(
        "clone_method", "clone method",
        "How Amplify reads the repository: by token, over SSH, or with its GitHub App.", _repository("clone_method"),
    ),
    Aspect(
        "environment_variables", "names of environment variables",
        "Variables such as AWS_ACCESS_KEY_ID override the role's credentials.", _variables,
    ),
    Aspect("build_image", "build image", "It contains the AWS CLI and the SDKs that builds use.", _build("image")),
    Aspect(
        "build_spec", "stored build specification",
        "Decides what a build does. Shown as a fingerprint.", _build("spec"),
    ),
    Aspect("build_compute", "build instance", "The size of the build machine.", _build("compute")),
    Aspect(
        "auto_branch_creation", "automatic branch creation",
        "The bot does not change branches that a push may have created.", _app("auto_branch_creation"),
    ),
    Aspect(
        "auto_branch_patterns", "patterns of automatic branches",
        "Which branches a push can create.", _app("auto_branch_patterns"),
    ),
    Aspect(
        "previews", "pull-request previews",
        "Each preview is a branch that may inherit the app's roles.", _branch("pull_request_previews"),
    ),
    Aspect("opt_in", "opt-in tags", "What the bot may do.", _opt_in),
)  # fmt: skip
"""Everything that is compared, in display order."""
