"""AWS with the user's own credentials: sessions, one-sentence explanations of failed calls, and the deployed stack.

The exceptions: https://docs.aws.amazon.com/boto3/latest/guide/error-handling.html; the codes of rejected credentials:
https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import click
from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError

from medic.aws.clients import READING
from medic.aws.errors import UNKNOWN_ANSWER, AwsError, AwsRejectedError, DeniedError, RetryableError, translated
from medic.aws.iam import IamReader
from medic.evidence import Absent, Item, Present, Unreadable
from medic.redaction import redact
from medic.settings import Runtime
from medic.settings_reader import SettingsError
from medic_cli.errors import CouldNotLookError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from boto3.session import Session
    from types_boto3_cloudformation.type_defs import StackTypeDef

F = TypeVar("F", bound=Callable[..., object])
_T = TypeVar("_T")

CHECK_NAMES = "check the app id, branch, --region and --profile"
"""What to do if AWS knows no such app or branch."""
_NO_REGION = "No AWS region is set: give --region, or set AWS_REGION, or a region in the profile."


def session(profile: str | None, region: str | None) -> Session:
    """A session with the user's own credentials, found as the AWS CLI finds them.

    Args:
        profile: a profile of the shared configuration files; None for the environment's or the default one.
        region: the region of the calls; None for the environment's or the profile's.

    Raises:
        CouldNotLookError: there is no such profile, or the configuration files can't be read.
    """
    from boto3.session import Session  # noqa: PLC0415 - the commands that stay offline do without it

    with explained():
        return Session(profile_name=profile, region_name=region)


def region_of(session_: Session) -> str:
    """The region of a session's calls.

    Raises:
        CouldNotLookError: no region is set anywhere.
    """
    if session_.region_name is None:
        raise CouldNotLookError(_NO_REGION)
    return session_.region_name


def account_alias(session_: Session) -> str:
    """The name that somebody gave the session's account, or "" if there is none or it may not be read."""
    return IamReader(lambda: session_.client("iam", config=READING), "").account_alias()


def required(item: Item[_T], region: str) -> _T:
    """The value of an item without which the command cannot go on.

    Raises:
        CouldNotLookError: it does not exist, or may not be read; the message says what to do.
    """
    if isinstance(item, Present):
        return item.value
    if isinstance(item, Absent):
        raise CouldNotLookError(f"{item.reason} in {region}: {CHECK_NAMES}.")
    raise CouldNotLookError(f"{item.reason} Allow that action and repeat.")


def why(item: Item[object]) -> str:
    """The reason why an item has no value."""
    match item:
        case Absent(reason) | Unreadable(reason):
            return reason
        case _:
            return "it was read"


@contextmanager
def explained() -> Iterator[None]:
    """Turn a failed AWS call into one sentence: what failed, and what to do.

    Catches the gateways' `AwsError`, and botocore's exceptions before a call. All others pass.

    Raises:
        CouldNotLookError: exit code 3.
    """
    try:
        yield
    except (AwsError, BotoCoreError) as error:
        raise CouldNotLookError(explanation(error)) from error


def explanation(error: AwsError | BotoCoreError) -> str:
    """What a failed call means for the user: what is wrong, where, and what to do."""
    # Gateways keep botocore's exception as the cause. If AWS sent no answer, that exception explains more.
    cause = error.__cause__ if isinstance(error, AwsError) else error
    if isinstance(cause, BotoCoreError):
        return _without_answer(cause)
    return _with_answer(error) if isinstance(error, AwsError) else str(error)


_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired")
_REJECTED = (
    *("AuthFailure", "IncompleteSignature", "InvalidAccessKeyId", "InvalidClientTokenId", "InvalidSignature"),
    *("InvalidSignatureException", "InvalidToken", "MissingAuthenticationToken", "NotAuthorized"),
    *("MissingAuthenticationTokenException", "SignatureDoesNotMatch", "UnrecognizedClientException"),
)
_CLOCK_SKEW = ("RequestInTheFuture", "RequestTimeTooSkewed")
_REGION_DISABLED = ("OptInRequired", "RegionDisabledException")

_SIGN_IN = "sign in again (aws sso login, aws login, or fresh keys) and repeat"
_BY_CODE: Mapping[str, str] = {
    **dict.fromkeys(_EXPIRED, f"The AWS credentials have expired ({{what}} answered {{code}}): {_SIGN_IN}."),
    **dict.fromkeys(_REJECTED, f"AWS does not accept these credentials ({{what}} answered {{code}}): {_SIGN_IN}."),
    UNKNOWN_ANSWER: "The answer to {what} is not one that AWS documents: look whether a proxy wants a sign-in, check"
    " AWS_ENDPOINT_URL, or install a newer medic.",
    **dict.fromkeys(
        _CLOCK_SKEW, "AWS rejected the request's time ({what} answered {code}): correct this computer's clock."
    ),
    **dict.fromkeys(
        _REGION_DISABLED, "This account can't use the region ({what} answered {code}): choose another --region."
    ),
}

_ACTION = re.compile(r"not authorized to perform:? ([a-z0-9-]+:[A-Za-z0-9]+)")
_MAX_MESSAGE = 400
"""Characters of AWS's own message to repeat."""


