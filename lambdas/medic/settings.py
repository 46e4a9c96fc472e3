"""The deployer's settings, and what each deployed function knows about its stack.

The settings are one object, `amplify-medic` in the CDK context. It is validated at synth, where one error names every
mistake, and passed to the functions unchanged. No other module reads the environment.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct, field

from medic.arns import APP_ID
from medic.records import replace
from medic.settings_reader import SettingsError, SettingsReader

SETTINGS_VARIABLE = "AMPLIFY_MEDIC_SETTINGS"
OVERRIDES_VARIABLE = "AMPLIFY_MEDIC_OVERRIDES"
"""What the parameter of a template for many accounts overrides, as JSON. A stack of `cdk deploy` does not set it."""
OVERRIDABLE = frozenset({"limits", "log_lines", "mode", "notify", "redact_emails"})
"""Settings that only the running functions read. The stack's resources were made from the others."""
ACTOR_ROLE_VARIABLE = "ACTOR_ROLE_ARN"
DEFAULT_ROLE_VARIABLE = "DEFAULT_COMPUTE_ROLE_ARN"
SLACK_ROLE_VARIABLE = "SLACK_ROLE_ID"
EMULATOR_ACCOUNT = "000000000000"
"""The account of local emulators. AWS gives no customer this account id."""


class Mode(StrEnum):
    """How far the bot may go: `report` only alerts, `ask` waits for an approval, `fix` acts at once."""

    REPORT = "report"
    ASK = "ask"
    FIX = "fix"


class SnsFormat(StrEnum):
    """What the topic's subscribers get. With `amazon_q`, e-mail gets text and all others get Amazon Q's JSON format."""

    TEXT = "text"
    AMAZON_Q = "amazon_q"


class LogLines(StrEnum):
    """What alerts and events quote from build logs and SSR logs. With `none`, no line leaves the account."""

    REDACTED = "redacted"
    NONE = "none"


class Notify(StrEnum):
    """Which failed builds get an alert: those that IAM may have caused, or every one."""

    IAM = "iam"
    ALL_FAILURES = "all_failures"


class WatchRuntime(StrEnum):
    """Which SSR apps' runtime logs are watched. `tagged`: those with a branch tagged `report`, `ask` or `fix`."""

    ALL = "all"
    TAGGED = "tagged"
    NONE = "none"


class Pairing(Struct, frozen=True):
    """A role, and the targets that it may be attached to: `appId` (all its branches) or `appId/branch`."""

    role_arn: str
    targets: tuple[str, ...]

    def covers(self, app_id: str, branch: str) -> bool:
        return app_id in self.targets or self.names_branch(app_id, branch)

    def names_branch(self, app_id: str, branch: str) -> bool:
        """True if exactly this branch is paired, not only its app."""
        return f"{app_id}/{branch}" in self.targets


class DefaultRole(Struct, frozen=True):
    """The compute role that the stack creates. It has no permissions unless `policies` names some."""

    policies: tuple[str, ...] = ()
    permissions_boundary: str | None = None
    apps: tuple[str, ...] = ()
    """The apps it may be attached to; required if it has a policy. Without the setting: any app."""


class SlackChannel(Struct, frozen=True):
    """One Slack destination: an incoming webhook, or a channel that the bot posts to. Exactly one of the two is set."""

    webhook_secret: str | None = None
    """The name or ARN of the secret that holds the webhook's URL."""
    channel: str | None = None
    """The channel's id, or its #name."""


