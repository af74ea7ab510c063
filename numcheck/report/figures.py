"""How a number of the report is written for a reader: short, with the infinity and the nothing spelled out."""

import math
import re
from typing import Any

from numcheck.declaration.words import visible

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: Any) -> float | None:
    """The float that a figure of the JSON stands for (`"inf"` is how JSON spells infinity); None for no figure."""
    try:
        return None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None


def power(base: int, exponent: int) -> str:
    """`2⁻²⁴`, for ticks and scales."""
    return f"{base}{str(exponent).translate(SUPERSCRIPTS)}"


def figure(value: Any) -> str:
    """Three significant digits, read at a glance: 0.7, 1,204, 3.4×10⁷, ∞, or a dash for no figure."""
    known = number(value)
    if known is None:
        return "–"
    if math.isnan(known):
        return "NaN"
    if math.isinf(known):
        return "∞" if known > 0 else "−∞"
    if known == 0:
        return "0"
    size = abs(known)
    if size < 1e-3 or size >= 1e6:
        significand, exponent = f"{known:.1e}".split("e")
        digits = significand.removesuffix(".0")
        text = power(10, int(exponent)) if digits in ("1", "-1") else f"{digits}×{power(10, int(exponent))}"
        text = f"-{text}" if digits == "-1" else text
    elif size >= 999.5 or isinstance(value, int):
        text = f"{known:,.0f}"
    else:
        text = f"{known:.3g}"
        if text == "1" and known != 1:
            # 1 is the limit of a spent share: what only comes near it must not read as it.
            text = f"{known:.5g}" if abs(known - 1) > 1e-4 else "just over 1" if known > 1 else "just under 1"
    return text.replace("-", "−")


def count(value: int) -> str:
    """A whole number, with its thousands separated."""
    return f"{value:,}"


def bits(value: Any) -> str:
    """Bits of a significand; an infinite number of them is every one there is."""
    known = number(value)
    if known is None or math.isnan(known):
        return "an unknown number of bits"
    return "every bit" if math.isinf(known) else "1 bit" if known == 1 else f"{figure(known)} bits"


def percent(share: Any) -> str:
    """A share of one as a percentage; a share that is not zero never reads as zero."""
    known = number(share)
    if known is None or not math.isfinite(known):
        return "–"
    if 0 < known < 1e-5:
        return "under 0.001 %"
    if 0.9995 <= known < 1:
        return "over 99.9 %"
    return f"{100 * known:.3g} %"


def size_name(size: int) -> str:
    """A size as it is asked for: 1e6, 2.5e5, and 1234 where that is no shorter."""
    digits = f"{size}".rstrip("0") or "0"
    exponent = len(f"{size}") - 1
    short = f"{digits[0]}{'.' if digits[1:] else ''}{digits[1:]}e{exponent}"
    return short if len(short) < len(f"{size}") else f"{size}"


def scaled(value: Any, unit: str) -> str:
    """Three digits and a prefix of the unit: 12.3 µs, 1.2 GB/s."""
    known = number(value)
    if known is None or not math.isfinite(known) or known <= 0:
        return "–"
    power = min(4, max(-3, math.floor(math.log10(known * (1 + 5e-4)) / 3)))
    digits = f"{known / 1000.0**power:.3g}"
    text = f"{float(digits):,.0f}" if "e" in digits else digits
    return f"{text} {'nµm kMGT'[power + 3].strip()}{unit}"


def counted(amount: int, noun: str, plural: str | None = None) -> str:
    """`1 formula`, `28 formulas`."""
    return f"{count(amount)} {noun if amount == 1 else plural or noun + 's'}"


def encoded(value: Any) -> str:
    """One input or result in decimals, vectors in brackets: what a reader compares."""
    if isinstance(value, dict):
        return str(value.get("decimal", value.get("hex", value)))
    if isinstance(value, list | tuple):
        return "[" + ", ".join(encoded(part) for part in value) + "]"
    return str(value)


def shortened(text: str, length: int = 72) -> str:
    """A long vector cut in the middle; the command that reproduces the point has all of it."""
    return text if len(text) <= length else f"{text[: length * 2 // 3]} … {text[-length // 4 :]}"


def bucket_limit(bucket: str) -> float:
    """The upper end of a bucket of the ulp histogram: sorting by it restores the order that JSON loses."""
    found = re.search(r"[\d.]+", bucket)
    return math.inf if bucket.startswith(">") or found is None else float(found.group())


def budget_ulps(budget: str) -> float | None:
    """The ulps that a budget such as `2 ulp + 1 cond` grants whatever the conditioning; None where it grants none."""
    found = re.match(r"\s*([\d.]+)\s*ulp", budget)
    return float(found.group(1)) if found else None


def cell(text: Any) -> str:
    """Any text, safe inside one cell or line of Markdown."""
    flat = " ".join(visible(str(text)).split())
    # An underscore inside a word is no markup, and names are full of them.
    escaped = re.sub(r"([\\`*|<>\[&~$]|(?<!\w)_|_(?!\w)|\](?=[(\[:]))", r"\\\1", flat)
    # At its beginning a line may say that it is a heading, a list, or a rule under the line above.
    return re.sub(r"^(#{1,6}(?=\s|$)|[-+=]|\d{1,9}(?=[.)]))", _literally, escaped)


def _literally(found: re.Match[str]) -> str:
    mark = found.group()
    return f"{mark}\\" if mark[0].isdigit() else f"\\{mark}"
