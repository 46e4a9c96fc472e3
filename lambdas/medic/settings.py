"""Settings: one object, `amplify-medic` in the CDK context, validated at synth and handed to the functions unchanged.

Nothing else in the code base reads the environment. Every mistake in the object is named at once.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum

CONTEXT_KEY = "amplify-medic"


class SettingsError(ValueError):
    """The settings are wrong; the message names every mistake, one a line."""

    def __init__(self, mistakes: list[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(["The amplify-medic settings have mistakes:", *(f"  - {m}" for m in mistakes)]))


class SettingsReader:
    """Takes named values out of a JSON object and collects what is wrong with them."""

    def __init__(self, raw: object, path: str, mistakes: list[str] | None = None) -> None:
        self.mistakes: list[str] = [] if mistakes is None else mistakes
        self._path = path
        self._taken: set[str] = set()
        self._raw: Mapping[str, object] = {}
        if isinstance(raw, Mapping):
            self._raw = raw
        else:
            self.mistakes.append(f"{path or CONTEXT_KEY} must be an object, not {type(raw).__name__}")

    def wrong(self, key: str, what: str) -> None:
        """Note a mistake."""
        self.mistakes.append(f"{self._path}{key} {what}")

    def take(self, key: str) -> object:
        """The value as it is; its key is known from now on."""
        self._taken.add(key)
        return self._raw.get(key)

    def nested(self, key: str) -> SettingsReader:
        """A reader of the object below a key."""
        value = self.take(key)
        return SettingsReader({} if value is None else value, f"{self._path}{key}.", self.mistakes)

    def below(self, key: str, raw: object) -> SettingsReader:
        """A reader of an object that stands below a key; what is wrong with it is noted here."""
        return SettingsReader(raw, f"{self._path}{key}.", self.mistakes)

    def text(self, key: str, pattern: re.Pattern[str], what: str, *, hidden: bool = False) -> str | None:
        """A text of one form, or None. A mistake repeats what was given, unless that may be a secret (`hidden`)."""
        value = self.take(key)
        if value is None:
            return None
        if isinstance(value, str) and pattern.fullmatch(value):
            return value
        self.wrong(key, f"must be {what}" if hidden else f"must be {what}, not {value!r}")
        return None

    def texts(self, key: str, pattern: re.Pattern[str], what: str) -> tuple[str, ...]:
        """A list of texts of one form."""
        value = self.take(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            self.wrong(key, f"must be a list of {what}, not {value!r}")
            return ()
        for item in value:
            if not (isinstance(item, str) and pattern.fullmatch(item)):
                self.wrong(key, f"holds {item!r}, which is not {what}")
        return tuple(item for item in value if isinstance(item, str))

    def choice(self, key: str, choices: type[StrEnum], default: StrEnum) -> StrEnum:
        """One of several words."""
        value = self.take(key)
        if value is None:
            return default
        if isinstance(value, str) and value in list(choices):
            return choices(value)
        self.wrong(key, f"must be one of {', '.join(choices)}, not {value!r}")
        return default

    def flag(self, key: str, *, default: bool = False) -> bool:
        """True or false; the default where nothing is given."""
        value = self.take(key)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        self.wrong(key, f"must be true or false, not {value!r}")
        return default

    def mapping(self, key: str) -> Mapping[str, object]:
        """An object with keys of the deployer's own."""
        value = self.take(key)
        if value is None:
            return {}
        if isinstance(value, Mapping):
            return value
        self.wrong(key, f"must be an object, not {value!r}")
        return {}

    def finish(self) -> None:
        """Note every key that nobody asked for."""
        for key in sorted(set(self._raw) - self._taken):
            self.wrong(key, f"is unknown; known here: {', '.join(sorted(self._taken))}")


_SECRET = re.compile(r"(?!https?:|xox[a-z]-)[\w/+=.@:-]{1,2048}")
_A_SECRET = "the name or ARN of a Secrets Manager secret (put the URL or token into the secret)"  # noqa: S105 - words
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_CHANNEL = re.compile(r"#?[\w.-]{1,80}")
_A_CHANNEL = "a Slack channel's id, such as C0123456789, or #name"
_APP_ID = re.compile(r"A[A-Z0-9]{2,20}")
_APPROVER = re.compile(r"[TE][A-Z0-9]{2,20}/[UW][A-Z0-9]{2,20}")


