"""The report: what the JSON holds is what the pages show, the same every time, and nothing else."""

import itertools
import json
import math
import random
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

import numcheck.report
from numcheck.declaration.words import visible
from numcheck.report import (
    ReportError,
    compare,
    deterministic,
    folder_name,
    json_text,
    pages,
    read_json,
    write_json,
    write_report,
)
from numcheck.report.drawing import Heights, error_plot, fate_widths, fates_bar, histogram, ladder
from numcheck.report.figures import figure, number, percent
from numcheck.report.pages import to_html, to_markdown
from numcheck.report.store import LINE
from numcheck.report.summary import FATES, formula_sections, unbalanced, verdict, verdict_sentence

Json = dict[str, Any]

PRECISION = {"float32": 24, "float16": 11, "bfloat16": 8}
SCHEMA = json.loads((Path(numcheck.report.__file__).parent / "schema.json").read_text(encoding="utf-8"))
NASTY = '<script>alert("x")</script> & | `code` {{ 7 * 7 }}'


def encoded(value: float) -> Json:
    return {"hex": value.hex() if math.isfinite(value) else str(value), "decimal": f"{value:.9g}"}


def sample_point(x: float, got: float, truth: str, spent: float | str) -> Json:
    return {
        "inputs": {"logit": encoded(x), "label": 0, "weights": [encoded(0.25), encoded(0.75)]},
        "got": encoded(got),
        "truth": truth,
        "error_ulp": 3.4e7,
        "spent": spent,
        "budget_ulp_term": 4e-16,
        "budget_cond_term": 2.4e-15,
        "component": 0,
    }


def sample_bins(digits: int, bad: bool, rng: random.Random) -> list[list[Any]]:
    edges = sorted({sign * 10 ** (k / 5 - 2) for k in range(22) for sign in (-1, 1)} | {0.0})
    bins: list[list[Any]] = []
    for low, high in itertools.pairwise(edges):
        largest: float | str = round(0.5 + rng.random(), 3)
        if bad and high < -3:
            largest = round(
                min(2.0**digits, 2 ** (1 + digits * min(1, -high / 17))) * (0.7 + 0.5 * rng.random()), 3
            )
        if bad and high < -80:
            largest = "inf"
        median = round(0.25 + 0.1 * rng.random(), 3) if largest == "inf" or not bad else round(largest / 4, 3)
        spent = "inf" if largest == "inf" else float(largest) / 2
        bins.append([low, high, 0.0, median, largest, 40, spent])
    return bins


def sample_finding(formula: str, routine: str, precision: str, of: str) -> Json:
    return {
        "cause": "cancellation",
        "region": "logit <= -17.33 with label 0",
        "bits_lost": 24.0,
        "points": 120,
        "forgiven": False,
        "gap": None,
        "operator": "aten.sub.Tensor",
        "line": "losses.py:12: return torch.log(1 - p)",
        "remedy": "write log1p(exp(-x)), which never forms 1 - p",
        "reproduce": f"numcheck explain {formula} {routine} --at logit=-0x1.4p+4 --format {precision} --of {of}",
        "worst": sample_point(-200.0, 0.0, "1.3838965267367376e-87", "inf"),
        "simplest": sample_point(-20.0, 0.0, "2.0611536181902037e-9", 1.67e7),
    }


