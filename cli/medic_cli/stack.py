"""The deployed stack, as CloudFormation describes it: the names of its resources, and the settings it runs with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import click
from botocore.exceptions import ClientError

from medic.aws.errors import translated
from medic.aws.sessions import READING
from medic.settings import Runtime, SettingsError
from medic_cli.aws_session import region_of
from medic_cli.failure import CouldNotLookError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    from boto3.session import Session

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