class Slack(Struct, frozen=True):
    """Where alerts go in Slack, and who may approve there. Secrets are names or ARNs of Secrets Manager secrets."""

    default: SlackChannel | None = None
    bot_token_secret: str | None = None
    """Holds the bot token, which is needed to post to a channel."""
    channels: Mapping[str, SlackChannel] = field(default_factory=dict)
    """More destinations, by the name that the tag `amplify-medic:channel` gives."""
    signing_secret: str | None = None
    """Holds the Slack app's signing secret."""
    app_id: str | None = None
    approvers: tuple[str, ...] = ()
    """Who may approve, as TEAM/USER."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret that is read for sending alerts. The signing secret is not: only clicks need it."""
        channels = (self.default, *self.channels.values())
        webhooks = (channel.webhook_secret for channel in channels if channel is not None)
        return tuple(dict.fromkeys(secret for secret in (self.bot_token_secret, *webhooks) if secret))

    @property
    def takes_approvals(self) -> bool:
        """True if people may approve with a button in Slack."""
        return self.signing_secret is not None


class Sns(Struct, frozen=True):
    emails: tuple[str, ...] = ()
    """Addresses that are subscribed to the alert topic."""
    format: SnsFormat = SnsFormat.TEXT


class Operator(Struct, frozen=True):
    """Who may assume the operator role."""

    require_source_identity: bool = False
    """True: only sessions with a source identity, which names the person in CloudTrail."""


class Concurrency(Struct, frozen=True):
    """How many runs of a function there are at the same time.

    A reservation is taken from the account's pool, which is 10 in a new account, so by default there is none.
    """

    messages: int = 10
    """How many messages the remediator handles at the same time, at most."""
    reserved_remediator: int | None = None
    """Not less than `messages`: Lambda would throttle the rest, and those messages would wait."""
    reserved_slack: int | None = None
    """So many runs serve Slack's clicks, at most: the function's URL is public."""


class Limits(Struct, frozen=True):
    """Limits on what the bot does without a person, in the units that the names give."""

    fixes_per_branch_an_hour: int = 1
    fixes_per_app_an_hour: int = 3
    fixes_per_account_an_hour: int = 5
    cool_down_minutes: int = 60
    fresh_minutes: int = 30
    storm_apps: int = 5
    storm_minutes: int = 10
    other_failures: int = 10
    """Alerts within `storm_minutes` on builds that failed without IAM; one more alert reports the rest."""
    propagation_seconds: int = 45
    log_mebibytes: int = 64


class Settings(Struct, frozen=True):
    """Everything that a deployer may choose. All of it is optional: by default the bot fixes only tagged branches."""

    mode: Mode = Mode.FIX
    compute_roles: tuple[Pairing, ...] = ()
    service_roles: tuple[Pairing, ...] = ()
    default_role: DefaultRole = field(default_factory=DefaultRole)
    apps: tuple[str, ...] = ()
    """The bot handles only these apps. Without the setting: every app."""
    notify: Notify = Notify.IAM
    slack: Slack = field(default_factory=Slack)
    sns: Sns = field(default_factory=Sns)
    redact_emails: bool = False
    """True: e-mail addresses in alerts are redacted too."""
    watch_runtime: WatchRuntime = WatchRuntime.ALL
    required_permissions_boundary: str | None = None
    """The ARN of a policy. If set, only compute roles with this permissions boundary are attached."""
    admin_roles_allowed: tuple[str, ...] = ()
    """ARNs of roles that may be set although their policies lead to more power, as those for Gen 2 builds do."""
    log_url_origins: tuple[str, ...] = ()
    """More origins that build logs may be downloaded from, for a local emulator."""
    alarms: bool = True
    """False: no CloudWatch alarms."""
    dashboard: bool = False
    """True: a CloudWatch dashboard, which costs 3 dollars a month after the third of an account."""
    operator: Operator = field(default_factory=Operator)
    concurrency: Concurrency = field(default_factory=Concurrency)
    permissions_boundary: str | None = None
    """The ARN of a policy that becomes the permissions boundary of every role of the stack."""
    role_path: str | None = None
    """The path of every role of the stack, such as /platform/."""
    kms_key: str | None = None
    """The ARN of a key that encrypts table, topic, queues and logs."""
    central_bus: str | None = None
    """The ARN of an event bus, of any account and region, that the bot's own events are forwarded to."""
    log_lines: LogLines = LogLines.REDACTED
    keep_logs: bool = False
    """True: the functions' log groups stay when the stack is deleted."""
    cloudtrail: bool = True
    """False: the bot may not look up in CloudTrail who changed a role, an app or a branch."""
    limits: Limits = field(default_factory=Limits)

    def watches(self, app_id: str) -> bool:
        """True if the bot handles this app."""
        return not self.apps or app_id in self.apps

    @classmethod
    def parse(cls, raw: object) -> Settings:
        """Validate a settings object from the CDK context; None means "no settings".

        Raises:
            SettingsError: names every mistake.
        """
        reader = SettingsReader({} if raw is None else raw, "")
        settings = _read_settings(reader)
        if reader.mistakes:
            raise SettingsError(reader.mistakes)
        return settings