def sample_measurement(formula: str, routine: str, precision: str, of: str, rng: random.Random) -> Json:
    bad = routine == "naive"
    crashed = routine == "compiled" and precision == "bfloat16"
    gap = routine == "builtin" and of == "grad"
    fates = {"within": 1982, "invalid": 18, "unresolved": 0}
    if routine == "builtin" and precision == "float16" and of == "value":
        fates = {"within": 1979, "invalid": 18, "unresolved": 3}
    if bad:
        fates = {"within": 1720, "over": 120, "overflow": 139, "special": 1, "invalid": 20}
    if gap:
        fates = {"within": 1840, "gap": 160}
    if crashed:
        fates = {"crash": 2000}
    findings: list[Json] = []
    if bad:
        overflow = sample_finding(formula, routine, precision, of) | {
            "cause": "overflow",
            "operator": "aten.exp.default",
            "region": "logit <= -88.73",
            "points": 139,
            "bits_lost": "inf",
            "worst": None,
        }
        findings = [sample_finding(formula, routine, precision, of), overflow]
    if gap:
        findings = [
            sample_finding(formula, routine, precision, of)
            | {"cause": "underflow", "gap": "the saved sigmoid underflows", "points": 160}
        ]
    if routine == "stable":
        findings = [
            sample_finding(formula, routine, precision, of)
            | {
                "cause": "sensitivity",
                "forgiven": True,
                "remedy": None,
                "operator": None,
                "line": None,
                "points": 31,
            }
        ]
    spent: float | str = "inf" if bad or crashed else round(0.3 + 0.6 * rng.random(), 3)
    point = None if crashed else sample_point(-20.0, 2.06e-9, "2.0611536181902037e-9", spent)
    return {
        "formula": formula,
        "routine": routine,
        "format": precision,
        "device": "cpu",
        "of": of,
        "points": 2000,
        "fates": fates,
        "spent": spent,
        "worst_ulp": "inf" if bad or crashed else round(0.5 + rng.random(), 3),
        "evidence": "exhaustive" if precision == "float16" else "searched",
        "budget": "2 ulp + 1 cond" if of == "value" else "4 ulp + 1 cond",
        "worst": point,
        "simplest": point,
        "findings": findings,
        "gaps": [
            {"causes": ["underflow"], "reason": "the saved sigmoid underflows", "points": 160, "stale": False}
        ]
        if gap
        else [],
        "ulp_histogram": {
            "0": 900,
            "<=0.5": 800,
            "<=1": 160,
            "<=2": 20,
            "<=4": 0,
            "<=16": 0,
            "<=256": 0,
            "<=65536": 0,
            ">65536": 120 if bad else 0,
        },
        "underflow": {
            "share": 0.08 if gap else 0.0,
            "magnitude_lost": 2e-5 if gap else 0.0,
            "begins": "logit <= -87.3" if gap else None,
        },
        "cancellation": {
            "bits": 24.0,
            "operator": "aten.sub.Tensor",
            "line": "losses.py:12: return torch.log(1 - p)",
        }
        if bad
        else None,
        "scaling": {
            "ladder": [
                [k, "inf" if bad and k > 6 else round(0.4 * 10 ** ((k - 4) / 3 if bad else 0), 4)]
                for k in range(-20, 21, 2)
            ],
            "safe": None if crashed else [-20, 4] if bad else [-20, 20],
            "homogeneity_defect": 0.5 if formula == "polygon_area" else None,
        },
        "laws": [
            {
                "law": "swapping_the_label_flips_the_sign",
                "worst_ulp": 12.0 if bad else 0.5,
                "violations": 3 if bad else 0,
            }
        ],
        "plot": None
        if crashed
        else {"x": ["logit", "logit"], "bins": sample_bins(PRECISION[precision], bad, rng)},
        "message": "RuntimeError: no kernel for <BFloat16> at 0x7f31c0ffee" if crashed else None,
    }


def sample_report(
    formulas: int = 3, routines: tuple[str, ...] = ("naive", "stable", "builtin", "compiled")
) -> Json:
    rng = random.Random(0)
    names = [
        "binary_cross_entropy",
        "polygon_area",
        "softplus",
        *(f"formula_{k}" for k in range(3, formulas)),
    ][:formulas]
    return {
        "schema": 1,
        "numcheck": "0.1.0",
        "environment": {
            "torch": "2.13.0+cpu",
            "python": "3.11",
            "device": "cpu",
            "cpu_capability": "AVX512",
            "platform": "Linux x86_64",
            "numpy": "2.2.0",
            "python_flint": "0.9.0",
            "mpmath": "1.3.0",
            "subnormals": "kept",
        },
        "seed": 0,
        "points": 2000,
        "formats": list(PRECISION),
        "devices": ["cpu"],
        "precision": dict(PRECISION),
        "seconds": 12.3,
        "second_opinion": {"checked": 2400, "disagreed": 0, "share": 0.012},
        "formulas": [
            {
                "name": name,
                "topic": "classification",
                "source": "Goodfellow, Bengio & Courville 2016, section 6.2.2.2",
                "doc": "Nats lost when `label` is predicted with probability p.\n\nZero only in the limit.",
                "inputs": {"logit": "real(-200, 200, near 0)", "label": "one_of(0, 1)"},
                "laws": ["swapping_the_label_flips_the_sign"],
            }
            for name in names
        ],
        "measurements": [
            sample_measurement(name, routine, precision, of, rng)
            for name in names
            for routine in routines
            for precision in PRECISION
            for of in ("value", "grad")
        ],
        "notes": ["the second opinion is mpmath 1.3.0"],
    }


