"""The Markdown of our own pages as HTML: headings, paragraphs, lists of two levels, tables, and marks within a line.

Pages that are text and tables are written once, as Markdown, and shown as HTML by this.
"""

import re
from collections.abc import Iterable, Mapping
from itertools import groupby

from markupsafe import Markup, escape

_MARKS = re.compile(
    r"(?P<escaped>\\(?P<literal>.))|`(?P<code>[^`]+)`|\*\*(?P<strong>.+?)\*\*"
    r"|\*(?P<em>[^*]+?)\*|\[(?P<text>[^\]]+)\]\((?P<target>[^)]+)\)"
)


def marked(text: str) -> Markup:
    """A page of Markdown as the body of one in HTML."""
    blocks = (list(lines) for _, lines in groupby(text.splitlines(), key=_kind))
    return Markup("\n").join(_block(lines) for lines in blocks if any(line.strip() for line in lines))


def _kind(line: str) -> str:
    """What block a line belongs to: equal for lines that follow each other in one."""
    if line.startswith("#"):
        return line
    return next(
        (name for name, mark in (("|", "|"), ("*", "* "), ("*", "    * ")) if line.startswith(mark)), ""
    )


def _block(lines: list[str]) -> Markup:
    first = lines[0]
    if first.startswith("#"):
        level = len(first) - len(first.lstrip("#"))
        return Markup("<h{0}>{1}</h{0}>").format(level, inline(first[level:].strip()))
    if first.startswith("|"):
        return _table(lines)
    if first.startswith("* "):
        return _list(lines)
    return Markup("\n").join(Markup("<p>{}</p>").format(inline(line)) for line in lines if line.strip())


def _table(lines: list[str]) -> Markup:
    head, _, *rows = [re.split(r"(?<!\\)\|", line.strip()[1:-1]) for line in lines]

    def row(cells: Iterable[str], tag: str) -> Markup:
        shown = (Markup("<{0}>{1}</{0}>").format(tag, inline(cell.strip())) for cell in cells)
        return Markup("<tr>{}</tr>").format(Markup("").join(shown))

    body = Markup("\n").join(row(cells, "td") for cells in rows)
    form = (
        '<div class="scroller"><table class="quantities"><thead>{}</thead>\n<tbody>{}</tbody></table></div>'
    )
    return Markup(form).format(row(head, "th"), body)


def _list(lines: list[str]) -> Markup:
    parts: list[Markup] = []
    for deep, group in groupby(lines, key=lambda line: line.startswith(" ")):
        items = Markup("\n").join(Markup("<li>{}</li>").format(inline(line.strip()[2:])) for line in group)
        parts.append(Markup("<li><ul>{}</ul></li>").format(items) if deep else items)
    return Markup("<ul>{}</ul>").format(Markup("\n").join(parts))


def inline(text: str) -> Markup:
    """One line with its marks."""
    parts: list[Markup] = []
    end = 0
    for found in _MARKS.finditer(text):
        parts += [escape(text[end : found.start()]), _mark(found.groupdict())]
        end = found.end()
    return Markup("").join([*parts, escape(text[end:])])


def _mark(found: Mapping[str, str | None]) -> Markup:
    if found["escaped"] is not None:
        return escape(found["literal"])
    if found["code"] is not None:
        return Markup("<code>{}</code>").format(found["code"])
    if found["target"] is not None:
        return Markup('<a href="{}">{}</a>').format(found["target"], inline(found["text"] or ""))
    tag = "strong" if found["strong"] is not None else "em"
    return Markup("<{0}>{1}</{0}>").format(tag, inline(found[tag] or ""))