def _with_answer(error: AwsError) -> str:
    sentence = _BY_CODE.get(error.code)
    if sentence is not None:
        return sentence.format(what=error.operation, code=error.code)
    if isinstance(error, DeniedError):
        return f"These credentials may not call {_action(error)}: {_message(error)} Allow that action and repeat."
    if isinstance(error, RetryableError):
        return f"AWS could not do {error.operation} now ({error.code}: {_message(error)}) Try again in a minute."
    return f"AWS rejected {error.operation} with {error.code}: {_message(error)}"


def _action(error: AwsError) -> str:
    """The missing IAM action. AWS's message is preferred because an action's name can differ from the operation's."""
    named = _ACTION.search(error.message)
    return named[1] if named else error.operation


def _message(error: AwsError) -> str:
    text = redact(error.message)[:_MAX_MESSAGE].strip() or "no reason given"
    return text if text.endswith((".", "!", "?")) else f"{text}."


_NO_CREDENTIALS = (
    "No AWS credentials were found, or only a part of them: sign in (aws sso login, aws login), name a --profile, or "
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
)
_NOT_RENEWED = f"The AWS credentials could not be renewed ({{message}}): {_SIGN_IN}."
_UNREACHABLE = "{where} could not be reached ({name}): check the network, AWS_ENDPOINT_URL and the region's name."
_WITHOUT_ANSWER: tuple[tuple[type[BotoCoreError], str], ...] = (
    (boto.NoCredentialsError, _NO_CREDENTIALS),
    (boto.PartialCredentialsError, _NO_CREDENTIALS),
    (boto.ProfileNotFound, "{message}: choose one that `aws configure list-profiles` shows."),
    (boto.ConfigNotFound, "The AWS configuration can't be read: {message}"),
    (boto.ConfigParseError, "The AWS configuration can't be read: {message}"),
    (boto.NoRegionError, _NO_REGION),
    (boto.InvalidRegionError, "{message} Give --region a name such as eu-central-1."),
    (boto.HTTPClientError, _UNREACHABLE),
    (boto.ConnectionError, _UNREACHABLE),
    (boto.SSOError, _NOT_RENEWED),
    (boto.TokenRetrievalError, _NOT_RENEWED),
    (boto.CredentialRetrievalError, _NOT_RENEWED),
    (boto.NoAuthTokenError, _NOT_RENEWED),
    # The oldest boto3 that medic supports does not know `aws login` yet.
    (getattr(boto, "LoginError", boto.NoAuthTokenError), _NOT_RENEWED),
    (BotoCoreError, "The call to AWS failed: {message}"),
)
"""The first class that fits gives the sentence."""

_HOST = re.compile(r"https?://[^\s/\"']+")


def _without_answer(error: BotoCoreError) -> str:
    sentence = next(sentence for kind, sentence in _WITHOUT_ANSWER if isinstance(error, kind))
    host = _HOST.search(str(error))
    message = redact(str(error))[:_MAX_MESSAGE]
    return sentence.format(message=message, where=host[0] if host else "AWS", name=type(error).__name__)


_NO_SUCH_STACK = "does not exist"


def stack_option(command: F) -> F:
    """`--stack`, for the commands that work with the deployed stack."""
    return click.option(
        "--stack", metavar="NAME", default="AmplifyMedic", show_default=True, help="Name of the deployed stack."
    )(command)


def describe_stack(session_: Session, name: str) -> StackTypeDef:
    """What DescribeStacks says of a stack.

    Raises:
        CouldNotLookError: there is no such stack, or it can't be read.
    """
    with explained():
        cloudformation = session_.client("cloudformation", config=READING)
        try:
            with translated("cloudformation:DescribeStacks"):
                return cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        except AwsRejectedError as error:
            if _NO_SUCH_STACK not in error.message:
                raise
            raise CouldNotLookError(
                f"There is no stack {name} in {region_of(session_)}: deploy it (npx cdk deploy), or check --stack, "
                "--region and --profile."
            ) from None


@dataclass(frozen=True)
class DeployedStack:
    """A deployed stack, read when a value is first needed."""

    session: Session
    name: str

    def output(self, key: str) -> str:
        """The value of one output.

        Raises:
            CouldNotLookError: there is no such stack, or it has no such output.
        """
        value = self._outputs.get(key)
        if value is None:
            raise CouldNotLookError(
                f"The stack {self.name} has no output {key}: deploy the current version of Amplify Medic, or choose "
                "another --stack."
            )
        return value

    @cached_property
    def runtime(self) -> Runtime:
        """The settings and environment of the deployed remediator.

        Raises:
            CouldNotLookError: another version of Amplify Medic wrote the remediator's environment.
        """
        functions = self.session.client("lambda", config=READING)
        with translated("lambda:GetFunctionConfiguration"):
            answer = functions.get_function_configuration(FunctionName=self.output("RemediatorFunctionName"))
        variables = answer.get("Environment", {}).get("Variables", {})
        try:
            return Runtime.of_remediator({**variables, "AWS_REGION": region_of(self.session)})
        except SettingsError as error:
            raise CouldNotLookError(f"The settings of the stack {self.name} can't be read: {error}") from None

    @cached_property
    def _outputs(self) -> Mapping[str, str]:
        return {o["OutputKey"]: o["OutputValue"] for o in describe_stack(self.session, self.name).get("Outputs", [])}
