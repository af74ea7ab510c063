"""The table of torch's operators: a row is written once and is right, and nobody else knows an operator by name."""

import ast
import itertools
import re
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from numcheck.operators import TraceError, operator, trace
from numcheck.operators.rows import ROWS, Operator
from numcheck.operators.shadow import accurate
from numcheck.operators.table import how_to_tell, row_of

PACKAGE = Path(__file__).parents[1] / "numcheck"
TABLE = PACKAGE / "operators" / "table.py"
READERS = sorted({*(PACKAGE / "operators").glob("*.py"), *(PACKAGE / "diagnosis").rglob("*.py")} - {TABLE})


def rows(fact: str) -> list[Any]:
    """The rows that state a fact, as parameters."""
    return [pytest.param(row, id=name) for name, row in ROWS.items() if getattr(row, fact) != DEFAULTS[fact]]


DEFAULTS = {fact.name: fact.default for fact in fields(Operator)}


def stated(row: Operator) -> set[str]:
    return {fact for fact, default in DEFAULTS.items() if fact != "name" and getattr(row, fact) != default}


def overload(name: str) -> Any:
    """An operator's variant that takes the most tensors, and none to write its result into."""

    def tensors(variant: Any) -> tuple[int, bool]:
        arguments = variant._schema.arguments
        return sum(str(a.type) == "Tensor" for a in arguments), variant._overloadname == "default"

    packet = getattr(torch.ops.aten, name)
    variants = [getattr(packet, key) for key in packet.overloads()]
    return max((v for v in variants if not any(a.is_out for a in v._schema.arguments)), key=tensors)


def arguments(func: Any, numbers: list[Tensor]) -> list[Any]:
    """Arguments in the schema's order: the numbers for the tensors, for the others what torch takes by default."""
    given, left = [], iter(numbers)
    for argument in func._schema.arguments:
        if str(argument.type) == "Tensor":
            given.append(next(left))
        elif argument.has_default_value():
            given.append(argument.default_value)
        else:
            given.append(
                {"beta": 1.0, "threshold": 20.0, "dim": -1, "half_to_float": False, "n": 2}.get(argument.name)
            )
    return given


def split(func: Any, given: list[Any]) -> tuple[list[Any], dict[str, Any]]:
    """The arguments as torch wants them: some by name alone."""
    schema = func._schema.arguments
    by_name = {a.name: x for a, x in zip(schema, given, strict=True) if a.kwarg_only}
    if "input_dtype" in {a.name for a in schema}:
        given = [torch.float64 if a.name == "input_dtype" else x for a, x in zip(schema, given, strict=True)]
    return [x for a, x in zip(schema, given, strict=True) if not a.kwarg_only], by_name


def result(func: Any, given: list[Any]) -> Tensor:
    args, kwargs = split(func, given)
    found = func(*args, **kwargs)
    return found[0] if isinstance(found, tuple) else found


def tensors_of(func: Any) -> int:
    return sum(str(a.type) == "Tensor" for a in func._schema.arguments)


def test_a_second_row_of_an_operator_is_refused():
    with pytest.raises(ValueError, match=r"^operator 'exp' has a row: [^\n]+$"):
        operator("exp", plain=True)
    assert ROWS["exp"].accurate is not None


def test_a_row_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        ROWS["exp"].plain = False  # pyright: ignore[reportAttributeAccessIssue]


def test_of_an_operator_without_a_row_nothing_is_known_but_its_name():
    assert row_of("special_airy_ai") == Operator("special_airy_ai")
    assert stated(row_of("special_airy_ai")) == set()


def test_an_operator_without_a_shadow_and_without_a_row_is_told_in_one_line_that_says_how_to_add_one():
    library = torch.library.Library("numcheck_test", "DEF")
    library.define("narrow_only(Tensor x) -> Tensor")

    def narrow_only(x: Tensor) -> Tensor:
        if x.dtype == torch.float64:
            raise ValueError("float32 only,\nas we said")
        return x + 1

    library.impl("narrow_only", narrow_only, "CPU")
    told = re.escape('add a row operator("narrow_only", parts=...) to numcheck/operators/table.py')
    with pytest.raises(TraceError, match=rf"^numcheck_test.narrow_only.default: no shadow [^\n]*; {told}$"):
        trace(torch.ops.numcheck_test.narrow_only, {"x": torch.ones(2)})
    library._destroy()


