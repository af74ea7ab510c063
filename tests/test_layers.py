"""The rules of the house, read from the source itself."""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from fractions import Fraction
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "numcheck"
CATALOG = PACKAGE / "catalog"

RANKS = (
    ("formats",),
    ("reals",),
    ("domain", "operators"),
    ("declaration",),
    ("truth", "report", "training"),
    ("measure", "foreign"),
    ("diagnosis",),
    ("runs",),
    ("faces",),
    ("__main__",),
    ("catalog",),  # stands on the public page, and nothing imports it
)
"""The rooms from the ground up: a room imports from those of lower ranks, never from one of its own rank or above."""
MOST_RANKS = 14

FACES = ("domain", "operators", "truth", "report", "training", "foreign", "measure", "diagnosis", "runs")
"""Rooms that have a face, the `__all__` of their `__init__`: other rooms import its names and nothing behind it."""

MOST_LINES = 600
"""Lines of a file."""
MOST_LINES_OF_A_FUNCTION = 60
"""One function in a room may be longer: where one story is told from its beginning to its end."""

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


def imports(path: Path, nodes: Iterable[ast.AST]) -> Iterator[tuple[str, str]]:
    """What these nodes of a file import: a module by its full name, and the name taken from it ("" for itself)."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((name.name, "") for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = path.parent if node.level else ROOT
            for _ in range(node.level - 1):
                package = package.parent
            source = ".".join(package.relative_to(ROOT).parts) if node.level else ""
            source = ".".join(part for part in (source, node.module) if part)
            yield from ((source, name.name) for name in node.names)


def imported(path: Path) -> set[str]:
    """The modules that a file imports, by full name; `from numcheck import x` is numcheck.x where x is a module."""
    found: set[str] = set()
    for source, name in imports(path, runtime_nodes(parsed(path))):
        inner = ROOT.joinpath(*source.split("."), name)
        is_module = name and (inner.with_suffix(".py").exists() or (inner / "__init__.py").exists())
        found.add(f"{source}.{name}" if is_module else source)
    return found


def room(module: str) -> str | None:
    """The part of the house that a module stands in: `numcheck.reals.arb` in `reals`."""
    parts = module.split(".")
    return parts[1] if parts[0] == "numcheck" and len(parts) > 1 else None


def past_a_face(path: Path, here: str | None) -> list[str]:
    """What a file that stands in a room imports from behind the face of another."""
    return [
        f"{module} {name}".rstrip()
        for module, name in imports(path, runtime_nodes(parsed(path)))
        if (there := room(module)) in FACES and there != here
        if module != f"numcheck.{there}" or name not in import_module(module).__all__
    ]


def long_functions(path: Path) -> list[str]:
    """The functions of a file that are longer than most, without their decorators."""
    return [
        f"{node.name}, {lines} lines"
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (lines := (node.end_lineno or 0) - node.lineno + 1) > MOST_LINES_OF_A_FUNCTION
    ]


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


def test_every_room_has_its_rank() -> None:
    rooms = {room(dotted(path)) for path in modules()} - {None}
    assert sorted(name for names in RANKS for name in names) == sorted(rooms), (
        "give each room its rank in RANKS"
    )
    assert len(RANKS) <= MOST_RANKS


def test_the_page_of_the_house_names_every_file_and_none_that_is_gone() -> None:
    page = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    table = [line for line in page.partition("## Rooms")[2].splitlines() if line.startswith("| ")]
    told = {name.strip("/").removesuffix(".py") for name in re.findall(r"`([\w/.]+)`", "".join(table))}
    files = {path.stem for path in modules() if path.parent.name != "causes" and CATALOG not in path.parents}
    assert files - told == {"__init__", "__main__"}
    assert told - {path.stem for path in PACKAGE.rglob("*")} == {"Reals", "numcheck.m"}


@pytest.mark.parametrize("path", modules(), ids=named)
def test_imports_point_one_way(path: Path) -> None:
    rank = {name: level for level, names in enumerate(RANKS) for name in names}
    here = room(dotted(path))
    wrong = [
        f"{dotted(path)} imports {module}, which does not stand below it"
        for module in imported(path)
        if here is not None and (there := room(module)) not in (None, here) and rank[there] >= rank[here]
    ]
    assert not wrong


@pytest.mark.parametrize("path", modules(), ids=named)
def test_a_room_is_entered_through_its_face(path: Path) -> None:
    assert not past_a_face(path, room(dotted(path)))


def test_no_file_is_longer_than_a_reader_can_hold() -> None:
    lines = {named(path): len(path.read_text(encoding="utf-8").splitlines()) for path in modules()}
    assert not [f"{name}: {count} lines" for name, count in lines.items() if count > MOST_LINES]


@pytest.mark.parametrize("name", [name for names in RANKS for name in names])
def test_a_room_has_at_most_one_long_function(name: str) -> None:
    files = [path for path in modules() if room(dotted(path)) == name]
    found = [f"{named(path)}: {told}" for path in files for told in long_functions(path)]
    assert len(found) <= 1, "\n".join(found)


@pytest.mark.parametrize(
    "path", [PACKAGE / "__init__.py", *sorted((PACKAGE / "faces").rglob("*.py"))], ids=named
)
def test_what_starts_first_imports_nothing_heavy(path: Path) -> None:
    light = {"numcheck", "numcheck.declaration.words", "click", "pytest"}
    heavy = [
        module
        for module, _ in imports(path, parsed(path).body)
        if module not in light and not module.startswith("numcheck.faces.")
        if module.split(".")[0] not in sys.stdlib_module_names
    ]
    assert not heavy


@pytest.mark.parametrize("path", catalog_files(), ids=named)
def test_a_catalog_file_imports_only_the_public_page_torch_and_pages_of_its_folder(path: Path) -> None:
    for module in imported(path):
        beside = module.startswith(f"numcheck.catalog.{path.parent.name}.")
        assert module == "numcheck" or module.split(".")[0] == "torch" or beside, f"imports {module}"


def test_nothing_else_imports_a_catalog_file() -> None:
    importers = [
        f"{named(path)} imports {module}"
        for path in [*modules(), *sorted((ROOT / "tests").rglob("*.py"))]
        if path not in catalog_files()
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
    assert not long_functions(wrong)
    wrong.write_text(
        "from numcheck.domain import draw\n"
        "from numcheck.domain.points import draw\n"
        "from numcheck.truth import settling\n"
        "import numcheck.report.store\n"
        "def long():\n" + "    pass\n" * MOST_LINES_OF_A_FUNCTION
    )
    assert past_a_face(wrong, "runs") == [
        "numcheck.domain.points draw",
        "numcheck.truth settling",
        "numcheck.report.store",
    ]
    assert long_functions(wrong) == ["long, 61 lines"]


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