@dataclass(frozen=True, slots=True)
class SlackChannel:
    """One place alerts go to: an incoming webhook, or a channel that the bot writes to. One of the two is set."""

    webhook_secret: str | None = None
    """The name or ARN of the secret that holds the webhook's URL."""
    channel: str | None = None
    """The channel's id, or its #name."""


@dataclass(frozen=True, slots=True)
class Slack:
    """Where alerts go, and who may approve from there. Secrets by the name or ARN of a Secrets Manager secret alone."""

    default: SlackChannel | None = None
    bot_token_secret: str | None = None
    """Holds the bot token with which channels are written to."""
    channels: Mapping[str, SlackChannel] = field(default_factory=dict)
    """Further places, by the name that the tag `amplify-medic:channel` gives them."""
    signing_secret: str | None = None
    """Holds the Slack app's signing secret."""
    app_id: str | None = None
    approvers: tuple[str, ...] = ()
    """Who may approve, as TEAM/USER."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret that sending alerts reads."""
        places = (self.default, *self.channels.values())
        hooks = (place.webhook_secret for place in places if place is not None)
        return tuple(dict.fromkeys(secret for secret in (self.bot_token_secret, *hooks) if secret))

    @property
    def takes_approvals(self) -> bool:
        """True if clicks on a button are listened to."""
        return self.signing_secret is not None


def read_slack(reader: SettingsReader) -> Slack:
    """The settings below `slack`; the reader keeps what is wrong with them."""
    slack = Slack(
        default=_place(reader),
        bot_token_secret=reader.text("bot_token_secret", _SECRET, _A_SECRET, hidden=True),
        channels=_channels(reader),
        signing_secret=reader.text("signing_secret", _SECRET, _A_SECRET, hidden=True),
        app_id=reader.text("app_id", _APP_ID, "a Slack app's id, such as A0123456789"),
        approvers=reader.texts("approvers", _APPROVER, "TEAM/USER, such as T0123456789/U0123456789"),
    )
    _check_together(slack, reader)
    reader.finish()
    return slack


def _place(reader: SettingsReader) -> SlackChannel | None:
    webhook = reader.text("webhook_secret", _SECRET, _A_SECRET, hidden=True)
    channel = reader.text("channel", _CHANNEL, _A_CHANNEL)
    if webhook and channel:
        reader.wrong("channel", "is one place and webhook_secret another: set one of the two")
    return SlackChannel(webhook, channel) if webhook or channel else None


def _channels(reader: SettingsReader) -> dict[str, SlackChannel]:
    """Name → place; a text in the place of an object is the webhook's secret."""
    channels = {}
    for name, given in reader.mapping("channels").items():
        key = f"channels[{name}]"
        if not _NAME.fullmatch(name):
            reader.wrong(key, "has a name that can't be a tag value of letters, digits, _ . -")
        below = reader.below(key, {"webhook_secret": given} if isinstance(given, str) else given)
        place = _place(below)
        below.finish()
        if place is None:
            reader.wrong(key, "needs a webhook_secret or a channel")
        else:
            channels[name] = place
    return channels


def _check_together(slack: Slack, reader: SettingsReader) -> None:
    """What only makes sense with something else."""
    places = [place for place in (slack.default, *slack.channels.values()) if place is not None]
    if any(place.channel for place in places) and slack.bot_token_secret is None:
        reader.wrong("bot_token_secret", "is missing: without it the bot can't write to a channel")
    if slack.bot_token_secret and not any(place.channel for place in places):
        reader.wrong("channel", "is missing: a bot token alone doesn't say where to write")
    if slack.channels and slack.default is None:
        reader.wrong("channels", "needs a default beside it (webhook_secret or channel), for branches that name none")
    approving = (slack.signing_secret, slack.app_id, slack.approvers)
    if any(approving) and not all(approving):
        reader.wrong("signing_secret, app_id and approvers", "belong together: approval needs all three")
    if slack.signing_secret and slack.bot_token_secret is None:
        reader.wrong("signing_secret", "needs bot_token_secret: only a message of the Slack app has buttons")


