"""AWS with the credentials of the person at the terminal, and one clear sentence wherever that does not work.

The exceptions: https://docs.aws.amazon.com/boto3/latest/guide/error-handling.html; the codes of refused credentials:
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
from botocore.exceptions import BotoCoreError, ClientError

from medic.aws.clients import READING
from medic.aws.errors import AwsError, DeniedError, RetryableError, translated
from medic.evidence import Absent, Item, Present, Unreadable
from medic.redaction import redact
from medic.settings import Runtime, SettingsError
from medic_cli.errors import CouldNotLookError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from boto3.session import Session

_T = TypeVar("_T")


def required(item: Item[_T], region: str) -> _T:
    """The thing that was read.

    Raises:
        CouldNotLookError: it is not there, or may not be read; the message says what to do.
    """
    if isinstance(item, Present):
        return item.value
    if isinstance(item, Absent):
        raise CouldNotLookError(f"{item.reason} in {region}: look at the names, and at --region and --profile.")
    raise CouldNotLookError(f"{item.reason} Allow that action and repeat.")


def why(item: Item[object]) -> str:
    """Why a thing is not known, where it is not."""
    match item:
        case Absent(reason) | Unreadable(reason):
            return reason
        case _:
            return "it was read"


_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired")
_REFUSED = (
    *("AuthFailure", "IncompleteSignature", "InvalidAccessKeyId", "InvalidClientTokenId", "InvalidSignature"),
    *("InvalidSignatureException", "InvalidToken", "MissingAuthenticationToken", "NotAuthorized"),
    *("MissingAuthenticationTokenException", "SignatureDoesNotMatch", "UnrecognizedClientException"),
)
_SKEWED = ("RequestInTheFuture", "RequestTimeTooSkewed")
_REGION_OFF = ("OptInRequired", "RegionDisabledException")

_SIGN_IN = "sign in again (aws sso login, aws login, or fresh keys) and repeat"
_BY_CODE: Mapping[str, str] = {
    **dict.fromkeys(_EXPIRED, f"The AWS credentials have expired ({{what}} answered {{code}}): {_SIGN_IN}."),
    **dict.fromkeys(_REFUSED, f"AWS does not accept these credentials ({{what}} answered {{code}}): {_SIGN_IN}."),
    **dict.fromkeys(_SKEWED, "AWS refused the call's time ({what} answered {code}): set this computer's clock."),
    **dict.fromkeys(
        _REGION_OFF, "This account can't use the region ({what} answered {code}): choose another --region."
    ),
}
_NO_CREDENTIALS = (
    "No AWS credentials were found, or only a part of them: sign in (aws sso login, aws login), name a --profile, or "
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
)
_NO_REGION = "No AWS region is set: give --region, or set AWS_REGION, or a region in the profile."
_NOT_RENEWED = f"The AWS credentials could not be renewed ({{said}}): {_SIGN_IN}."
_UNREACHABLE = (
    "{where} could not be reached ({name}): look at the network, at AWS_ENDPOINT_URL, and whether the region's name is "
    "right."
)
_BEFORE_ANY_ANSWER: tuple[tuple[type[BotoCoreError], str], ...] = (
    (boto.NoCredentialsError, _NO_CREDENTIALS),
    (boto.PartialCredentialsError, _NO_CREDENTIALS),
    (boto.ProfileNotFound, "{said}: name one that `aws configure list-profiles` shows."),
    (boto.ConfigNotFound, "The AWS configuration can't be read: {said}"),
    (boto.ConfigParseError, "The AWS configuration can't be read: {said}"),
    (boto.NoRegionError, _NO_REGION),
    (boto.InvalidRegionError, "{said} Give --region a name such as eu-central-1."),
    (boto.HTTPClientError, _UNREACHABLE),
    (boto.ConnectionError, _UNREACHABLE),
    (boto.SSOError, _NOT_RENEWED),
    (boto.TokenRetrievalError, _NOT_RENEWED),
    (boto.CredentialRetrievalError, _NOT_RENEWED),
    (boto.NoAuthTokenError, _NOT_RENEWED),
    # `aws login` is younger than the oldest boto3 that is good enough for the rest.
    (getattr(boto, "LoginError", boto.NoAuthTokenError), _NOT_RENEWED),
    (BotoCoreError, "AWS could not be asked: {said}"),
)

_ACTION = re.compile(r"not authorized to perform:? ([a-z0-9-]+:[A-Za-z0-9]+)")
_HOST = re.compile(r"https?://[^\s/\"']+")
_MOST = 400
"""Characters of AWS's own message that are worth repeating."""


