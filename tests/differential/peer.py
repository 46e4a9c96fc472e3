"""Evaluates cases with Principal Mapper: JSON lines in, one JSON line out for each.

Runs in an environment of its own, so that nothing of it can be imported by ours: `.build/peer`.
https://github.com/nccgroup/PMapper
"""

import collections
import collections.abc
import json
import sys

# It was written for Python 3.9, where these names stood in `collections` too.
for _name in ("Mapping", "MutableMapping"):
    setattr(collections, _name, getattr(collections.abc, _name))

from principalmapper.querying import local_policy_simulation as peer  # type: ignore[import-not-found]  # noqa: E402

for _line in sys.stdin:
    _case = json.loads(_line)
    _result = peer.resource_policy_authorization(
        _case["principal"], _case["account"], _case["policy"], _case["action"], "*", _case["context"]
    )
    sys.stdout.write(json.dumps(_result is peer.ResourcePolicyEvalResult.SERVICE_MATCH) + "\n")
