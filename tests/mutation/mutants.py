"""Mutants of a function or a constant: its source with one comparison, constant, sign or boundary changed."""

import ast
import copy
import functools
import gc
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

from . import rooms

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.Mod: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
CALLS = {
    one: other
    for a, b in (
        ("minimum", "maximum"),
        ("fmin", "fmax"),
        ("min", "max"),
        ("any", "all"),
        ("argmax", "argmin"),
        ("amax", "amin"),
        ("logical_and", "logical_or"),
        ("floor", "ceil"),
    )
    for one, other in ((a, b), (b, a))
} | {"isnan": "isinf", "isinf": "isnan", "isfinite": "isnan", "signbit": "isnan"}
DROPPED = ("abs", "clip", "clamp", "sign", "nan_to_num")
"""Calls that are replaced by their first argument, or by what they are a method of."""
LIMIT = 64
"""Beyond it an integer is a limit, which is halved and doubled; up to it a count, which moves by one."""


@dataclass(frozen=True, eq=False)
class Mutant:
    """A target with one change; `code` is the function's, or makes the constant's value.

    `outside` tells that the change lies outside of the functions that the target makes.
    """

    module: str
    target: str
    line: int
    source: str
    change: str
    code: CodeType
    defaults: tuple[tuple[Any, ...] | None, dict[str, Any] | None] = (None, None)
    outside: bool = True

    @property
    def function(self) -> str:
        """The target's last name, by which the list of equivalents knows it."""
        return self.target.rpartition(".")[2]

    def __str__(self) -> str:
        return f"{self.module.replace('.', '/')}.py:{self.line} {self.target}: {self.change}"

    def apply(self) -> None:
        """Put it in the place of the target, in this process, wherever that has been imported."""
        for thing in list(vars(importlib.import_module(self.module)).values()):
            if hasattr(thing, "cache_clear"):  # what the right code has left behind
                thing.cache_clear()
        found = resolved(self.module, self.target)
        if isinstance(found, FunctionType):
            _remade(found.__code__, self.code)
            found.__code__ = self.code
            found.__defaults__, found.__kwdefaults__ = self.defaults
        else:
            _replace(self.target, found, eval(self.code, dict(vars(importlib.import_module(self.module)))))


def inner(code: CodeType) -> Iterator[CodeType]:
    """The code of the functions that a function makes."""
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield each
            yield from inner(each)


def _remade(before: CodeType, after: CodeType) -> None:
    """Change the functions that a function has made already, such as rules that a table holds since its import."""
    codes = {id(old): new for old, new in zip(inner(before), inner(after), strict=False)}
    for each in gc.get_objects() if codes else ():
        if type(each) is FunctionType and id(each.__code__) in codes:
            new = codes[id(each.__code__)]
            if len(new.co_freevars) == len(each.__code__.co_freevars):
                each.__code__ = new


def _replace(name: str, old: Any, new: Any) -> None:
    for module in [m for key, m in sys.modules.items() if key.split(".")[0] == "numcheck"]:
        if vars(module).get(name) is old:
            setattr(module, name, new)
        for function in list(vars(module).values()):
            if isinstance(function, FunctionType) and isinstance(old, float):
                swap = functools.partial(map, lambda value: new if value is old else value)
                function.__defaults__ = tuple(swap(function.__defaults__ or ())) or None
                kwdefaults = function.__kwdefaults__ or {}
                function.__kwdefaults__ = (
                    dict(zip(kwdefaults, swap(kwdefaults.values()), strict=True)) or None
                )


def resolved(module: str, target: str) -> Any:
    """The function behind a target, under whatever decorators it has; or the constant."""
    found: Any = importlib.import_module(module)
    for name in target.split("."):
        found = vars(found)[name]
    while not isinstance(found, FunctionType) or hasattr(found, "__wrapped__"):
        inner = [
            getattr(found, at) for at in ("fget", "func", "callback", "__wrapped__") if hasattr(found, at)
        ]
        if not inner:
            break
        found = inner[0]
    return found


