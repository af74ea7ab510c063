"""Which parameter of a function takes which input of a formula: by names that say the same, else in order."""

import ast
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from inspect import Parameter, Signature
from itertools import product
from typing import Any

import torch

SAME = (
    frozenset("x input inputs logit logits score scores pred preds prediction predictions predicted".split())
    | frozenset("y_pred y_hat yhat output outputs probability probabilities prob probs p estimate".split()),
    frozenset("y target targets label labels y_true truth ground_truth gt reference".split()),
    frozenset("weight weights class_weight class_weights".split()),
    frozenset("lr learning_rate step_size".split()),
    frozenset("eps epsilon".split()),
    frozenset("tau temperature".split()),
    frozenset("smoothing label_smoothing".split()),
    frozenset("xy points vertices polygon".split()),
)
"""Argument names by which the field means the same thing; a pair counts only where it is the only one of its kind.

Names mislead: the `p` of a divergence is the target, not a prediction. So the plain order is tried as well.
"""


@dataclass(frozen=True)
class Match:
    """A formula's inputs beside the parameters that take them; `own` are those that a module holds itself."""

    positions: tuple[str, ...]
    keywords: Mapping[str, str]
    constants: Mapping[str, Any]
    own: Mapping[str, str] = field(default_factory=dict[str, str])


def signature_of(function: Callable[..., Any]) -> Signature | None:
    """The signature, for torch's builtins the one that their documentation prints; None where there is neither."""
    asked = function.forward if isinstance(function, torch.nn.Module) else function
    try:
        return inspect.signature(asked)
    except ValueError:
        return _printed_signature(asked)


def _printed_signature(function: Callable[..., Any]) -> Signature | None:
    head = (inspect.getdoc(function) or "").strip().partition("\n")[0].partition("->")[0].strip()
    try:
        (definition,) = ast.parse(f"def {head}: ...").body
    except SyntaxError:
        return None
    assert isinstance(definition, ast.FunctionDef)
    arguments = definition.args
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(plain) - len(arguments.defaults)) + arguments.defaults
    only = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    of_kind = {
        Parameter.POSITIONAL_OR_KEYWORD: zip(plain, defaults, strict=True),
        # such as `out`, which torch prints without a default and nobody has to give
        Parameter.KEYWORD_ONLY: ((name, given or _NOTHING) for name, given in only),
    }
    return Signature(
        [
            Parameter(name.arg, kind, default=_default(given))
            for kind, pairs in of_kind.items()
            for name, given in pairs
        ]
    )


_NOTHING = ast.Constant(None)


def _default(given: ast.expr | None) -> Any:
    if given is None:
        return Parameter.empty
    try:
        return ast.literal_eval(given)
    except ValueError:
        return ast.unparse(given)


def _plain(name: str) -> str:
    return name.casefold().strip("_")


def matches(inputs: Sequence[str], function: Callable[..., Any]) -> list[Match]:
    """The ways in which a function may take inputs: by names that say the same, then in order but for equal names.

    A module's own parameters take the inputs that are named as they are, where its call takes the others.
    """
    signature, own = signature_of(function), _own(function, inputs)
    found: list[Match] = []
    for of_module, kinds in product([own, {}] if own else [{}], (SAME, ())):
        rest = [name for name in inputs if name not in of_module.values()]
        matched = match(rest, signature, kinds)
        if matched is not None and (fitting := replace(matched, own=of_module)) not in found:
            found.append(fitting)
    return found


def _own(function: object, inputs: Iterable[str]) -> dict[str, str]:
    """The parameters of a module that have the name of an input, which they take: `linear.weight` takes `weight`."""
    if not isinstance(function, torch.nn.Module):
        return {}
    parameters = [name for name, _ in function.named_parameters()]
    named = {
        name: [own for own in parameters if _plain(own.rpartition(".")[2]) == _plain(name)] for name in inputs
    }
    return {found[0]: name for name, found in named.items() if len(found) == 1}


def match(
    inputs: Sequence[str], signature: Signature | None, same: Iterable[frozenset[str]] = SAME
) -> Match | None:
    """Which parameter takes which input: first equal names, then the only synonym, then order; None if nothing fits."""
    if signature is None:
        return Match(tuple(inputs), {}, {})
    parameters = list(signature.parameters.values())
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    taken: dict[str, str] = {}  # parameter -> input

    def free_parameters() -> list[Parameter]:
        return [p for p in named if p.name not in taken]

    def free_inputs() -> list[str]:
        return [name for name in inputs if name not in taken.values()]

    for parameter in named:
        for name in free_inputs():
            if _plain(name) == _plain(parameter.name):
                taken[parameter.name] = name
                break
    for kind in same:
        names = [name for name in free_inputs() if _plain(name) in kind]
        takers = [p for p in free_parameters() if _plain(p.name) in kind]
        required = [p for p in takers if p.default is p.empty] or takers
        if len(names) == len(required) == 1:
            taken[required[0].name] = names[0]
    axes = [p for p in free_parameters() if _plain(p.name) in ("dim", "axis")]
    constants: dict[str, Any] = {p.name: -1 for p in axes if not isinstance(p.default, int | str)}
    open_ = [p for p in free_parameters() if p.default is p.empty and p.name not in {*constants, "reduction"}]
    rest = free_inputs()
    if not open_ and rest and any(p.kind is p.VAR_POSITIONAL for p in parameters) and not taken:
        return Match(tuple(rest), {}, constants)
    if len(open_) != len(rest):
        return None
    taken.update({p.name: name for p, name in zip(open_, rest, strict=True)})
    positions = tuple(taken[p.name] for p in named if p.kind is p.POSITIONAL_ONLY and p.name in taken)
    taker = {name: parameter for parameter, name in taken.items()}
    keywords = {taker[name]: name for name in inputs if name not in positions}
    return Match(positions, keywords, constants)
