"""Makes moto faster without changing its answers: it repeats the same work at each request and at each start."""

from __future__ import annotations

import pickle
from functools import cache, partial
from typing import Any

from botocore.useragent import UserAgentComponent
from cryptography.hazmat.primitives.asymmetric import rsa
from moto.core import models, responses, utils
from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.parsing import ast_nodes, expressions, validators
from moto.sns.models import Subscription


def quicken() -> None:
    """Keep what depends only on a class or on an expression's text. Start without the mock of `requests`.

    The bot and botocore do not use `requests`, and moto adds 1,300 patterns to its mock each time.
    """
    models.RESPONSES_METHODS.clear()
    modules: tuple[Any, Any] = (expressions, ast_nodes)  # moto does not type them
    update, traverser = modules[0].UpdateExpressionParser, modules[1].DepthFirstTraverser
    parser: Any = ConditionExpressionParser
    lexed = cache(partial(parser._lex_one_node, parser))
    for owner, name, quick in (
        (responses, "method_names_from_class", cache(utils.method_names_from_class)),
        (UserAgentComponent, "to_string", cache(UserAgentComponent.to_string)),
        (update, "make", cache(update.make)),
        (validators, "deepcopy", _copy),  # of a parsed expression, because validating it changes it
        (parser, "_lex_one_node", lambda _, text: lexed(text)),
        (Subscription, "private_key", lambda _: _signing_key()),
        (traverser, "nodes_to_be_processed", _classes_to_process),
    ):
        setattr(owner, name, quick)


@cache
def _signing_key() -> rsa.RSAPrivateKey:
    """The key of all notifications. Generating one takes 0.1 s, and moto does it for each subscription."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _copy(tree: Any) -> Any:
    """A deep copy. Pickling makes it in a third of the time."""
    return pickle.loads(pickle.dumps(tree))  # noqa: S301 - pickled by this line


def _classes_to_process(traverser: Any) -> tuple[type, ...]:
    """The classes of the nodes that a traverser processes. moto collects them at each node."""
    known = vars(traverser)
    if "classes" not in known:
        known["classes"] = tuple(traverser._processing_map())
    return tuple(known["classes"])