__all__ = ["CONTEXT_KEY", "Runtime", "Settings", "SettingsError", "Slack"]

SETTINGS_VARIABLE = "AMPLIFY_MEDIC_SETTINGS"
EMULATOR_ACCOUNT = "000000000000"
"""The account of local emulators; AWS hands out no such account id."""

_APP = re.compile(r"d[a-z0-9]{1,19}")
_ROLE_ARN = re.compile(r"arn:(aws[a-z-]*):iam::(\d{12}):role/([\w+=,.@/-]+)")
_POLICY_ARN = re.compile(r"arn:aws[a-z-]*:iam::(?:aws|\d{12}):policy/[\w+=,.@/-]+")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d{1,5})?")


class Mode(StrEnum):
    """How far the bot may go. `report` says, `ask` proposes and waits for approval, `fix` acts."""

    REPORT = "report"
    ASK = "ask"
    FIX = "fix"


class SnsFormat(StrEnum):
    """What subscribers of the topic get. With `amazon_q`, e-mail stays text and everything else gets the envelope."""

    TEXT = "text"
    AMAZON_Q = "amazon_q"


class WatchRuntime(StrEnum):
    """Which SSR apps' runtime logs are watched."""

    ALL = "all"
    TAGGED = "tagged"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Pairing:
    """A role that may be given to some apps: `appId` (all its branches) or `appId/branch`."""

    role_arn: str
    targets: tuple[str, ...]

    def covers(self, app_id: str, branch: str) -> bool:
        """True if this role may be given to the branch."""
        return app_id in self.targets or self.names_branch(app_id, branch)

    def names_branch(self, app_id: str, branch: str) -> bool:
        """True if exactly this branch is paired, not just its app."""
        return f"{app_id}/{branch}" in self.targets


@dataclass(frozen=True, slots=True)
class DefaultRole:
    """The compute role the stack itself makes. It carries no permission unless `policies` names some."""

    policies: tuple[str, ...] = ()
    permissions_boundary: str | None = None
    apps: tuple[str, ...] = ()
    """The apps it may be given to; required as soon as it carries a policy. Empty: any app."""


@dataclass(frozen=True, slots=True)
class Sns:
    """The alert topic: its subscribers, and what they get."""

    emails: tuple[str, ...] = ()
    format: SnsFormat = SnsFormat.TEXT


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what the bot does by itself."""

    fixes_per_branch_an_hour: int = 1
    fixes_per_app_an_hour: int = 3
    fixes_per_account_an_hour: int = 5
    cool_down_minutes: int = 60
    fresh_minutes: int = 30
    storm_incidents: int = 5
    storm_minutes: int = 10
    propagation_seconds: int = 45
    log_mebibytes: int = 64


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a deployer may choose. All optional: the defaults report everything and fix what is tagged."""

    mode: Mode = Mode.FIX
    compute_roles: tuple[Pairing, ...] = ()
    service_roles: tuple[Pairing, ...] = ()
    default_role: DefaultRole = field(default_factory=DefaultRole)
    apps: tuple[str, ...] = ()
    """If not empty, the bot looks at these apps only."""
    slack: Slack = field(default_factory=Slack)
    sns: Sns = field(default_factory=Sns)
    redact_emails: bool = False
    """Whether e-mail addresses are taken out of alerts too."""
    watch_runtime: WatchRuntime = WatchRuntime.ALL
    required_permissions_boundary: str | None = None
    """If set, only compute roles that bear this boundary are attached."""
    admin_roles_allowed: tuple[str, ...] = ()
    """Role ARNs that may be attached although they look like administrators."""
    log_url_origins: tuple[str, ...] = ()
    alarms: bool = True
    """False: no CloudWatch alarms and no dashboard."""
    limits: Limits = field(default_factory=Limits)

    @classmethod
    def parse(cls, raw: object) -> Settings:
        """Validate a settings object as it stands in the CDK context.

        Args:
            raw: the object; None stands for "no settings".

        Raises:
            SettingsError: naming every mistake at once.
        """
        reader = SettingsReader(raw if raw is not None else {}, "")
        settings = _read_settings(reader)
        if reader.mistakes:
            raise SettingsError(reader.mistakes)
        return settings