def changed(change: Callable[[Json], object]) -> Json:
    report = json.loads(json_text(sample_report()))
    change(report)
    return report


class Page(HTMLParser):
    """The tags, attributes and text of a page; a tag closed out of turn is recorded as a mistake."""

    VOID = frozenset({"meta", "input", "br", "link", "img", "hr"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.mistakes: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.mistakes.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("style", "script"):
            self.text += data

    def every(self, attribute: str) -> list[str]:
        return [attributes[attribute] or "" for _, attributes in self.tags if attribute in attributes]


@pytest.fixture(scope="module")
def html() -> str:
    return to_html(sample_report())


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_sample_follows_the_schema():
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(json_text(sample_report())))


def test_a_committed_report_follows_the_schema():
    jsonschema.Draft202012Validator(SCHEMA).validate(deterministic(sample_report()))


@pytest.mark.parametrize(
    "change",
    [
        lambda report: report.pop("seed"),
        lambda report: report.update(schema=2),
        lambda report: report["measurements"][0].update(of="hessian"),
        lambda report: report["measurements"][0].update(spent="a lot"),
        lambda report: report["measurements"][0]["fates"].update(lost=1),
        lambda report: report["measurements"][0]["findings"][0].update(cause="bad luck"),
        lambda report: report["measurements"][0]["findings"][0].pop("reproduce"),
    ],
    ids=["no seed", "another schema", "of", "spent", "unknown fate", "unknown cause", "no reproduce"],
)
def test_the_schema_refuses_what_scripts_could_not_rely_on(change: Callable[[Json], object]):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMA).validate(changed(change))


def test_the_pages_and_the_schema_know_the_same_fates():
    assert set(SCHEMA["$defs"]["fates"]["propertyNames"]["enum"]) == set(FATES)


def test_reading_gives_back_what_was_written(tmp_path: Path):
    report = sample_report()
    assert read_json(write_json(report, tmp_path / "report.json")) == report


def test_the_order_of_keys_does_not_reach_the_file():
    report = sample_report()
    assert json_text(dict(reversed(report.items()))) == json_text(report)


def test_infinities_are_written_as_words():
    assert json.loads(json_text({"spent": math.inf, "low": -math.inf, "got": math.nan})) == {
        "spent": "inf",
        "low": "-inf",
        "got": "nan",
    }


def test_what_fits_on_a_line_stays_on_one_and_nothing_else_does():
    def row(length: int) -> dict[str, str]:
        return {"x": "a" * (length - len('{"x": ""}'))}

    fits, too_long = row(LINE - 4), row(LINE - 3)  # four spaces of indentation
    told = json_text({"rows": [fits, too_long], "few": {"b": [], "a": {"c": None}}, "flat": [1.5] * LINE})
    assert told.splitlines() == [
        "{",
        '  "few": {"a": {"c": null}, "b": []},',
        f'  "flat": [{", ".join(["1.5"] * LINE)}],',
        '  "rows": [',
        f"    {json.dumps(fits)},",
        "    {",
        f'      "x": "{too_long["x"]}"',
        "    }",
        "  ]",
        "}",
    ]


def test_a_value_that_json_cannot_hold_is_refused():
    with pytest.raises(TypeError, match="plain values only, not complex"):
        json_text({"spent": 1j})


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = write_json({"schema": 1}, tmp_path / "report.json")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("numcheck.report.store.os.replace", full)
    with pytest.raises(ReportError):
        write_json(sample_report(), path)
    assert (read_json(path), [file.name for file in tmp_path.iterdir()]) == ({"schema": 1}, ["report.json"])


def test_another_schema_is_refused_in_one_line(tmp_path: Path):
    path = tmp_path / "report.json"
    path.write_text('{"schema": 7}')
    with pytest.raises(
        ReportError, match=r"^cannot read .*: its schema is 7, and this numcheck reads schema 1$"
    ):
        read_json(path)


@pytest.mark.parametrize("text", ["", "[]", "{"], ids=["empty", "list", "broken"])
def test_a_file_that_is_no_report_is_refused_in_one_line(tmp_path: Path, text: str):
    path = tmp_path / "report.json"
    path.write_text(text)
    with pytest.raises(ReportError, match=r"^cannot read [^\n]+$"):
        read_json(path)