@functools.cache
def _module(name: str) -> ast.Module:
    return ast.parse(inspect.getsource(importlib.import_module(name)))


def _parsed(module: str, target: str) -> ast.Expression | ast.Module:
    """A target's syntax tree, ready to be compiled by itself; of a constant that of its value."""
    body, node = _module(module).body, None
    for name in target.split("."):
        (node,) = [each for each in body if name in _names(each)]
        body = getattr(node, "body", [])
    node = copy.deepcopy(node)
    assert node is not None
    if isinstance(node, ast.Assign):
        return ast.Expression(node.value)
    if isinstance(node, ast.FunctionDef):
        node.decorator_list = []
        if ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.Module([node], [])


def changes(module: str, target: str) -> Iterator[str]:
    """What is changed in each mutant of a target, in words."""
    yield from (change for _, change in _changes(_parsed(module, target)))


def mutants(module: str, target: str) -> Iterator[Mutant]:
    """Every mutant of a target, each with one change."""
    lines = inspect.getsource(importlib.import_module(module)).splitlines()
    holder = _parsed(module, target)
    if isinstance(holder, ast.Expression):
        for line, change in _changes(holder):
            code = compile(ast.fix_missing_locations(holder), f"<{module}>", "eval")
            yield Mutant(module, target, line, lines[line - 1], change, code)
        return

    def compiled() -> FunctionType:
        namespace = dict(vars(importlib.import_module(module)))
        exec(compile(ast.fix_missing_locations(holder), f"<{module}>", "exec"), namespace)
        made = namespace[target.rpartition(".")[2]]
        assert isinstance(made, FunctionType)
        return made

    inside = list(inner(compiled().__code__))
    for line, change in _changes(holder):
        made = compiled()
        defaults, outside = (made.__defaults__, made.__kwdefaults__), list(inner(made.__code__)) == inside
        yield Mutant(module, target, line, lines[line - 1], change, made.__code__, defaults, outside)


def _names(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.Assign):
        return {each.id for target in node.targets for each in ast.walk(target) if isinstance(each, ast.Name)}
    return {getattr(node, "name", "")}