def test_a_missing_fact_of_an_operator_with_a_row_goes_into_that_row():
    assert (
        how_to_tell("exp") == 'add parts=... to its row operator("exp", ...) in numcheck/operators/table.py'
    )


# What rows state


@pytest.mark.parametrize("row", [pytest.param(row, id=name) for name, row in ROWS.items()])
def test_a_row_is_about_an_operator_of_this_torch_and_states_something_of_it(row: Operator):
    assert hasattr(torch.ops.aten, row.name) or hasattr(torch.ops.aten, row.name + "_")
    assert not row.name.endswith("_")
    assert stated(row)


@pytest.mark.parametrize("row", [pytest.param(row, id=name) for name, row in ROWS.items()])
def test_the_facts_of_a_row_agree(row: Operator):
    facts = stated(row)
    alone = facts & {"constant", "copies", "parts", "refused"}
    assert not alone or facts - {"moves"} == alone
    assert len(facts & {"moves", "exact"}) <= 1
    if not row.rounds:
        assert not facts & {
            "wide",
            "accurate",
            "additive",
            "fused",
            "sums",
            "plain",
            "pole",
            "factors",
        }
    if row.along or row.never_zero:
        assert row.accurate is not None
    if row.pole is not None or row.plain:
        assert facts & {"accurate", "wide", "fused"}
    assert len(facts & {"wide", "accurate", "additive"}) <= 1
    assert len(facts & {"never_zero", "factors", "squares"}) <= 1


@pytest.mark.parametrize("row", rows("accurate"))
def test_an_accurate_function_is_the_one_that_torch_computes(row: Operator):
    assert row.accurate is not None
    func = overload(row.name)
    generator = torch.Generator().manual_seed(1)
    numbers = [
        torch.rand(3, 4, dtype=torch.float64, generator=generator) * 0.9 + 0.05
        for _ in range(tensors_of(func))
    ]
    if row.name in ("acosh", "special_zeta"):
        numbers[0] += 1  # where they have values
    if row.name == "log_sigmoid_backward":
        numbers[2] = torch.exp(-numbers[1].abs())  # what the forward operator leaves behind
    given = arguments(func, numbers)
    pairs = [(x, torch.zeros_like(x)) if isinstance(x, Tensor) else x for x in given]
    high, _ = accurate(row.accurate, row.along, pairs)
    torch.testing.assert_close(high, result(func, given), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("row", [*rows("additive"), *rows("fused")])
def test_two_terms_and_a_factor_are_what_torch_adds(row: Operator):
    func = overload(row.name)
    given = arguments(func, [torch.tensor(x, dtype=torch.float64) for x in (2.0, 3.0, 8.0)])
    args, kwargs = split(func, given)
    scaled = dict.fromkeys(kwargs, 5.0)
    rule = row.additive or row.fused
    assert rule is not None
    first, second, factor = rule(args, scaled)
    assert first + factor * second == func(*args, **scaled)


@pytest.mark.parametrize("row", rows("wide"))
def test_the_arithmetic_of_a_shadow_goes_beyond_float64(row: Operator):
    x = torch.rand(20, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2)) + 0.5
    numbers = [x, x.flip(0)][: tensors_of(overload(row.name))]
    expected = getattr(torch, row.name)(*numbers)
    assert row.wide is not None
    found = row.wide([(number, torch.zeros_like(x)) for number in numbers], {})
    assert found is not None
    high, rest = found
    torch.testing.assert_close(high, expected, rtol=1e-15, atol=0)
    assert bool(rest.any())
    assert bool((rest.abs() <= 2.0**-52 * high.abs()).all())


