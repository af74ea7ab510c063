"""The rules of the house, read from the source itself."""

import ast
import re
from collections.abc import Iterator
from fractions import Fraction
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "numcheck"
CATALOG = PACKAGE / "catalog"

ORDER = (
    ("formats",),
    ("reals",),
    ("domain",),
    ("declaration",),
    ("report",),
    ("truth", "operators"),
    ("measure",),
    ("diagnosis",),
    ("foreign",),
    ("runs",),
    ("faces",),
    ("__main__",),
)
"""The rooms from the ground up: a module imports from its own room and from those before it, never from later ones."""

VAGUE = re.compile(r"(utils?|helpers?|base|common|misc|manager)s?")
FORBIDDEN_IN_FORMULAS = {"torch", "numpy", "np", "math", "mpmath", "flint", "F"}
MOST_BITS = 12
"""A float literal in a formula has at most so many significant bits: 0.5 and 0.375 do, 0.1 does not."""


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def catalog_files() -> list[Path]:
    return sorted(path for path in CATALOG.rglob("*.py") if path.name != "__init__.py")


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def runtime_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node but those that only a type checker reads."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            continue
        yield child
        yield from runtime_nodes(child)


def imported(path: Path) -> set[str]:
    """The modules that a file imports, by full name; `from numcheck import x` is numcheck.x where x is a module."""
    found: set[str] = set()
    for node in runtime_nodes(parsed(path)):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = path.parent if node.level else ROOT
            for _ in range(node.level - 1):
                package = package.parent
            source = ".".join(package.relative_to(ROOT).parts) if node.level else ""
            source = ".".join(part for part in (source, node.module) if part)
            for name in node.names:
                inner = ROOT.joinpath(*source.split("."), name.name)
                is_module = inner.with_suffix(".py").exists() or (inner / "__init__.py").exists()
                found.add(f"{source}.{name.name}" if is_module else source)
    return found


def room(module: str) -> str | None:
    """The part of the house that a module stands in: `numcheck.reals.arb` in `reals`."""
    parts = module.split(".")
    return parts[1] if parts[0] == "numcheck" and len(parts) > 1 else None


def formula_functions(path: Path) -> list[ast.FunctionDef]:
    """The functions of a file that are decorated with @formula(...)."""
    return [
        node
        for node in parsed(path).body
        if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).split(".")[-1] == "formula"
    ]


def laws(path: Path) -> list[ast.FunctionDef]:
    return [
        node
        for node in parsed(path).body
        if isinstance(node, ast.FunctionDef)
        if any(ast.unparse(decorator).endswith(".law") for decorator in node.decorator_list)
    ]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", modules(), ids=named)
def test_imports_point_one_way(path: Path) -> None:
    rank = {name: level for level, names in enumerate(ORDER) for name in names}
    here = room(dotted(path))
    if here is None or here == "catalog":
        return
    assert here in rank, (
        f"numcheck/{here} has no place yet: put it into ORDER where it imports only what stands before"
    )
    for module in imported(path):
        there = room(module)
        if there is None or there == here:
            continue
        assert there != "catalog", f"{dotted(path)} imports {module}: discovery is the folder"
        assert rank[there] <= rank[here], f"{dotted(path)} imports {module}, which stands after it"