def test_a_missing_report_is_refused_in_one_line(tmp_path: Path):
    with pytest.raises(ReportError, match=r"^cannot read .*none.json: No such file or directory$"):
        read_json(tmp_path / "none.json")


def test_a_report_is_three_files(tmp_path: Path):
    written = write_report(sample_report(), tmp_path / "new" / "folder")
    assert [path.name for path in written] == ["report.json", "report.md", "report.html"]
    assert all(path.is_file() for path in written)


def test_a_folder_that_is_a_file_gets_one_clear_line(tmp_path: Path):
    place = tmp_path / "taken"
    place.write_text("")
    with pytest.raises(
        ReportError, match=r"^cannot write .*taken: it is a file, and a report needs a folder$"
    ):
        write_report(sample_report(), place)


def test_a_folder_below_a_file_gets_one_clear_line(tmp_path: Path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(ReportError, match=r"^cannot write [^\n]+: [^\n]+$"):
        write_report(sample_report(), tmp_path / "taken" / "below")


def test_a_folder_that_the_system_protects_gets_one_clear_line():
    if not Path("/proc/self").is_dir():
        pytest.skip("this system has no /proc, where even root cannot make a folder")
    with pytest.raises(ReportError, match=r"^cannot write /proc/[^\n]+: [^\n]+$"):
        write_report(sample_report(), "/proc/numcheck-report")


def test_the_same_report_gives_the_same_files(tmp_path: Path):
    first = [path.read_bytes() for path in write_report(sample_report(), tmp_path / "first")]
    assert [path.read_bytes() for path in write_report(sample_report(), tmp_path / "second")] == first


def test_pages_are_made_from_the_json_alone(tmp_path: Path):
    report = sample_report()
    read = read_json(write_json(report, tmp_path / "report.json"))
    assert (to_html(read), to_markdown(read)) == (to_html(report), to_markdown(report))


def test_a_committed_report_holds_no_time():
    assert "seconds" not in json_text(deterministic(sample_report()))


def test_a_committed_report_holds_no_address_of_an_object():
    assert "0x7f31c0ffee" not in json_text(deterministic(sample_report()))


def test_deterministic_leaves_the_report_as_it_was():
    report = sample_report()
    deterministic(report)
    assert report == sample_report()


def test_pages_of_a_committed_report_name_no_time():
    report = deterministic(sample_report())
    assert "seconds" not in to_markdown(report) and "<dt>time</dt>" not in to_html(report)


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({}, "torch-2.13.0-cpu-avx512"),
        ({"cpu_model": "AMD EPYC, family 25"}, "torch-2.13.0-cpu-avx512-amd-epyc-family-25"),
        ({"torch": "2.11.0", "cpu_capability": "DEFAULT"}, "torch-2.11.0-cpu-default"),
        ({"device": "cuda", "device_name": "NVIDIA H200"}, "torch-2.13.0-cuda-nvidia-h200"),
        ({"platform": "Darwin arm64", "cpu_capability": "DEFAULT"}, "torch-2.13.0-cpu-default-darwin-arm64"),
        ({"torch": "../../etc"}, "torch-..-..-etc-cpu-avx512"),
    ],
)
def test_each_environment_has_a_folder_of_its_own(environment: Json, folder: str):
    assert folder_name(sample_report()["environment"] | environment) == folder


def test_a_report_does_not_differ_from_itself():
    assert compare(sample_report(), sample_report()) == []


def test_time_alone_is_no_difference():
    assert compare(sample_report(), sample_report() | {"seconds": 99.0}) == []


def test_a_changed_figure_is_named_with_both_values():
    def worse(report: Json) -> None:
        report["measurements"][2].update(spent=0.9, fates={"within": 1, "over": 1999})

    old = changed(lambda report: report["measurements"][2].update(spent=0.7, fates={"within": 2000}))
    assert compare(old, changed(worse)) == [
        "binary_cross_entropy.naive, float16, cpu, value: spent 0.7 -> 0.9; over 0 -> 1999; within 2000 -> 1"
    ]


def test_a_moved_region_is_named_with_both_places():
    def move(report: Json) -> None:
        report["measurements"][0]["findings"][0]["region"] = "logit <= -17.4"

    assert compare(sample_report(), changed(move)) == [
        "binary_cross_entropy.naive, float32, cpu, value: "
        "cancellation region logit <= -17.33 with label 0 -> logit <= -17.4"
    ]


