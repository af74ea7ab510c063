"""What a declaration may say, and what it is told when it is wrong."""

import functools
import math

import pytest
import torch

from numcheck import format_of, formula, gap, m, real, ulps, vector
from numcheck.declaration.formulas import formula_of, routine_of
from numcheck.declaration.registry import formula_named, formulas, load_catalog
from numcheck.declaration.words import DeclarationError, UsageError
from numcheck.runs.check import check_catalog


def square(x):
    """x times itself."""
    return x * x


def stated(function=square, source="arithmetic", known=(((0.5,), "0.25"),), wrt=None, examples=(), **inputs):
    return formula_of(function, source, known, wrt, inputs or {"x": real(-1, 1)}, examples)


def test_an_input_without_a_domain_is_refused_with_what_to_write():
    with pytest.raises(DeclarationError, match="declare one domain per parameter"):
        stated(y=real(-1, 1))


def test_a_domain_that_is_none_is_refused_with_what_to_write():
    with pytest.raises(DeclarationError, match=r"write x=real\(-10, 10\)"):
        stated(x=(-1, 1))


def test_a_formula_without_a_source_is_refused():
    with pytest.raises(DeclarationError, match="give the source"):
        stated(source=" ")


def test_inputs_of_varying_size_declare_the_same_sizes():
    with pytest.raises(DeclarationError, match="declare the same sizes"):
        stated(lambda x, y: x, x=vector(0, 1, sizes=(2, 3)), y=vector(0, 1, sizes=(2, 4)))


def test_the_gradient_is_taken_by_real_inputs_only():
    with pytest.raises(DeclarationError, match="the gradient is taken by real inputs, x, not"):
        stated(wrt=("z",))


@pytest.mark.parametrize("builtin", [torch.expm1, math.exp, 5, functools.partial(square)])
def test_what_shows_no_parameters_or_has_no_name_is_told_what_to_write(builtin):
    with pytest.raises(DeclarationError, match=r"write (it as )?def "):
        stated().routine(value=ulps(1))(builtin)


def test_a_formula_or_a_law_that_is_a_builtin_is_told_what_to_write():
    with pytest.raises(DeclarationError, match=r"write def expm1\(x\)"):
        stated(torch.expm1)
    with pytest.raises(DeclarationError, match=r"write def expm1\(f, x\)"):
        stated().law(torch.expm1)
    with pytest.raises(DeclarationError, match=r"write def nothing\(f, x\)"):
        stated().law(nothing)


def nothing():
    """A law of nothing."""


def test_more_points_than_memory_holds_are_refused():
    with pytest.raises(UsageError, match="100000000000000 points do not fit into memory"):
        stated().points(format_of("float32"), 10**14, 0)


def test_a_format_without_a_number_in_the_domain_is_told():
    narrow = stated(x=real(0.401, 0.401), known=())
    assert len(narrow.points(format_of("float64"), 5, 0)[0])
    with pytest.raises(
        UsageError, match="holds no value of float32: write wider bounds, or judge it in other"
    ):
        narrow.points(format_of("float32"), 5, 0)


def test_a_routine_that_asks_for_other_inputs_is_told_its_signature():
    with pytest.raises(DeclarationError, match=r"write def wrong\(x\)"):
        routine_of(stated(), lambda logits: logits, "wrong", ulps(1), None)


def test_a_budget_is_a_budget_and_not_a_number():
    with pytest.raises(DeclarationError, match=r"write value=ulps\(2\)"):
        routine_of(stated(), square, "square", 2, None)


def test_a_budget_of_thousands_of_ulps_is_refused():
    with pytest.raises(DeclarationError, match="small and written by hand"):
        ulps(8_000_000)


def test_a_gap_names_a_cause_of_the_closed_vocabulary():
    with pytest.raises(DeclarationError, match="write one of overflow, underflow"):
        gap("imprecise", why="it is")


def test_a_gap_stands_above_the_routine():
    with pytest.raises(DeclarationError, match=r"above @formula\.routine"):
        gap("overflow", why="exp")(square)


def test_a_gap_covers_what_it_names_and_nothing_else():
    stated_here = stated()
    routine = gap("overflow", why="exp", of="grad", formats=["float16"])(
        stated_here.routine(value=ulps(1), grad=ulps(1))(square)
    )
    (declared,) = routine.gaps
    assert declared.speaks_of("grad", "float16", "cuda:1")
    assert not declared.speaks_of("value", "float16", "cpu")
    assert not declared.speaks_of("grad", "float32", "cpu")