@pytest.mark.parametrize("row", rows("pole"))
def test_at_its_pole_an_operator_is_infinite(row: Operator):
    assert row.pole is not None
    func, found = overload(row.name), []
    for numbers in itertools.product((-1.0, 0.0, 1.0), repeat=tensors_of(func)):
        if row.pole(numbers) == 0:
            tensors = [torch.tensor([x], dtype=torch.float64) for x in numbers]
            found.append(bool(result(func, arguments(func, tensors)).isinf()))
    assert any(found)


@pytest.mark.parametrize("row", rows("never_zero"))
def test_what_is_never_zero_is_not_zero(row: Operator):
    func = overload(row.name)
    x = torch.tensor([[-1.0, 0, 1, 5]], dtype=torch.float64)
    assert bool(result(func, arguments(func, [x])).all())


@pytest.mark.parametrize("row", [*rows("gathers"), *rows("picks")])
def test_what_is_gathered_or_picked_is_among_the_operand_s_numbers(row: Operator):
    x = torch.tensor([3.0, -1.5, 8.0, 0.25])
    extra = {
        "gather": [0, torch.tensor([2, 1])],
        "index": [[torch.tensor([2, 1])]],
        "index_select": [0, torch.tensor([2, 1])],
        "kthvalue": [2],
        "topk": [2],
        "cummax": [0],
        "cummin": [0],
    }
    found = getattr(torch.ops.aten, row.name)(x, *extra.get(row.name, []))
    values = found[0] if isinstance(found, tuple | list) else found
    assert set(values.reshape(-1).tolist()) <= set(x.tolist())


# Where the rows stand


def sections(source: str) -> list[list[list[str]]]:
    """The names in each of the rows under each heading of the table."""
    parts = source.split("\n# --- ")[1:]
    found = [re.findall(r'^operator\(\s*((?:"[\w ]+"\s*)+),', part, re.MULTILINE) for part in parts]
    return [[re.findall(r"\w+", names) for names in rows] for rows in found]


def by_name(names: list[str]) -> list[str]:
    return [name.lstrip("_") for name in names]


def test_rows_stand_by_name_under_their_heading():
    found = sections(TABLE.read_text(encoding="utf-8"))
    assert [sorted(rows, key=by_name) for rows in found] == found
    assert all(sorted(by_name(names)) == by_name(names) for rows in found for names in rows)
    assert sum(len(names) for rows in found for names in rows) == len(ROWS)
    assert all(found)


def names_known(source: str) -> list[str]:
    """Where a source knows an operator by its name: a literal of one, or of a part of one that a name is asked for."""
    tree = ast.parse(source)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node.value in ROWS:
            found.append(f"line {node.lineno}: {node.value!r}")
        if isinstance(node, ast.Attribute) and ast.unparse(node).startswith("torch.ops."):
            found.append(f"line {node.lineno}: {ast.unparse(node)}")
        asked = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            asked = [node.func.value, *node.args] if node.func.attr in ("startswith", "endswith") else []
        texts = [n for part in asked for n in ast.walk(part) if isinstance(n, ast.Constant)]
        if texts and any(re.search(r"(row|operator|call|op)\.name\b", ast.unparse(part)) for part in asked):
            found.append(f"line {node.lineno}: {ast.unparse(node)}")
    return found


@pytest.mark.parametrize("path", READERS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_nobody_but_the_table_knows_an_operator_by_its_name(path: Path):
    assert names_known(path.read_text(encoding="utf-8")) == []


def test_the_rule_about_names_catches_what_it_forbids():
    assert names_known('if call.row.name == "exp": pass')
    assert names_known('if "norm" in ran.call.row.name: pass')
    assert names_known('if op.name.startswith("aten.new_"): pass')
    assert names_known("if func is torch.ops.aten.native_dropout.default: pass")
    assert names_known('_LIKE = frozenset({"zeros_like"})')
    assert not names_known('if call.row.plain and kwargs.get("dim") is None: pass')


def test_the_rule_about_order_catches_a_row_at_the_wrong_place():
    source = '\n# --- some\noperator("_b", x=1)\noperator("a", y=1)\n# --- others\noperator(\n    "c d"\n    " e",\n)\n'
    assert sections(source) == [[["_b"], ["a"]], [["c", "d", "e"]]]
