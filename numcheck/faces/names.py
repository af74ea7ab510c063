"""What users write with commas between, for the command line as for pytest."""

from typing import TYPE_CHECKING

from numcheck.declaration.words import UsageError

if TYPE_CHECKING:
    from numcheck.formats import Format


def names_of(text: str, option: str) -> list[str]:
    """The names between the commas, each once."""
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise UsageError(f"{option}: name at least one")
    return names


def format_named(name: str, option: str) -> "Format":
    """The format of that name."""
    from numcheck.formats import format_of

    try:
        return format_of(name)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None


def formats_of(text: str, option: str) -> "list[Format]":
    """The formats between the commas."""
    return [format_named(name, option) for name in names_of(text, option)]


def sizes_of(text: str, option: str) -> list[int]:
    """The whole numbers between the commas."""
    try:
        return [int(name) for name in names_of(text, option)]
    except ValueError:
        raise UsageError(f"{option}: write whole numbers with commas between, not {text}") from None
