"""Finding what MODULE:NAME or path/to/file.py:NAME names: a function to judge, or a formula."""

import difflib
import importlib.util
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from numcheck.declaration.formulas import Formula
from numcheck.declaration.registry import formula_named, formulas, load_catalog
from numcheck.declaration.words import UsageError, told_of
from numcheck.reals import subnormals


def load(target: str) -> Any:
    """What MODULE:NAME or path/to/file.py:NAME names; NAME may have dots. UsageError where there is no such thing."""
    place, colon, name = target.rpartition(":")
    if not (colon and place and name):
        raise UsageError(f"write MODULE:NAME or path/to/file.py:NAME, not {target!r}")
    if not all(part.isidentifier() for part in name.split(".")):
        raise UsageError(f"{name!r} is not evaluated: name a function or a class, such as {place}:focal_loss")
    found: Any = _module(place)
    for part in name.split("."):
        if not hasattr(found, part):
            near = difflib.get_close_matches(part, dir(found), n=1)
            raise UsageError(f"{place} has no {name}" + (f"; did you mean {near[0]}?" if near else ""))
        found = getattr(found, part)
    if not callable(found):
        raise UsageError(f"{target} is no function but {type(found).__name__}")
    return found


def formula_at(word: str | Formula) -> Formula:
    """The formula of that name, or the one that MODULE:NAME or path/to/file.py:NAME declares; a formula as it is."""
    if isinstance(word, Formula):
        return word
    load_catalog()
    if ":" not in word:
        return formula_named(word)
    found = load(word)
    if not isinstance(found, Formula):
        raise UsageError(f"{word} is no formula: declare it with @formula(source=..., ...)")
    return found


def formulas_at(word: str) -> list[Formula]:
    """All formulas that path/to/file.py declares, or all of a topic; of any other word the one formula."""
    if not word.endswith(".py"):
        load_catalog()
        topic = [] if word in formulas() else [f for f in formulas().values() if f.topic == word]
        return topic or [formula_at(word)]
    module = _module(word)
    declared = [*vars(module).values(), *formulas().values()]  # those that stand in a list have no name there
    found = [f for f in declared if isinstance(f, Formula) and f.module == module.__name__]
    if not found:
        raise UsageError(f"{word} declares no formula: write one with @formula(source=..., ...)")
    return list(dict.fromkeys(found))


def _module(place: str) -> ModuleType:
    path = Path(place)
    is_file = path.suffix == ".py"
    if is_file and not path.is_file():
        raise UsageError(f"no file {place}")
    package = _names_of_package(path.resolve()) if is_file else []
    # as `python file.py` and `python -m module` would find what the module itself imports
    folder = str(path.resolve().parents[len(package)]) if is_file else str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        if is_file:
            module = _module_of_file(path.resolve(), ".".join([*package, path.stem]) if package else "")
        else:
            module = importlib.import_module(place)
        subnormals.keep()  # whatever mode it has set: points may be read next
        return module
    except UsageError:
        raise
    except ModuleNotFoundError as error:
        raise UsageError(f"importing {place}: no module named {error.name}") from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever a module that is being imported can raise, or leave by
        raise UsageError(f"importing {place} raised {told_of(error)}{_way_out(error)}") from error


def _way_out(error: BaseException) -> str:
    """What to write where a script was imported that ends the process."""
    script = isinstance(error, SystemExit)
    return ': put what only a script does under `if __name__ == "__main__":`' if script else ""


def _names_of_package(path: Path) -> list[str]:
    """The packages that a file stands in, from the outermost; what it imports from them it imports by their names."""
    names: list[str] = []
    for folder in path.parents:
        if not ((folder / "__init__.py").is_file() and folder.name.isidentifier()):
            break
        names.insert(0, folder.name)
    return names


def _module_of_file(path: Path, dotted: str) -> ModuleType:
    """The module of a file, by its dotted name where that finds it."""
    known = next((m for m in [*sys.modules.values()] if getattr(m, "__file__", None) == str(path)), None)
    if known is not None:
        return known
    if dotted:
        with suppress(ModuleNotFoundError):
            spec = importlib.util.find_spec(dotted)  # which imports the packages alone
            if spec is not None and spec.origin is not None and Path(spec.origin).resolve() == path:
                return importlib.import_module(dotted)
    name = path.stem if path.stem not in sys.modules else f"{path.stem}_at_{abs(hash(path)):x}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
