"""Forwards the bot's own events to one event bus, which may be in another account and region."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.iam import Grant, attach
from medic.events import OWN_SOURCE


class CentralBus(Construct):
    """A rule on the default event bus, and a role that may only put events on the central one.

    The central bus's own policy must accept events from this account. EventBridge retries for a day. An event that
    it then drops is lost only there: alerts and incidents stay in this account. No dead-letter queue: the stack's own
    would give the event back to the remediator. An alarm watches `rule_name` instead.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html
    """

    def __init__(self, scope: Construct, construct_id: str, bus_arn: str) -> None:
        super().__init__(scope, construct_id)
        role = iam.Role(
            self,
            "Role",
            description="Amplify Medic's rule: forwards the bot's events to the central event bus",
            assumed_by=iam.ServicePrincipal("events.amazonaws.com"),
        )
        why = "Forwards the bot's own events to the bus of the setting `central_bus`."
        attach(role, [Grant(sid="ForwardEvents", why=why, actions=["events:PutEvents"], resources=[bus_arn])])
        rule = events.CfnRule(
            self,
            "OwnEvents",
            description="Amplify Medic's own events of this account, for the central event bus",
            # Without the account, a default bus that gets the events of other accounts would forward those too.
            event_pattern={"source": [OWN_SOURCE], "account": [Stack.of(self).account]},
            targets=[events.CfnRule.TargetProperty(id="CentralBus", arn=bus_arn, role_arn=role.role_arn)],
        )
        rule.node.add_dependency(role)
        self.rule_name = rule.ref