def test_a_vanished_finding_is_named():
    (line,) = compare(sample_report(), changed(lambda report: report["measurements"][0]["findings"].pop()))
    assert line.endswith("findings cancellation, overflow -> cancellation")


def test_a_new_and_a_vanished_measurement_are_named():
    def rename(report: Json) -> None:
        report["measurements"][0]["routine"] = "newer"

    assert compare(sample_report(), changed(rename)) == [
        "binary_cross_entropy.naive, float32, cpu, value: no longer measured",
        "binary_cross_entropy.newer, float32, cpu, value: new",
    ]


def test_another_environment_is_named():
    assert compare(sample_report(), changed(lambda report: report["environment"].update(torch="2.11.0"))) == [
        "environment torch 2.13.0+cpu -> 2.11.0"
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda report: report["measurements"].reverse(),
        lambda report: report["measurements"][0]["plot"]["bins"][0].__setitem__(4, 0.1),
        lambda report: report["measurements"][0]["fates"].update(gap=0),
        lambda report: report["measurements"][0]["findings"][0].update(points=121),
        lambda report: report["formulas"][0].update(source="another book"),
        lambda report: report["notes"].append("a note"),
        lambda report: report.update(extra={"deep": [1]}),
    ],
    ids=["order", "plot", "empty fate", "finding", "source", "note", "extra"],
)
def test_no_difference_goes_unsaid(change: Callable[[Json], object]):
    assert compare(sample_report(), changed(change))


def test_every_measurement_is_a_line_of_the_markdown_table():
    report = sample_report()
    lines = to_markdown(report).splitlines()
    for m in report["measurements"]:
        of = "gradient" if m["of"] == "grad" else "value"
        begins = f"| {m['formula']} | {m['routine']} | {m['format']} | {m['device']} | {of} | {figure(m['spent'])} |"
        assert sum(line.startswith(begins) for line in lines) == 1


def test_every_row_of_a_markdown_table_has_the_columns_of_its_head():
    report = changed(lambda report: report["formulas"][0].update(source=NASTY, doc=NASTY))
    report["measurements"][0]["findings"][0]["region"] = NASTY
    report["measurements"][0]["underflow"] = {"share": 0.1, "magnitude_lost": 0.1, "begins": NASTY}
    width = 0
    for line in to_markdown(report).splitlines():
        bars = len(re.findall(r"(?<!\\)\|", line))
        if not line.startswith("|"):
            width = 0
        else:
            width = width or bars
            assert bars == width, line


def test_markdown_holds_no_markup_of_the_report():
    report = changed(lambda report: report["formulas"][0].update(source=NASTY, doc=NASTY))
    assert "<script>" not in to_markdown(report).replace("\\<", "")


MARKS = MarkdownIt("commonmark").enable(["table", "strikethrough"])


@pytest.mark.parametrize("place", ["{}", "- {}", "some *more*: {}", "> {}", "| head |\n| --- |\n| {} |"])
@given(st.text(alphabet="a1.) #-+=*_~`|<>[](){}!&;$:\\\"'/\n\t\x1b\u202e\udc80é", min_size=1))
@example("&lt;script&gt;")
@example("# a heading")
@example("1. a list")
@example("---")
@example("~~gone~~")
@example("![x](https://example.org/x.png)")
def test_whatever_a_text_holds_markdown_shows_it_as_it_is(place: str, text: str):
    shown = " ".join(visible(text).split())
    tokens = MARKS.parse(place.replace("{}", pages.cell(text)))
    last = [token for token in tokens if token.type == "inline"][-1:]
    parts = [part for token in last for part in token.children or []]
    assert "".join(part.content for part in parts).endswith(shown) or not shown
    assert {part.type for part in parts} <= {"text", "text_special", "em_open", "em_close"}
    assert not {"heading_open", "ordered_list_open", "hr", "html_block", "fence"} & {t.type for t in tokens}