@pytest.mark.parametrize("name", ["__init__", "faces/cli", "faces/pytest_plugin"])
def test_what_starts_first_imports_nothing_heavy(name: str) -> None:
    path = PACKAGE / f"{name}.py"
    at_import = [node for node in parsed(path).body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {ast.unparse(node).split()[1].split(".")[0] for node in at_import}
    assert not names & {"torch", "numpy", "flint", "mpmath", "hypothesis", "jinja2"}
    assert not {ast.unparse(node).split()[1] for node in at_import} & {
        "numcheck.declaration.formulas",
        "numcheck.runs.check",
    }


@pytest.mark.parametrize("path", catalog_files(), ids=named)
def test_a_catalog_file_imports_only_the_public_page_and_torch(path: Path) -> None:
    for module in imported(path):
        assert module == "numcheck" or module.split(".")[0] == "torch", f"imports {module}"


def test_nothing_imports_a_catalog_file() -> None:
    importers = [
        f"{named(path)} imports {module}"
        for path in [*modules(), *sorted((ROOT / "tests").rglob("*.py"))]
        for module in imported(path)
        if re.match(r"numcheck\.catalog\..", module)
    ]
    assert not importers


@pytest.mark.parametrize("path", catalog_files(), ids=named)
def test_a_catalog_file_declares_the_one_formula_it_is_named_after(path: Path) -> None:
    assert [node.name for node in formula_functions(path)] == [path.stem]


@pytest.mark.parametrize("path", catalog_files(), ids=named)
def test_a_formula_is_written_with_real_numbers_only(path: Path) -> None:
    for function in [*formula_functions(path), *laws(path)]:
        for node in (node for statement in function.body for node in ast.walk(statement)):
            if isinstance(node, ast.Name):
                assert node.id not in FORBIDDEN_IN_FORMULAS, f"{function.name}, line {node.lineno}: {node.id}"
            if isinstance(node, ast.Import | ast.ImportFrom):
                pytest.fail(f"{function.name}, line {node.lineno}: imports inside a formula")


@pytest.mark.parametrize("path", catalog_files(), ids=named)
def test_float_literals_of_a_formula_are_exact_in_binary(path: Path) -> None:
    for function in [*formula_functions(path), *laws(path)]:
        for node in (node for statement in function.body for node in ast.walk(statement)):
            if isinstance(node, ast.Constant) and isinstance(node.value, float):
                written = Fraction(ast.get_source_segment(path.read_text(encoding="utf-8"), node) or "nan")
                bits = Fraction(node.value).numerator.bit_length()
                assert written == Fraction(node.value), (
                    f"line {node.lineno}: write m.ratio(p, q) for {node.value}"
                )
                assert bits <= MOST_BITS, (
                    f"line {node.lineno}: {node.value} takes {bits} bits; write m.ratio(p, q)"
                )


def test_the_catalog_was_found() -> None:
    assert catalog_files()


@pytest.mark.parametrize("path", modules(), ids=named)
def test_no_module_has_a_name_that_says_nothing(path: Path) -> None:
    assert not VAGUE.fullmatch(path.stem)


def test_the_public_page_is_the_same_for_python_and_for_type_checkers() -> None:
    import numcheck

    (block,) = (node for node in parsed(PACKAGE / "__init__.py").body if isinstance(node, ast.If))
    names = [name for node in block.body if isinstance(node, ast.ImportFrom) for name in node.names]
    # a type checker re-exports `x as x` and what is assigned
    typed = {name.name for name in names if name.asname == name.name}
    typed |= {
        ast.unparse(target) for node in block.body if isinstance(node, ast.Assign) for target in node.targets
    }
    assert {*typed, "__version__"} == set(dir(numcheck))


def test_the_rules_catch_what_they_forbid(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "import numpy\n"
        "from numcheck import formula, m, real\n"
        "@formula(source='nowhere', x=real(0, 1))\n"
        "def naive(x):\n"
        "    return torch.exp(x) + 0.1\n"
    )
    (function,) = formula_functions(wrong)
    assert function.name != wrong.stem
    assert {node.id for node in ast.walk(function) if isinstance(node, ast.Name)} & FORBIDDEN_IN_FORMULAS
    assert Fraction("0.1") != Fraction(0.1)
    assert imported(wrong) == {"numpy", "numcheck"}


def test_no_circle_between_files() -> None:
    """An import inside a function counts as well: it would only hide a circle."""
    files = {dotted(path): imported(path) for path in modules()}
    inside = {name: found & files.keys() - {name} for name, found in files.items()}
    TopologicalSorter(inside).prepare()  # CycleError names the circle


def test_a_formula_says_only_what_its_vocabulary_holds() -> None:
    from numcheck.reals import vocabulary

    said = {
        node.attr
        for path in catalog_files()
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "m"
    }
    assert said <= set(vocabulary.__all__)
    assert all(hasattr(vocabulary, name) for name in vocabulary.__all__)
    written = {
        node.name
        for node in parsed(PACKAGE / "reals" / "vocabulary.py").body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    }
    assert written <= set(vocabulary.__all__)