@dataclass(frozen=True, slots=True)
class Runtime:
    """What a deployed function knows of itself: its settings and the names of the stack's resources."""

    settings: Settings
    account: str
    region: str
    partition: str
    table: str
    topic_arn: str
    actor_role_arn: str | None
    """None in mode `report`: there is no writing role at all."""
    default_role_arn: str

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Runtime:
        """Read the function's environment, once.

        Raises:
            SettingsError: naming every variable that is missing or wrong.
        """
        source = os.environ if environ is None else environ
        named = _variables(source, _VARIABLES)
        settings = _settings(named.pop("settings"))
        return cls(settings=settings, actor_role_arn=source.get(ACTOR_ROLE_VARIABLE) or None, **named)


@dataclass(frozen=True, slots=True)
class WatcherRuntime:
    """What the deployed watcher knows of itself."""

    settings: Settings
    account: str
    region: str
    partition: str
    table: str
    remediator_function: str

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> WatcherRuntime:
        """Read the function's environment, once.

        Raises:
            SettingsError: naming every variable that is missing or wrong.
        """
        named = _variables(os.environ if environ is None else environ, _WATCHER_VARIABLES)
        return cls(settings=_settings(named.pop("settings")), **named)


@dataclass(frozen=True, slots=True)
class SlackRuntime:
    """What the deployed function behind Slack's buttons knows of itself."""

    slack: Slack
    account: str
    region: str
    partition: str
    table: str
    remediator_function: str

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> SlackRuntime:
        """Read the function's environment, once.

        Raises:
            SettingsError: naming every variable that is missing or wrong; or the settings take no approvals.
        """
        named = _variables(os.environ if environ is None else environ, _SLACK_VARIABLES)
        slack = _settings(named.pop("settings")).slack
        if not slack.takes_approvals:
            raise SettingsError(["slack.signing_secret is not set: nothing can be approved from Slack"])
        return cls(slack=slack, **named)