def test_what_a_terminal_would_obey_stands_written_out_on_the_pages():
    hidden = "\x1b[2J\x07\x9b\u202e\udc80"

    def everywhere(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: part if key in ("of", "cause", "fates") else everywhere(part)
                for key, part in value.items()
            }
        if isinstance(value, list):
            return [everywhere(part) for part in value]
        return value + hidden if isinstance(value, str) and not number(value) else value

    report = sample_report()
    for measurement in report["measurements"]:
        measurement["message"] = f"ValueError: {hidden}"
        for finding in measurement["findings"]:
            finding["region"] = finding["line"] = finding["remedy"] = hidden
    report["formulas"] = everywhere(report["formulas"])
    report["in_float64"] = {"points": 1, "share": 1.0, "contradictions": [hidden]}
    for page in (to_markdown(report), to_html(report)):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\ud800-\udfff]", page)
        assert r"\x1b" in page.replace("\\\\", "\\")


def test_a_report_with_halves_of_characters_is_written_and_read_again(tmp_path: Path):
    report = sample_report()
    report["measurements"][0]["message"] = "ValueError: \udc80"
    written, _, _ = write_report(report, tmp_path)
    assert read_json(written)["measurements"][0]["message"] == "ValueError: \udc80"


def test_a_file_of_lists_without_end_in_each_other_is_no_report(tmp_path: Path):
    (tmp_path / "report.json").write_text("[" * 200_000)
    with pytest.raises(ReportError, match="it is not JSON"):
        read_json(tmp_path / "report.json")


def test_markdown_holds_every_finding_with_its_command():
    report, text = sample_report(), to_markdown(sample_report())
    commands = [finding["reproduce"] for m in report["measurements"] for finding in m["findings"]]
    assert commands and all(command in text for command in commands)


def test_the_page_closes_every_tag_in_turn(page: Page):
    assert (page.mistakes, page.open) == ([], [])


def test_the_page_needs_nothing_from_elsewhere(html: str, page: Page):
    tags = {tag for tag, _ in page.tags}
    addresses = [*page.every("src"), *page.every("href"), *page.every("xlink:href")]
    assert not tags & {"link", "img", "iframe", "object", "embed", "image", "video"}
    assert all(address.startswith("#") for address in addresses)
    assert not re.search(r"https?:|@import|url\((?!#)", html)


def test_every_link_of_the_page_leads_somewhere(page: Page):
    assert {address[1:] for address in page.every("href")} <= set(page.every("id"))


def test_no_two_elements_share_an_id(page: Page):
    assert len(page.every("id")) == len(set(page.every("id")))


def test_the_page_serves_light_dark_and_paper(html: str):
    assert "prefers-color-scheme: dark" in html and "@media print" in html


def test_every_drawing_says_in_words_what_it_shows(html: str):
    drawings = re.findall(r"<svg .*?</svg>", html, re.DOTALL)
    assert all(re.search(r'<title>[^<]|aria-label="[^"]|aria-hidden="true"', drawing) for drawing in drawings)


def test_every_measurement_is_a_cell_of_the_index(page: Page):
    cells = [a for tag, a in page.tags if tag == "td" and (a.get("class") or "").startswith("cell")]
    assert len(cells) == len(sample_report()["measurements"])


def test_the_page_shows_every_command_region_and_source(page: Page):
    report = sample_report()
    findings = [finding for m in report["measurements"] for finding in m["findings"]]
    wanted = [text for finding in findings for text in (finding["reproduce"], finding["region"])]
    assert all(
        text in page.text for text in [*wanted, *(formula["source"] for formula in report["formulas"])]
    )


def hostile(value: Any) -> Any:
    """The report with markup in every text that is free."""
    fixed = {"of", "format", "device", "cause", "evidence", "begins"}
    if isinstance(value, dict):
        return {key: part if key in fixed else hostile(part) for key, part in value.items()}
    if isinstance(value, list):
        return [hostile(part) for part in value]
    return (
        value + NASTY
        if isinstance(value, str) and value not in ("inf", "-inf", "nan", *PRECISION, "cpu")
        else value
    )


def test_no_text_of_the_report_becomes_markup():
    plain, attacked = Page(to_html(sample_report())), Page(to_html(hostile(sample_report())))
    assert attacked.mistakes == []
    assert [tag for tag, _ in attacked.tags].count("script") == [tag for tag, _ in plain.tags].count("script")
    assert "7 * 7" in attacked.text


def test_the_page_of_an_empty_report_says_so():
    report = sample_report() | {"measurements": [], "formulas": []}
    assert "Nothing was measured." in to_html(report) and "Nothing was measured." in to_markdown(report)