def merge(base: object, over: object) -> object:
    """Merge `over` into `base`: objects are merged key by key, any other value in `over` replaces the one in `base`."""
    if isinstance(base, Mapping) and isinstance(over, Mapping):
        return {**base, **{key: merge(base.get(key), value) for key, value in over.items()}}
    return over


def override(base: object, over: object) -> Settings:
    """The settings `base`, with what `over` changes for one deployment of a template.

    Raises:
        SettingsError: a mistake in either, or a change that the stack's resources do not allow.
    """
    made_for = Settings.parse(base)
    changed = Settings.parse(merge(base, over))
    fixed = sorted(set(over) - OVERRIDABLE) if isinstance(over, Mapping) else []
    mistakes = [f"{name} can't be overridden, because resources depend on it: make a new template" for name in fixed]
    modes = list(Mode)
    if modes.index(changed.mode) > modes.index(made_for.mode):
        mistakes.append(f"mode can only be lowered: the template was made for {made_for.mode}, not {changed.mode}")
    if mistakes:
        raise SettingsError(mistakes)
    return changed


def refuse_emulator_settings(settings: Settings, account: str | None) -> None:
    """Raise a SettingsError for `log_url_origins` if the account is not known to be the emulator's."""
    if settings.log_url_origins and account != EMULATOR_ACCOUNT:
        used_in = f"account {account}" if account else "an unknown account"
        raise SettingsError(
            [f"log_url_origins is only for the emulator (account {EMULATOR_ACCOUNT}), not for {used_in}: remove it"]
        )


_ROLE_ARN = re.compile(r"arn:(aws[a-z-]*):iam::(\d{12}):role/([\w+=,.@/-]+)")
_POLICY_ARN = re.compile(r"arn:aws[a-z-]*:iam::(?:aws|\d{12}):policy/[\w+=,.@/-]+")
_A_POLICY = "the ARN of an IAM policy"
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
_ROLE_PATH = re.compile(r"/(?:[\w+=,.@-]+/){1,40}")
_KEY_ARN = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+")
# Not a default bus: events forwarded to the one that they come from would be forwarded again, without end.
_BUS_ARN = re.compile(r"arn:aws[a-z-]*:events:[a-z0-9-]+:\d{12}:event-bus/(?!default$)[\w./-]{1,256}")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d{1,5})?")
# A webhook URL or a token in place of the secret's name would end up in the template and in the function's environment.
_SECRET = re.compile(r"(?!https?:|xox[a-z]-)[\w/+=.@:-]{1,2048}")
_A_SECRET = (
    "the name or ARN of a Secrets Manager secret, or ssm: and the name of a SecureString parameter"  # noqa: S105 - words
    " (put the URL or token there)"
)
_CHANNEL_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_SLACK_CHANNEL = re.compile(r"#?[\w.-]{1,80}")
_A_SLACK_CHANNEL = "a Slack channel's id, such as C0123456789, or #name"
_SLACK_APP_ID = re.compile(r"A[A-Z0-9]{2,20}")
_APPROVER = re.compile(r"[TE][A-Z0-9]{2,20}/[UW][A-Z0-9]{2,20}")