def test_a_law_takes_the_function_and_the_formulas_inputs():
    with pytest.raises(DeclarationError, match=r"write def symmetric\(f, x\)"):

        @stated().law
        def symmetric(x):
            return x, x


def test_a_law_takes_inputs_that_it_leaves_alone_together():
    two = formula_of(lambda x, y, z: x * y * z, "here", [], None, {n: real(-1, 1) for n in "xyz"})
    law = two.law(lambda f, x, *others: (f(2 * x, *others), 2 * f(x, *others)))
    assert law.function(two.function, 3, 5, 7) == (210, 210)
    two.law(lambda f, x, y, z, *others: (f(x, y, z), f(x, y, z)))
    for wrong in (
        lambda f, y, *others: (y, y),
        lambda *others: others,
        lambda f, x, y, z, w, *others: (x, x),
    ):
        with pytest.raises(DeclarationError, match=r"\(f, x, y, z\)"):
            two.law(wrong)


def declared_in(module, name, at):
    """A formula of that name, as a file of another module declares it."""
    namespace = {"__name__": module, "formula": formula, "real": real}
    stated = (
        f'@formula(source="here", known=[((0,), "0")], x=real(-1, 1))\ndef {name}(x): "Itself."; return x'
    )
    exec(compile(stated, at, "exec"), namespace)
    return namespace[name]


@pytest.fixture
def registry(monkeypatch):
    """What is declared in a test is forgotten after it."""
    load_catalog()
    monkeypatch.setattr("numcheck.declaration.registry._registry", dict(formulas()))


def test_a_name_stands_for_one_formula_of_the_catalogue(registry):
    with pytest.raises(DeclarationError, match=r"already declared in numcheck\.catalog"):
        declared_in("numcheck.catalog.other", "softplus", "other.py")


def test_a_formula_of_one_s_own_may_have_the_name_of_another(registry):
    shared, before = formula_named("softplus"), list(formulas())
    own, other = (declared_in(module, "softplus", f"{module}.py") for module in ("own", "another"))
    assert formula_named("softplus") is shared
    assert formulas()["own:softplus"] is own
    assert formulas()["another:softplus"] is other
    again = declared_in("own", "softplus", "own.py")
    assert formulas()["own:softplus"] is again
    assert list(formulas()) == sorted([*before, "own:softplus", "another:softplus"])


def test_a_report_holds_one_formula_of_a_name(registry):
    own = declared_in("own", "softplus", "own.py")
    with pytest.raises(
        UsageError, match=r"declared in numcheck\.catalog\..* and in own: check one at a time"
    ):
        check_catalog(["softplus", own])


def test_an_unknown_formula_is_told_where_the_names_are():
    load_catalog()
    with pytest.raises(UsageError, match="`numcheck list` prints the names"):
        formula_named("no_such_formula")


def test_formulas_come_in_alphabetical_order():
    load_catalog()
    assert list(formulas()) == sorted(formulas())


# Points that are always tried -----------------------------------------------------------------------------------------


def given_points(formula, format_name):
    points = formula.points(format_of(format_name), 9, 0)
    return [part.select(part.origin == "given") for part in points]


def test_examples_and_known_arguments_are_tried_whatever_the_seed():
    (given,) = given_points(stated(examples=[(0.1,), (-0.5,)], known=[((0.25,), "0.0625")]), "float16")
    assert given.columns["x"].tolist() == [0.0999755859375, -0.5, 0.25]


def test_an_example_goes_to_the_points_of_its_size():
    formula = formula_of(
        lambda x: m.sum(x),
        "arithmetic",
        [(((1, 1),), "2")],
        None,
        {"x": vector(-9, 9, sizes=(2, 3))},
        [((1, 2, 3),)],
    )
    assert [len(given) for given in given_points(formula, "float32")] == [1, 1]  # (1, 1) is a known value


def test_an_example_outside_of_its_domain_is_refused():
    with pytest.raises(DeclarationError, match="lies outside"):
        stated(examples=[(3,)])


def test_an_example_has_one_argument_for_each_input():
    with pytest.raises(DeclarationError, match="has 1 arguments"):
        stated(examples=[(0.5, 0.5)])


@pytest.mark.parametrize("error", [SystemExit(0), ImportError("no such thing"), GeneratorExit()])
def test_a_package_whose_formulas_cannot_be_imported_is_named_and_ends_nothing(monkeypatch, error):
    class Entry:
        name, value = "theirs", "their_package.formulas"

        def load(self):
            raise error

    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [Entry()])
    with pytest.raises(
        UsageError, match=rf"importing their_package\.formulas, .* raised {type(error).__name__}"
    ):
        load_catalog.__wrapped__()
