"""What differs between two branches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from medic_cli.snapshot.snapshot import BranchState, object_in

if TYPE_CHECKING:
    from medic_cli.output import JsonObject, JsonValue


@dataclass(frozen=True, slots=True)
class UnknownValue:
    """It could not be read."""

    reason: str


Value: TypeAlias = "str | frozenset[str] | UnknownValue | None"


@dataclass(frozen=True, slots=True)
class Aspect:
    """One property."""

    id: str
    title: str
    why_it_matters: str
    """Why it matters to IAM failures."""
    of: Callable[[BranchState], Value]


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
    def of(state: BranchState) -> Value:
        verdict = object_in(object_in(state.branch, "trust"), purpose)
        if verdict.get("assumable") == "unreadable":
            return UnknownValue("; ".join(_texts(verdict.get("explanation"))))
        return _value(verdict.get("assumable"))

    return of


def _of_role(
    which: Callable[[BranchState], str | None], read: Callable[[JsonObject], Value]
) -> Callable[[BranchState], Value]:
    """Something of a role that was read; nothing where no role is set or there is no such role."""

    def of(state: BranchState) -> Value:
        arn = which(state)
        role = object_in(state.roles, arn) if arn else {}
        if role.get("status") == "unreadable":
            return UnknownValue(str(role.get("why")))
        return read(role)

    return of


def _policies(key: str) -> Callable[[JsonObject], Value]:
    def read(role: JsonObject) -> Value:
        policies = object_in(role, "policies")
        if policies.get("status") == "unreadable":
            return UnknownValue(str(policies.get("why")))
        return _value(policies.get(key, []))

    return read


def _variables(state: BranchState) -> Value:
    names = (*_texts(state.app.get("environment_variables")), *_texts(state.branch.get("environment_variables")))
    return frozenset(names)


def _opt_in(state: BranchState) -> Value:
    tags = object_in(state.branch, "tags")
    return frozenset(f"{key}={value}" for key, value in tags.items() if key.startswith("amplify-medic:"))


def _value(value: JsonValue) -> Value:
    if value is None or isinstance(value, Mapping):
        return None
    if isinstance(value, list):
        return frozenset(_texts(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _text(value: JsonValue) -> str | None:
    return str(value) if value else None


def _texts(value: JsonValue) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()


def _of_both_roles() -> tuple[Aspect, ...]:
    aspects = []
    for id_, name, which in (("service", "service role", _service_role), ("compute", "compute role", _compute_role)):
        aspects += [
            Aspect(
                f"{id_}_trust", f"may Amplify assume the {name}",
                "A role that Amplify may not assume is as good as none.", _verdict(id_),
            ),
            Aspect(
                f"{id_}_trust_policy", f"trust policy of the {name}",
                "Who may assume the role, by its fingerprint.",
                _of_role(which, lambda role: _value(role.get("trust"))),
            ),
            Aspect(
                f"{id_}_boundary", f"permissions boundary of the {name}",
                "A boundary denies whatever it does not allow, and no other policy can make up for it.",
                _of_role(which, lambda role: _value(role.get("permissions_boundary"))),
            ),
            Aspect(
                f"{id_}_managed_policies", f"managed policies of the {name}",
                "What the role may do; AWS's own policies are known by name alone.",
                _of_role(which, _policies("managed")),
            ),
            Aspect(
                f"{id_}_inline_policies", f"inline policies of the {name}",
                "What the role may do.",
                _of_role(which, _policies("inline")),
            ),
            Aspect(
                f"{id_}_statements", f"statements of the {name}",
                "What the role may do, statement by statement, whatever policy they stand in.",
                _of_role(which, _policies("statements")),
            ),
        ]  # fmt: skip
    return tuple(aspects)


ASPECTS: tuple[Aspect, ...] = (
    Aspect("platform", "platform", "Only WEB_COMPUTE runs code with a compute role.", _app("platform")),
    Aspect("framework", "framework", "Only SSR frameworks run code with a compute role.", _branch("framework")),
    Aspect("stage", "stage", "Previews (PULL_REQUEST) are never changed by the bot.", _branch("stage")),
    Aspect("service_role", "service role", "Builds use it, and nothing else.", _service_role),
    Aspect("compute_role", "compute role in effect", "SSR code uses it at runtime, and nothing else.", _compute_role),
    Aspect("compute_role_level", "where that is set", "A branch's own role counts before the app's.", _level),
    *_of_both_roles(),
    Aspect(
        "repository_provider", "repository provider",
        "A lost connection prints the same message as a bad role.", _repository("provider"),
    ),
    Aspect("repository_host", "repository host", "The connection is made to this host.", _repository("host")),
    Aspect("repository_path", "repository", "A renamed repository breaks the connection.", _repository("path")),
    Aspect(
        "clone_method", "clone method",
        "How Amplify reaches the repository: by a token, over SSH, or by its GitHub App.", _repository("clone_method"),
    ),
    Aspect(
        "environment_variables", "names of environment variables",
        "Variables such as AWS_ACCESS_KEY_ID take the place of the role's credentials.", _variables,
    ),
    Aspect("build_image", "build image", "It brings the AWS CLI and the SDKs that builds use.", _build("image")),
    Aspect("build_spec", "stored build specification", "What a build does, by its fingerprint.", _build("spec")),
    Aspect("build_compute", "build instance", "The size of the machine that builds.", _build("compute")),
    Aspect(
        "auto_branch_creation", "automatic branch creation",
        "Branches that may have been made by a push are not changed by the bot.", _app("auto_branch_creation"),
    ),
    Aspect(
        "auto_branch_patterns", "patterns of automatic branches",
        "Which branches a push may make.", _app("auto_branch_patterns"),
    ),
    Aspect(
        "previews", "previews of pull requests",
        "Each preview is a branch that may inherit the app's roles.", _branch("pull_request_previews"),
    ),
    Aspect("opt_in", "opt-in tags", "How far the bot may go.", _opt_in),
)  # fmt: skip
"""Everything that is compared, in the order in which it is shown."""

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Difference:
    """One property that differs. Of two sets, each side holds what the other lacks."""

    aspect: Aspect
    first: Value
    second: Value


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two branches, property by property."""

    first: BranchState
    second: BranchState
    differences: tuple[Difference, ...]
    same: tuple[Aspect, ...]
    unknown: tuple[Difference, ...]
    """Where one side, or both, could not be read."""

    def as_json(self) -> JsonObject:
        """For machines; see docs/schemas/compare.schema.json."""
        return {
            "schema": SCHEMA,
            "first": _side(self.first),
            "second": _side(self.second),
            "differences": [_difference(each) for each in self.differences],
            "unknown": [_difference(each) for each in self.unknown],
            "same": [aspect.id for aspect in self.same],
        }