_MOST_RUNS = 1000
"""The most that Lambda takes as a mapping's concurrency.
https://docs.aws.amazon.com/lambda/latest/api/API_ScalingConfig.html"""

_LIMIT_RANGES: Mapping[str, tuple[int, int]] = {
    "fixes_per_branch_an_hour": (1, 10),
    "fixes_per_app_an_hour": (1, 50),
    "fixes_per_account_an_hour": (1, 100),
    "cool_down_minutes": (1, 24 * 60),
    "fresh_minutes": (1, 24 * 60),
    "storm_apps": (1, 100),
    "storm_minutes": (1, 60),
    "other_failures": (1, 100),
    "propagation_seconds": (0, 45),
    "log_mebibytes": (1, 1024),
}
"""The smallest and largest value of each limit."""


def _read_settings(reader: SettingsReader) -> Settings:
    settings = Settings(
        mode=reader.choice("mode", Mode.FIX),
        compute_roles=_pairings(reader, "compute_roles"),
        service_roles=_pairings(reader, "service_roles"),
        default_role=_default_role(reader.nested("default_role")),
        apps=reader.texts("apps", APP_ID, "an Amplify app id", some=True),
        notify=reader.choice("notify", Notify.IAM),
        slack=_slack(reader.nested("slack")),
        sns=_sns(reader.nested("sns")),
        redact_emails=reader.flag("redact_emails"),
        watch_runtime=reader.choice("watch_runtime", WatchRuntime.ALL),
        required_permissions_boundary=reader.text("required_permissions_boundary", _POLICY_ARN, _A_POLICY),
        admin_roles_allowed=reader.texts("admin_roles_allowed", _ROLE_ARN, "the ARN of an IAM role"),
        log_url_origins=reader.texts("log_url_origins", _ORIGIN, "an origin such as http://127.0.0.1:4566"),
        alarms=reader.flag("alarms", default=True),
        dashboard=reader.flag("dashboard"),
        operator=_operator(reader.nested("operator")),
        concurrency=_concurrency(reader.nested("concurrency")),
        permissions_boundary=reader.text("permissions_boundary", _POLICY_ARN, _A_POLICY),
        role_path=reader.text("role_path", _ROLE_PATH, "a path such as /platform/"),
        kms_key=reader.text("kms_key", _KEY_ARN, "the ARN of a KMS key (not of an alias)"),
        central_bus=reader.text("central_bus", _BUS_ARN, "the ARN of an event bus (not a default one)"),
        log_lines=reader.choice("log_lines", LogLines.REDACTED),
        keep_logs=reader.flag("keep_logs"),
        cloudtrail=reader.flag("cloudtrail", default=True),
        limits=_limits(reader.nested("limits")),
    )
    reader.finish()
    return settings


def _pairings(reader: SettingsReader, key: str) -> tuple[Pairing, ...]:
    pairings = []
    for role_arn, targets in reader.mapping(key).items():
        if not _ROLE_ARN.fullmatch(role_arn):
            reader.add_mistake(key, f"has the key {role_arn!r}; each key must be the ARN of an IAM role")
        if not isinstance(targets, list) or not targets or not all(_is_target(target) for target in targets):
            reader.add_mistake(
                f"{key}[{role_arn}]", f"must be a list of appId or appId/branch (no wildcards), not {targets!r}"
            )
            continue
        pairings.append(Pairing(role_arn, tuple(targets)))
    return tuple(pairings)


def _is_target(target: object) -> bool:
    if not isinstance(target, str):
        return False
    app_id, slash, branch = target.partition("/")
    return bool(APP_ID.fullmatch(app_id)) and bool(branch or not slash) and not set("*?") & set(branch)


def _default_role(reader: SettingsReader) -> DefaultRole:
    role = DefaultRole(
        policies=reader.texts("policies", _POLICY_ARN, _A_POLICY),
        permissions_boundary=reader.text("permissions_boundary", _POLICY_ARN, _A_POLICY),
        apps=reader.texts("apps", APP_ID, "an Amplify app id", some=True),
    )
    if role.policies and not role.apps:
        reader.add_mistake("apps", "is required if policies are set: list the apps that may have these permissions")
    reader.finish()
    return role


