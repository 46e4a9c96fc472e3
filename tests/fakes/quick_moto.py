"""Makes moto and botocore faster without changing their answers: both repeat the same work at each request or start."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

from botocore import hooks
from botocore.useragent import UserAgentComponent
from cryptography.hazmat.primitives.asymmetric import rsa
from moto import backend_index
from moto.core import models, responses, serialize, utils
from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.parsing import ast_nodes, expressions, validators
from moto.sns.models import Subscription
from moto.sqs import models as queues

_OFTEN_CALLED = ("amplify", "dynamodb", "iam", "secretsmanager", "sns", "sqs", "ssm", "sts")


def quicken() -> None:
    """Keep what depends only on a class or on an expression's text. Start without the mock of `requests`.

    The bot and botocore do not use `requests`, and moto adds 1,300 patterns to its mock each time. moto compares each
    address with the patterns of all services in order.
    """
    models.RESPONSES_METHODS.clear()
    backend_index.backend_url_patterns.sort(key=lambda service: service[0] not in _OFTEN_CALLED)
    modules: tuple[Any, Any] = (expressions, ast_nodes)  # moto does not type them
    update, traverser = modules[0].UpdateExpressionParser, modules[1].DepthFirstTraverser
    parser: Any = ConditionExpressionParser
    lexed = cache(partial(parser._lex_one_node, parser))
    aliases: Any = hooks.EventAliaser(hooks.HierarchicalEmitter())
    aliased = cache(aliases._alias_event_name)
    underscored: Any = cache(utils.camelcase_to_underscores)
    pickers: tuple[Any, Any] = (serialize.AttributePicker, serialize.XFormedAttributePicker)
    for owner, name, quick in (
        (responses, "method_names_from_class", cache(utils.method_names_from_class)),
        (responses, "camelcase_to_underscores", underscored),
        (queues, "camelcase_to_underscores", underscored),
        (UserAgentComponent, "to_string", cache(UserAgentComponent.to_string)),
        (update, "make", cache(update.make)),
        (validators, "deepcopy", _copy),  # of a parsed expression, because validating it changes it
        (parser, "_lex_one_node", lambda _, text: lexed(text)),
        (Subscription, "private_key", lambda _: _signing_key()),
        (traverser, "nodes_to_be_processed", _classes_to_process),
        (hooks.EventAliaser, "_alias_event_name", lambda _, name: aliased(name)),
        (hooks, "accepts_kwargs", partial(_accepts_kwargs, hooks.accepts_kwargs)),
        *((picker, "get_possible_keys", _keeping_keys(picker.get_possible_keys)) for picker in pickers),
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


def _accepts_kwargs(inspected: Callable[[Any], Any], handler: Any) -> bool:
    """Whether a handler of events takes any keyword. A session registers hundreds, and inspecting one is slow."""
    code = getattr(handler, "__code__", None)
    return bool(inspected(handler) if code is None else code.co_flags & inspect.CO_VARKEYWORDS)


def _keeping_keys(find: Callable[[Any, Any], Iterator[str]]) -> Callable[[Any, Any], tuple[str, ...]]:
    """The names under which an object may hold a field of an answer. They depend on its class, not on the object."""
    known: dict[tuple[Any, ...], tuple[str, ...]] = {}

    def possible_keys(picker: Any, context: Any) -> tuple[str, ...]:
        shape = context.shape
        key = (*picker.alias_providers, context.key, shape, getattr(shape, "parent", None), type(context.obj))
        if key not in known:
            known[key] = tuple(dict.fromkeys(find(picker, context)))
        return known[key]

    return possible_keys