def test_a_report_with_only_the_promised_keys_is_shown():
    optional = {
        "budget",
        "gaps",
        "ulp_histogram",
        "underflow",
        "cancellation",
        "scaling",
        "laws",
        "plot",
        "message",
    }
    report = sample_report()
    for key in ("precision", "notes", "seconds"):
        del report[key]
    report["formulas"] = []
    report["measurements"] = [
        {key: value for key, value in m.items() if key not in optional}
        | {
            "findings": [
                {key: f[key] for key in ("cause", "region", "bits_lost", "reproduce")} for f in m["findings"]
            ]
        }
        | {
            key: m[key] and {part: m[key][part] for part in ("inputs", "got", "truth")}
            for key in ("worst", "simplest")
        }
        for m in report["measurements"]
    ]
    jsonschema.Draft202012Validator(SCHEMA).validate(report)
    assert Page(to_html(report)).mistakes == [] and to_markdown(report)


def test_the_whole_catalogue_stays_below_three_megabytes():
    report = sample_report(28, ("naive", "stable", "builtin"))
    assert len(report["measurements"]) >= 500
    assert len(to_html(report).encode()) < 3_000_000


def test_points_of_long_vectors_do_not_swell_the_page():
    long = [encoded(k / 3) for k in range(5000)]

    def stretch(report: Json) -> None:
        for m in report["measurements"]:
            for finding in m["findings"]:
                finding["worst"] = sample_point(1.0, 1.0, "1", 2.0) | {"inputs": {"x": long}}

    grown = len(to_html(changed(stretch))) - len(to_html(sample_report()))
    assert grown < len(str(long))


@pytest.mark.parametrize(
    "fates",
    [{"within": 2000}, {"within": 1999, "over": 1}, dict.fromkeys(FATES, 1), {"crash": 3, "gap": 10**9}],
)
def test_a_bar_is_filled_exactly(fates: dict[str, int]):
    assert math.isclose(math.fsum(width for _, _, width in fate_widths(fates)), 100, rel_tol=2**-48)


def test_a_single_bad_point_in_a_million_is_visible():
    widths = {fate: width for fate, _, width in fate_widths({"within": 999_999, "over": 1})}
    assert widths["over"] >= 2


def test_a_bar_tells_its_counts_in_words():
    assert "<title>1,880 within, 120 over</title>" in fates_bar({"over": 120, "within": 1880, "gap": 0})


def test_fates_that_do_not_add_up_are_said_on_the_page():
    report = changed(lambda report: report["measurements"][0]["fates"].update(within=1719))
    warning = "binary_cross_entropy.naive, float32, cpu, value: the fates add up to 1,999 of 2,000 points"
    assert unbalanced(report) == [warning] and warning in Page(to_html(report)).text


@pytest.mark.parametrize(
    ("fates", "expected"),
    [
        ({"within": 9, "invalid": 1}, "within"),
        ({"within": 9, "gap": 1}, "gap"),
        ({"within": 8, "gap": 1, "unresolved": 1}, "unresolved"),
        ({"gap": 8, "unresolved": 1, "underflow": 1}, "over"),
        ({"crash": 10}, "over"),
    ],
)
def test_a_verdict_is_the_most_serious_thing_to_say(fates: dict[str, int], expected: str):
    assert verdict({"fates": fates}) == expected


def test_a_gap_that_covers_nothing_is_a_verdict():
    stale = {"causes": ["overflow"], "reason": "exp", "points": 0, "stale": True}
    assert verdict({"fates": {"within": 10}, "gaps": [stale]}) == "stale"


def test_the_sentence_counts_every_measurement_once():
    numbers = [
        int(text.replace(",", "")) for text in re.findall(r"\d[\d,]*", verdict_sentence(sample_report()))
    ]
    kept, total, *rest = numbers
    assert kept + sum(rest) == total == len(sample_report()["measurements"])


def test_findings_that_differ_only_in_the_format_are_told_once():
    naive = formula_sections(sample_report())[0].routines[0]
    assert [(finding.cause, finding.of, len(finding.places)) for finding in naive.findings] == [
        ("cancellation", "value", 3),
        ("overflow", "value", 3),
        ("cancellation", "grad", 3),
        ("overflow", "grad", 3),
    ]


def test_worse_errors_stand_higher():
    heights = Heights("float32", 24)
    levels = [heights.at(ulps) for ulps in (0.0, 0.5, 1.0, 100.0, 2.0**24, math.inf)]
    assert levels == sorted(set(levels), reverse=True)