def _slack(reader: SettingsReader) -> Slack:
    slack = Slack(
        default=_slack_channel(reader),
        bot_token_secret=reader.text("bot_token_secret", _SECRET, _A_SECRET, hidden=True),
        channels=_named_channels(reader),
        signing_secret=reader.text("signing_secret", _SECRET, _A_SECRET, hidden=True),
        app_id=reader.text("app_id", _SLACK_APP_ID, "a Slack app's id, such as A0123456789"),
        approvers=reader.texts("approvers", _APPROVER, "TEAM/USER, such as T0123456789/U0123456789"),
    )
    _check_slack(slack, reader)
    reader.finish()
    return slack


def _slack_channel(reader: SettingsReader) -> SlackChannel | None:
    webhook = reader.text("webhook_secret", _SECRET, _A_SECRET, hidden=True)
    channel = reader.text("channel", _SLACK_CHANNEL, _A_SLACK_CHANNEL)
    if webhook and channel:
        reader.add_mistake("channel", "and webhook_secret are both set: set only one of them")
    return SlackChannel(webhook, channel) if webhook or channel else None


def _named_channels(reader: SettingsReader) -> dict[str, SlackChannel]:
    """The channels by name. A string instead of an object is the name or ARN of a webhook's secret."""
    channels = {}
    for name, given in reader.mapping("channels").items():
        key = f"channels[{name}]"
        if not _CHANNEL_NAME.fullmatch(name):
            reader.add_mistake(key, "has an invalid name: use 1 to 64 letters, digits and the characters _ . -")
        below = reader.below(key, {"webhook_secret": given} if isinstance(given, str) else given)
        channel = _slack_channel(below)
        below.finish()
        if channel is None:
            reader.add_mistake(key, "needs a webhook_secret or a channel")
        else:
            channels[name] = channel
    return channels


def _check_slack(slack: Slack, reader: SettingsReader) -> None:
    """Check the settings that depend on each other."""
    posts_to_channel = any(each is not None and each.channel for each in (slack.default, *slack.channels.values()))
    if posts_to_channel and slack.bot_token_secret is None:
        reader.add_mistake("bot_token_secret", "is missing: the bot needs a token to post to a channel")
    if slack.bot_token_secret and not posts_to_channel:
        reader.add_mistake("channel", "is missing: bot_token_secret is set, but no channel to post to")
    if slack.channels and slack.default is None:
        no_default = "needs a default: also set webhook_secret or channel, for branches without a channel tag"
        reader.add_mistake("channels", no_default)
    approval = (slack.signing_secret, slack.app_id, slack.approvers)
    if any(approval) and not all(approval):
        reader.add_mistake("signing_secret, app_id and approvers", "must be set together: approval needs all three")
    if slack.signing_secret and slack.bot_token_secret is None:
        without_buttons = "needs bot_token_secret: only messages posted with the bot token have buttons"
        reader.add_mistake("signing_secret", without_buttons)


def _sns(reader: SettingsReader) -> Sns:
    emails = reader.texts("emails", _EMAIL, "an e-mail address")
    sns = Sns(emails, reader.choice("format", SnsFormat.TEXT))
    reader.finish()
    return sns


def _operator(reader: SettingsReader) -> Operator:
    operator = Operator(reader.flag("require_source_identity"))
    reader.finish()
    return operator


def _concurrency(reader: SettingsReader) -> Concurrency:
    concurrency = Concurrency(
        messages=reader.number("messages", 10, 2, _MOST_RUNS),
        reserved_remediator=reader.number("reserved_remediator", None, 2, _MOST_RUNS),
        reserved_slack=reader.number("reserved_slack", None, 1, _MOST_RUNS),
    )
    if concurrency.reserved_remediator is not None and concurrency.reserved_remediator < concurrency.messages:
        reader.add_mistake("reserved_remediator", f"must not be less than messages, which is {concurrency.messages}")
    reader.finish()
    return concurrency


