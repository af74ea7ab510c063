"""What the inputs that come in several sizes share.

All ragged inputs of one formula declare the same `sizes`; the points of one draw have one of them.
"""

from numcheck.formats import Format


def check_sizes(kind: str, sizes: object, least: int) -> None:
    """Refuse what is no tuple of different sizes from `least` on."""
    if not isinstance(sizes, tuple) or not sizes or any(type(n) is not int or n < least for n in sizes):
        raise ValueError(
            f"{kind}(sizes={sizes!r}): write a tuple of ints from {least} on, such as sizes=(3, 8)"
        )
    if len(set(sizes)) < len(sizes):
        raise ValueError(f"{kind}(sizes={sizes!r}): write each size once")


def known_size(kind: str, size: int | None) -> int:
    """The size, which a ragged input cannot do without."""
    if size is None:
        raise ValueError(f"{kind} needs a size: give one of its sizes")
    return size


def no_list(format: Format, grid: int | None) -> None:
    """None, for the values are too many and differ from size to size."""