def _variables(environ: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    mistakes = [f"environment variable {variable} is not set" for variable in names.values() if variable not in environ]
    if mistakes:
        raise SettingsError(mistakes)
    return {name: environ[variable] for name, variable in names.items()}


def _settings(text: str) -> Settings:
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise SettingsError([f"environment variable {SETTINGS_VARIABLE} is not JSON: {error}"]) from error
    return Settings.parse(raw)


ACTOR_ROLE_VARIABLE = "ACTOR_ROLE_ARN"
_PLACE = {
    "settings": SETTINGS_VARIABLE,
    "account": "MEDIC_ACCOUNT",
    "region": "AWS_REGION",
    "partition": "MEDIC_PARTITION",
    "table": "INCIDENTS_TABLE",
}
_VARIABLES = {
    **_PLACE,
    "topic_arn": "ALERT_TOPIC_ARN",
    "default_role_arn": "DEFAULT_COMPUTE_ROLE_ARN",
}
_WATCHER_VARIABLES = {**_PLACE, "remediator_function": "REMEDIATOR_FUNCTION"}
_SLACK_VARIABLES = _WATCHER_VARIABLES


def merge(base: object, over: object) -> object:
    """`over` laid over `base`: objects are merged key by key, anything else is replaced."""
    if isinstance(base, Mapping) and isinstance(over, Mapping):
        return {**base, **{key: merge(base.get(key), value) for key, value in over.items()}}
    return over


def _read_settings(reader: SettingsReader) -> Settings:
    settings = Settings(
        mode=Mode(reader.choice("mode", Mode, Mode.FIX)),
        compute_roles=_pairings(reader, "compute_roles"),
        service_roles=_pairings(reader, "service_roles"),
        default_role=_default_role(reader.nested("default_role")),
        apps=reader.texts("apps", _APP, "an Amplify app id"),
        slack=read_slack(reader.nested("slack")),
        sns=_sns(reader.nested("sns")),
        redact_emails=reader.flag("redact_emails"),
        watch_runtime=WatchRuntime(reader.choice("watch_runtime", WatchRuntime, WatchRuntime.ALL)),
        required_permissions_boundary=reader.text(
            "required_permissions_boundary", _POLICY_ARN, "the ARN of an IAM policy"
        ),
        admin_roles_allowed=reader.texts("admin_roles_allowed", _ROLE_ARN, "the ARN of an IAM role"),
        log_url_origins=reader.texts("log_url_origins", _ORIGIN, "an origin such as http://127.0.0.1:4566"),
        alarms=reader.flag("alarms", default=True),
        limits=_limits(reader.nested("limits")),
    )
    reader.finish()
    return settings


def _pairings(reader: SettingsReader, key: str) -> tuple[Pairing, ...]:
    pairings = []
    for role_arn, targets in reader.mapping(key).items():
        if not _ROLE_ARN.fullmatch(role_arn):
            reader.wrong(key, f"has the key {role_arn!r}, which is not the ARN of an IAM role")
        if not isinstance(targets, list) or not targets or not all(_is_target(target) for target in targets):
            reader.wrong(f"{key}[{role_arn}]", f"must be a list of appId or appId/branch, not {targets!r}")
            continue
        pairings.append(Pairing(role_arn, tuple(targets)))
    return tuple(pairings)


def _is_target(target: object) -> bool:
    if not isinstance(target, str):
        return False
    app_id, slash, branch = target.partition("/")
    return bool(_APP.fullmatch(app_id)) and bool(branch or not slash)


def _default_role(reader: SettingsReader) -> DefaultRole:
    role = DefaultRole(
        policies=reader.texts("policies", _POLICY_ARN, "the ARN of an IAM policy"),
        permissions_boundary=reader.text("permissions_boundary", _POLICY_ARN, "the ARN of an IAM policy"),
        apps=reader.texts("apps", _APP, "an Amplify app id"),
    )
    if role.policies and not role.apps:
        reader.wrong("apps", "is required as soon as policies are set: name the apps that may hold these permissions")
    reader.finish()
    return role


def _sns(reader: SettingsReader) -> Sns:
    sns = Sns(
        emails=reader.texts("emails", _EMAIL, "an e-mail address"),
        format=SnsFormat(reader.choice("format", SnsFormat, SnsFormat.TEXT)),
    )
    reader.finish()
    return sns


_LIMIT_RANGES: Mapping[str, tuple[int, int]] = {
    "fixes_per_branch_an_hour": (1, 10),
    "fixes_per_app_an_hour": (1, 50),
    "fixes_per_account_an_hour": (1, 100),
    "cool_down_minutes": (1, 24 * 60),
    "fresh_minutes": (1, 24 * 60),
    "storm_incidents": (1, 1000),
    "storm_minutes": (1, 60),
    "propagation_seconds": (0, 45),
    "log_mebibytes": (1, 1024),
}


def _limits(reader: SettingsReader) -> Limits:
    defaults = Limits()
    limits = Limits(**{f.name: _bounded(reader, f.name, getattr(defaults, f.name)) for f in fields(Limits)})
    if limits.fixes_per_app_an_hour >= limits.fixes_per_account_an_hour:
        reader.wrong("fixes_per_app_an_hour", "must be below fixes_per_account_an_hour")
    reader.finish()
    return limits


def _bounded(reader: SettingsReader, name: str, default: int) -> int:
    value = reader.take(name)
    low, high = _LIMIT_RANGES[name]
    if value is None:
        return default
    if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
        return value
    reader.wrong(name, f"must be a whole number from {low} to {high}, not {value!r}")
    return default


def refuse_emulator_settings(settings: Settings, account: str | None) -> None:
    """Refuse what is only there for the emulator, unless the account is known to be an emulator's.

    Raises:
        SettingsError: `log_url_origins` is set and the account is not 000000000000.
    """
    if settings.log_url_origins and account != EMULATOR_ACCOUNT:
        raise SettingsError(
            [f"log_url_origins widens where logs are fetched from and is for the emulator only (account {account})"]
        )