def _limits(reader: SettingsReader) -> Limits:
    defaults = Limits()
    limits = Limits(
        **{name: reader.number(name, getattr(defaults, name), *bounds) for name, bounds in _LIMIT_RANGES.items()}
    )
    account_limit = limits.fixes_per_account_an_hour
    if limits.fixes_per_app_an_hour >= account_limit:
        below = f"must be less than fixes_per_account_an_hour, which is {account_limit}"
        reader.add_mistake("fixes_per_app_an_hour", below)
    reader.finish()
    return limits


def started_by_lambda(environ: Mapping[str, str] = os.environ) -> bool:
    """True in a process that Lambda has started.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    """
    return "AWS_LAMBDA_INITIALIZATION_TYPE" in environ


_VARIABLES = {
    "account": "MEDIC_ACCOUNT",
    "region": "AWS_REGION",
    "partition": "MEDIC_PARTITION",
    "table": "INCIDENTS_TABLE",
    "queue_url": "QUEUE_URL",
}
_REMEDIATOR_VARIABLES = _VARIABLES | {
    "topic_arn": "ALERT_TOPIC_ARN",
    "default_role_arn": DEFAULT_ROLE_VARIABLE,
    "operator_role_id": "OPERATOR_ROLE_ID",
}


class Runtime(Struct, frozen=True):
    """What a function knows about its stack.

    Its constructors read the environment; a SettingsError names every variable that is missing or wrong.
    """

    settings: Settings
    account: str
    region: str
    partition: str
    table: str
    queue_url: str = ""
    """The remediator's queue."""
    topic_arn: str = ""
    default_role_arn: str = ""
    actor_role_arn: str | None = None
    """None in mode `report`: then no role may change anything."""
    operator_role_id: str = ""
    """The id (`AROA…`) of the role whose sessions may send requests."""
    slack_role_id: str | None = None
    """The id of the Slack function's role. None without approvers: then Slack may request nothing."""

    @classmethod
    def of_remediator(cls, environ: Mapping[str, str] = os.environ) -> Runtime:
        runtime = _runtime(environ, _REMEDIATOR_VARIABLES)
        actor, slack = (environ.get(variable) or None for variable in (ACTOR_ROLE_VARIABLE, SLACK_ROLE_VARIABLE))
        return replace(runtime, actor_role_arn=actor, slack_role_id=slack)

    @classmethod
    def of_watcher(cls, environ: Mapping[str, str] = os.environ) -> Runtime:
        return _runtime(environ, _VARIABLES)

    @classmethod
    def of_slack(cls, environ: Mapping[str, str] = os.environ) -> Runtime:
        """For the function behind Slack's buttons; also an error if approvals are not set up."""
        runtime = _runtime(environ, _VARIABLES)
        if not runtime.settings.slack.takes_approvals:
            raise SettingsError(
                ["slack.signing_secret is not set: approval from Slack needs signing_secret, app_id and approvers"]
            )
        return runtime


def _runtime(environ: Mapping[str, str], names: Mapping[str, str]) -> Runtime:
    missing = [variable for variable in (SETTINGS_VARIABLE, *names.values()) if variable not in environ]
    if missing:
        raise SettingsError([f"environment variable {variable} is not set" for variable in missing])
    settings = override(_json(environ, SETTINGS_VARIABLE), _json(environ, OVERRIDES_VARIABLE))
    return Runtime(settings, **{name: environ[variable] for name, variable in names.items()})


def _json(environ: Mapping[str, str], variable: str) -> object:
    try:
        return json.loads(environ.get(variable, "{}"))
    except ValueError as error:
        raise SettingsError([f"environment variable {variable} is not JSON: {error}"]) from error