def session(profile: str | None, region: str | None) -> Session:
    """A session with the user's own credentials, found as the AWS CLI finds them.

    Args:
        profile: of the shared configuration files; None for the environment's, or the default one.
        region: of the calls; None for the environment's, or the profile's.

    Raises:
        CouldNotLookError: there is no such profile, or the configuration files can't be read.
    """
    from boto3.session import Session  # noqa: PLC0415 - the commands that stay offline do without it

    with explained():
        return Session(profile_name=profile, region_name=region)


def region_of(session_: Session) -> str:
    """The region of a session's calls.

    Raises:
        CouldNotLookError: none is set anywhere.
    """
    if session_.region_name is None:
        raise CouldNotLookError(_NO_REGION)
    return session_.region_name


@contextmanager
def explained() -> Iterator[None]:
    """Say in one sentence what stood in the way and what to do about it, wherever AWS could not be asked.

    Takes botocore's exceptions as well as the gateways' `AwsError`; anything else goes through.

    Raises:
        CouldNotLookError: exit code 3.
    """
    try:
        yield
    except (AwsError, BotoCoreError, ClientError) as error:
        raise CouldNotLookError(explanation(error)) from error


def explanation(error: AwsError | BotoCoreError | ClientError) -> str:
    """What a failed call means for the person who made it: what is wrong, where, what to do."""
    match error:
        case AwsError():
            return _of_a_gateway(error)
        case ClientError():
            return _of_an_answer(_as_gateway(error))
        case _:
            return _before_any_answer(error)


def _of_a_gateway(error: AwsError) -> str:
    """The gateways keep what botocore said as the cause; where no answer came, that tells more."""
    cause = error.__cause__
    if isinstance(cause, BotoCoreError):
        return _before_any_answer(cause)
    return _of_an_answer(error)


def _as_gateway(error: ClientError) -> AwsError:
    try:
        with translated(error.operation_name):
            raise error
    except AwsError as made:
        return made


def _of_an_answer(error: AwsError) -> str:
    sentence = _BY_CODE.get(error.code)
    if sentence is not None:
        return sentence.format(what=error.operation, code=error.code)
    if isinstance(error, DeniedError):
        return f"These credentials may not call {_action(error)}: {_said(error)} Allow that action and repeat."
    if isinstance(error, RetryableError):
        return f"AWS did not do {error.operation} now ({error.code}: {_said(error)}) Try again in a minute."
    return f"AWS refused {error.operation} with {error.code}: {_said(error)}"


def _action(error: AwsError) -> str:
    """The IAM action that lacks: AWS's message names it best, since not every operation's permission bears its name."""
    named = _ACTION.search(error.message)
    return named[1] if named else error.operation


def _said(error: AwsError) -> str:
    text = redact(error.message)[:_MOST].strip() or "no reason given"
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _before_any_answer(error: BotoCoreError) -> str:
    sentence = next(sentence for kind, sentence in _BEFORE_ANY_ANSWER if isinstance(error, kind))
    host = _HOST.search(str(error))
    said = redact(str(error))[:_MOST]
    return sentence.format(said=said, where=host[0] if host else "AWS", name=type(error).__name__)


F = TypeVar("F", bound=Callable[..., object])

STACK = "AmplifyMedic"
_ABSENT = "does not exist"


def stack_option(command: F) -> F:
    """`--stack`, for the commands that work with the deployed stack."""
    return click.option("--stack", metavar="NAME", default=STACK, show_default=True, help="The deployed stack's name.")(
        command
    )


@dataclass(frozen=True)
class DeployedStack:
    """A stack by its name, read when first asked for something."""

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
                f"The stack {self.name} has no output {key}: deploy the present version of Amplify Medic, or name "
                "another --stack."
            )
        return value

    @cached_property
    def runtime(self) -> Runtime:
        """What the deployed remediator knows of itself, settings first.

        Raises:
            CouldNotLookError: its environment is not what this version writes.
        """
        functions = self.session.client("lambda", config=READING)
        with translated("lambda:GetFunctionConfiguration"):
            answer = functions.get_function_configuration(FunctionName=self.output("RemediatorFunctionName"))
        variables = answer.get("Environment", {}).get("Variables", {})
        try:
            return Runtime.from_environment({**variables, "AWS_REGION": region_of(self.session)})
        except SettingsError as error:
            raise CouldNotLookError(f"The settings of the stack {self.name} can't be read: {error}") from None

    @cached_property
    def _outputs(self) -> Mapping[str, str]:
        cloudformation = self.session.client("cloudformation", config=READING)
        try:
            answer = cloudformation.describe_stacks(StackName=self.name)
        except ClientError as error:
            if _ABSENT in str(error):
                raise CouldNotLookError(
                    f"There is no stack {self.name} in {region_of(self.session)}: deploy it (npx cdk deploy), or name "
                    "the right --stack, --region or --profile."
                ) from None
            with translated("cloudformation:DescribeStacks"):
                raise
        return {o["OutputKey"]: o["OutputValue"] for o in answer["Stacks"][0].get("Outputs", [])}