def _changes(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Changes `tree` in place, once a step, and puts it right again after each."""
    for parents, node, put in list(_places(tree)):
        shown = parents[-1] if isinstance(parents[-1], ast.expr) and not isinstance(node, ast.stmt) else node
        if len(ast.unparse(shown)) > 100:
            shown = node
        before = ast.unparse(shown)
        for other in _replacements(node, parents):
            put(other)
            after = ast.unparse(other if shown is node else shown)
            yield node.lineno, f"{_flat(before)} -> {_flat(after)}"
            put(node)


def _flat(text: str) -> str:
    return " ".join(text.split())


Put = Callable[[ast.AST], None]


def _places(
    tree: ast.AST, parents: tuple[ast.AST, ...] = ()
) -> Iterator[tuple[tuple[ast.AST, ...], Any, Put]]:
    """Statements and expressions, each with its parents and what puts another into its place."""
    for field, value in ast.iter_fields(tree):
        if field in ("annotation", "returns", "type_comment") or isinstance(tree, ast.Assert):
            continue
        inside = (*parents, tree)
        if isinstance(value, ast.AST):
            yield from _place(value, inside, functools.partial(setattr, tree, field))
        elif isinstance(value, list):
            for i, each in enumerate(value):
                if isinstance(each, ast.AST):
                    yield from _place(each, inside, functools.partial(value.__setitem__, i))


def _place(node: ast.AST, inside: tuple[ast.AST, ...], put: Put) -> Iterator[Any]:
    if isinstance(node, ast.expr | ast.stmt):
        yield inside, node, put
    yield from _places(node, inside)


def _replacements(node: ast.AST, parents: tuple[ast.AST, ...]) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(left, ops, comparators):
            for i, op in enumerate(ops):
                for other in COMPARISONS[type(op)]:
                    yield ast.copy_location(
                        ast.Compare(left, [*ops[:i], other(), *ops[i + 1 :]], comparators), node
                    )
        case ast.Constant(bool() as value):
            yield ast.copy_location(ast.Constant(not value), node)
        case ast.Constant(int() as value):
            near = (value // 2, 2 * value) if abs(value) > LIMIT else (value - 1, value + 1)
            yield from (ast.copy_location(ast.Constant(n), node) for n in near)
        case ast.Constant(float() as value):
            near = (1.0,) if value == 0 else (value / 2, 2 * value)
            yield from (ast.copy_location(ast.Constant(x), node) for x in near)
        case ast.Constant(str()) if isinstance(parents[-1], ast.Compare):
            yield ast.copy_location(ast.Constant("another"), node)
        case ast.UnaryOp(ast.USub() | ast.Not() | ast.Invert(), operand):
            yield operand
        case ast.BinOp(left, op, right) if type(op) in OPERATORS:
            yield ast.copy_location(ast.BinOp(left, OPERATORS[type(op)](), right), node)
        case ast.BoolOp(op, values):
            yield ast.copy_location(
                ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values), node
            )
        case ast.IfExp(test, body, orelse):
            yield ast.copy_location(ast.IfExp(test, orelse, body), node)
        case ast.Slice(lower, upper, step):
            if lower is not None:
                yield ast.copy_location(ast.Slice(None, upper, step), node)
            if upper is not None:
                yield ast.copy_location(ast.Slice(lower, None, step), node)
        case ast.Call():
            yield from _other_calls(node)
        case ast.Name(name, ast.Load()) if name in rooms.NEIGHBOURS:
            yield ast.copy_location(ast.Name(rooms.NEIGHBOURS[name], ast.Load()), node)
        case ast.Attribute(ast.Name(name), member, ast.Load()):
            for kind in rooms.enumerations():
                if name == kind.__name__ and member in kind.__members__:
                    members = list(kind.__members__)
                    after = members[(members.index(member) + 1) % len(members)]
                    yield ast.copy_location(ast.Attribute(node.value, after, ast.Load()), node)
        case ast.AugAssign(target, op, value):
            if type(op) in OPERATORS:
                yield ast.copy_location(ast.AugAssign(target, OPERATORS[type(op)](), value), node)
            yield ast.copy_location(ast.Pass(), node)
        case ast.Assign([target], _):
            if isinstance(target, ast.Subscript | ast.Name) and (
                isinstance(target, ast.Subscript) or _assigned_before(target.id, node, parents)
            ):
                yield ast.copy_location(ast.Pass(), node)
        case _:
            return


def _other_calls(call: ast.Call) -> Iterator[ast.AST]:
    def called(function: ast.expr, arguments: list[ast.expr]) -> ast.AST:
        return ast.copy_location(ast.Call(function, arguments, call.keywords), call)

    match call.func:
        case ast.Attribute(of, name):
            if name in CALLS:
                yield called(ast.Attribute(of, CALLS[name], ast.Load()), call.args)
            if name in DROPPED:
                yield call.args[0] if isinstance(of, ast.Name) and of.id in ("np", "torch") else of
            if name == "where" and len(call.args) == 3:
                yield called(call.func, [call.args[0], call.args[2], call.args[1]])
        case ast.Name(name):
            if name in CALLS:
                yield called(ast.Name(CALLS[name], ast.Load()), call.args)
            if name in DROPPED:
                yield call.args[0]


def _assigned_before(name: str, node: ast.stmt, parents: tuple[ast.AST, ...]) -> bool:
    """Whether the name has a value already: of an argument, or from a statement further up."""
    function = next((each for each in parents if isinstance(each, ast.FunctionDef)), None)
    if function is None:
        return False
    arguments = {each.arg for each in (*function.args.args, *function.args.kwonlyargs)}
    above = {
        each.id
        for each in ast.walk(function)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store) and each.lineno < node.lineno
    }
    return name in arguments | above
