"""`explain` tells everything about one point, from the shell and from Python."""

import pytest
import torch

from numcheck import explain, m, real
from numcheck.declaration.formulas import formula_of
from numcheck.declaration.words import UsageError

SOFTPLUS = formula_of(
    lambda x: m.log(1 + m.exp(x)), "Dugas 2001", [((0,), "0.6931")], None, {"x": real(-200, 200)}
)


def test_explain_tells_truth_result_and_finding():
    text = str(explain("torch_builtin", "binary_cross_entropy", {"logit": "-20", "label": "0"}))
    assert "2.061153620314380703238982798" in text
    assert "result  0.0" in text
    assert "cancellation" in text


def test_explain_takes_numbers_and_nested_lists_as_well_as_text():
    square = [[0, 0], [1, 0], [1, 1], [0, 1]]
    written = explain("absolute_shoelace", "polygon_area", {"xy": "0,0;1,0;1,1;0,1"})
    assert explain("absolute_shoelace", "polygon_area", {"xy": square}) == written
    assert explain("absolute_shoelace", "polygon_area", {"xy": torch.tensor(square)}) == written
    assert "value truth   1" in str(written)


def test_explain_judges_a_function_against_a_formula_that_was_just_defined():
    text = str(explain(lambda x: torch.log(1 + torch.exp(x)), SOFTPLUS, {"x": 100}))
    assert "overflow" in text


def test_explain_says_what_to_write_for_a_missing_input():
    with pytest.raises(UsageError, match=r"--at logit=\.\.\. --at label=\.\.\."):
        explain("torch_builtin", "binary_cross_entropy", {"logit": "-20"})


def test_explain_lists_the_routines_where_one_is_unknown():
    with pytest.raises(UsageError, match="write one of"):
        explain("no_such_routine", "binary_cross_entropy", {"logit": 0, "label": 0})


def test_code_may_be_named_from_python_as_on_the_command_line():
    named = explain("torch.nn.functional:softplus", "softplus", {"x": 1})
    given = explain(torch.nn.functional.softplus, "softplus", {"x": 1})
    assert named.rows == given.rows
