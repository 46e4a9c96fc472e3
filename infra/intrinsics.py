"""CloudFormation's intrinsic functions, made readable."""

from __future__ import annotations

import json


def flatten(value: object) -> str:
    """A template value as one line: a Ref is `<X>`, a Fn::GetAtt `<X.Arn>`, a Fn::Join is joined.

    This is also how cdk-nag writes the resource into the id of a wildcard finding.
    """
    match value:
        case str():
            return value
        case {"Ref": str(name)}:
            return f"<{name}>"
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"<{name}.{attribute}>"
        case {"Fn::Join": [str(delimiter), list(items)]}:
            return delimiter.join(flatten(item) for item in items)
        case _:
            return json.dumps(value, separators=(",", ":"))