def compare(first: BranchState, second: BranchState, aspects: Iterable[Aspect] = ASPECTS) -> Comparison:
    """Hold two branches against each other."""
    differences, same, unknown = [], [], []
    for aspect in aspects:
        one, other = aspect.of(first), aspect.of(second)
        if isinstance(one, UnknownValue) or isinstance(other, UnknownValue):
            unknown.append(Difference(aspect, one, other))
        elif one == other:
            same.append(aspect)
        elif isinstance(one, frozenset) and isinstance(other, frozenset):
            differences.append(Difference(aspect, one - other, other - one))
        else:
            differences.append(Difference(aspect, one, other))
    return Comparison(first, second, tuple(differences), tuple(same), tuple(unknown))


def in_words(value: Value) -> str:
    """A value for people."""
    match value:
        case None:
            return "none"
        case UnknownValue(reason):
            return f"unknown: {reason}"
        case frozenset():
            return "\n".join(sorted(value)) or "–"
        case _:
            return value


def _side(state: BranchState) -> JsonObject:
    return {"name": state.name, "taken_at": state.taken_at}


def _difference(difference: Difference) -> JsonObject:
    aspect = difference.aspect
    return {
        "id": aspect.id,
        "title": aspect.title,
        "why_it_matters": aspect.why_it_matters,
        "first": _json(difference.first),
        "second": _json(difference.second),
    }


def _json(value: Value) -> JsonValue:
    match value:
        case UnknownValue(reason):
            return {"unknown": reason}
        case frozenset():
            return sorted(value)
        case _:
            return value