def plotted(bins: list[list[Any]], fates: dict[str, int] | None = None) -> str:
    m = sample_measurement("softplus", "naive", "float32", "value", random.Random(0))
    m |= {"plot": {"x": ["x", "x"], "bins": bins}, "fates": fates or {"over": 10}}
    return error_plot(m, Heights("float32", 24))


def test_bins_over_budget_are_marked():
    text = plotted([[0, 1, 0, 0.25, 0.5, 9, 0.2], [1, 2, 0, 4, 9, 9, 4.5]])
    assert text.count('class="largest bad"') == 1 and text.count('class="largest fine"') == 1


def test_an_error_that_conditioning_forgives_is_not_marked():
    assert "bad" not in plotted([[0, 1, 0, 50, 900, 9, 0.9]])


def test_without_spent_shares_only_a_routine_that_breaks_its_budget_is_marked():
    bins = [[0, 1, 0, 50, 900, 9]]
    assert "bad" in plotted(bins) and "bad" not in plotted(bins, {"within": 10})


def test_no_line_is_drawn_where_nothing_was_sampled():
    assert plotted([[0, 1, 0, 0.25, 0.5, 9, 0.2], [2, 3, 0, 0.25, 0.5, 9, 0.2]]).count('class="median"') == 2


@pytest.mark.parametrize(
    "bins",
    [
        [],
        [[0, 0, 0, 0, 0, 0]],
        [[0, 0, 0, 0, 0, 5]],
        [["-inf", -1, 0, 1, "inf", 5], [-1, "inf", "inf", "inf", "inf", 5]],
        [[1e-45, 1e-38, 0, None, None, 5], [1e-38, 3.4e38, 0, None, 1, 5]],
        [["nan", "nan", 0, 0, 1, 5]],
        [[-1e308, 1e308, 0, 0, 1, 5]],
        [[0, 5e-324, 0, 0, 1, 5]],
        [[-1e308, -1e-320, 0, 0, 1, 5], [1e-320, 1e308, 0, 0, 1, 5]],
    ],
    ids=[
        "no bin",
        "no point",
        "one point",
        "infinite",
        "subnormal to largest",
        "nan",
        "float64",
        "least subnormal",
        "least subnormal to largest",
    ],
)
def test_any_range_of_inputs_and_errors_is_drawn_inside_the_frame(bins: list[list[Any]]):
    text = plotted(bins)
    assert "nan" not in text and "inf" not in text.replace("fine", "")
    assert all(0 <= int(x) <= 640 for x in re.findall(r"[MH](\d+)", text))


def test_a_histogram_orders_its_buckets_by_error():
    text = histogram({">65536": 1, "<=16": 2, "0": 3, "<=0.5": 4})
    assert "0 ulp: 3, &lt;=0.5 ulp: 4, &lt;=16 ulp: 2, &gt;65536 ulp: 1" in text


def test_a_ladder_marks_the_scales_that_break_the_budget():
    assert ladder({"ladder": [[-1, 0.5], [0, 1.0], [1, 1.01], [2, "inf"]], "safe": [-1, 0]}).count("h0") == 2


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.7, "0.7"), (3.2, "3.2"), (0, "0"), (0.0, "0"), (1204.4, "1,204"), (120, "120"), (34_000_000.0, "3.4×10⁷"),
        (1e-9, "10⁻⁹"), (-1e-9, "−10⁻⁹"), (2.5e-9, "2.5×10⁻⁹"), ("inf", "∞"), ("-inf", "−∞"), ("nan", "NaN"),
        (None, "–"), (999.9, "1,000"), (0.9996, "0.9996"), (1.0004, "1.0004"),
    ],
)  # fmt: skip
def test_figures_are_short(value: float | str | None, text: str):
    assert figure(value) == text


def test_a_spent_share_near_the_limit_does_not_read_as_the_limit():
    assert "1" not in {figure(1.0004), figure(1 + 2**-30), figure(1 - 2**-30)}


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0 %"), (1, "100 %"), (0.012, "1.2 %"), (1e-9, "under 0.001 %"), (0.99999, "over 99.9 %")],
)
def test_a_share_never_reads_as_none_or_all_unless_it_is(share: float, text: str):
    assert percent(share) == text


def test_the_report_needs_no_torch():
    code = "import sys, numcheck.report; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
