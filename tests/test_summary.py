"""Summaries of disjoint points merge into the summary of all of them, however they were split and joined."""

import itertools
import json
import random
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcheck.declaration.words import Fate
from numcheck.report.store import finite
from numcheck.runs.sweep import summary
from numcheck.runs.sweep.summary import (
    BINS,
    EDGES,
    EMPTY,
    Region,
    Summary,
    Worst,
    as_json,
    from_json,
    histogram_of,
    merged,
    ranges_left,
    summary_of,
    tallied,
)

WITHIN, OVER = Fate.WITHIN, Fate.OVER


@st.composite
def judged(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Fates in runs, with errors and spent shares, and the length of a line."""
    runs = draw(
        st.lists(st.tuples(st.integers(0, len(Fate) - 1), st.integers(1, 6)), min_size=1, max_size=30)
    )
    fates = np.repeat([fate for fate, _ in runs], [length for _, length in runs])
    figures = st.sampled_from([0.0, 0.25, 0.5, 0.75, 3.0, 2.0**24, 2.0**25, float("inf"), float("nan")])
    error = np.array(draw(st.lists(figures, min_size=len(fates), max_size=len(fates))))
    return fates, error, error / 4, draw(st.integers(1, len(fates)))


def of_range(points: tuple[np.ndarray, np.ndarray, np.ndarray, int], start: int, stop: int) -> Summary:
    fates, error, spent, line = points
    numbers = np.arange(start, stop)
    return summary_of(start, stop, line, numbers, fates[start:stop], error[start:stop], spent[start:stop])


@given(judged(), st.data(), st.integers(1, 5))
def test_the_merged_summaries_of_parts_are_the_summary_of_the_whole(points, data, most):
    count = len(points[0])
    cuts = sorted(data.draw(st.sets(st.integers(1, count), max_size=12)) | {0, count})
    order = random.Random(data.draw(st.integers(0, 2**32)))
    with patch.object(summary, "MOST_REGIONS", most):
        whole = of_range(points, 0, count)
        parts = [of_range(points, start, stop) for start, stop in itertools.pairwise(cuts)]
        while len(parts) > 1:  # any two, so any order and any bracketing
            order.shuffle(parts)
            parts.append(merged(parts.pop(), parts.pop()))
    assert parts == [whole]


@given(judged())
def test_regions_are_the_longest_runs_of_one_failing_fate_along_a_line(points):
    fates, _, _, line = points
    expected: list[list[int]] = []
    for i, fate in enumerate(fates):
        if not Fate(fate).fails:
            continue
        if expected and expected[-1][1] == i - 1 and expected[-1][2] == fate and i % line:
            expected[-1][1] = i
        else:
            expected.append([i, i, fate])
    (stretch,) = of_range(points, 0, len(fates)).stretches
    assert stretch.regions == tuple(Region(first, last, Fate(fate)) for first, last, fate in expected)
    assert stretch.count == len(expected)


@given(judged(), st.data())
def test_points_known_to_be_within_may_be_tallied_apart_from_the_others(points, data):
    fates, error, spent, line = points
    known = (fates == WITHIN) & np.array(
        data.draw(st.lists(st.booleans(), min_size=len(fates), max_size=len(fates)))
    )
    error, spent = np.nan_to_num(error, nan=1.0), np.nan_to_num(spent, nan=0.25)
    rest = np.flatnonzero(~known)
    apart = summary_of(0, len(fates), line, rest, fates[rest], error[rest], spent[rest])
    if known.any():
        where = np.flatnonzero(known)
        first = int(where[np.argmax(error[where])])
        worst = (Worst(float(error[first]), first), Worst(float(spent[first]), first))
        apart = merged(apart, tallied(histogram_of(error[where]), *worst))
    assert apart == of_range((fates, error, spent, line), 0, len(fates))


@given(judged())
def test_a_summary_survives_its_file(points):
    whole = of_range(points, 0, len(points[0]))
    assert from_json(json.loads(json.dumps(finite(as_json(whole)), allow_nan=False))) == whole


def test_no_point_is_merged_twice():
    points = (np.full(8, OVER), np.ones(8), np.ones(8), 8)
    with pytest.raises(ValueError, match="in both"):
        merged(of_range(points, 0, 5), of_range(points, 4, 8))


def test_bins_end_at_a_half_and_powers_of_two():
    assert BINS[:3] == ("<=1/2", "<=1", "<=2")
    assert len(BINS) == len(EDGES) + 1 == len(EMPTY.histogram)
    places = [
        int(np.argmax(histogram_of(np.array([x]))))
        for x in (0, 0.5, 0.500001, 1, 2.0**24, 2.0**24 + 2, np.inf)
    ]
    assert [BINS[place] for place in places] == [
        *("<=1/2", "<=1/2", "<=1", "<=1", "<=16777216", ">16777216", ">16777216")
    ]


def test_what_a_summary_holds_is_not_done_again():
    points = (np.full(64, WITHIN), np.zeros(64), np.zeros(64), 64)
    chunks = [(start, start + 8) for start in range(0, 64, 8)]
    done = merged(of_range(points, 8, 24), of_range(points, 56, 64))
    assert ranges_left(done, chunks) == [(0, 8), (24, 32), (32, 40), (40, 48), (48, 56)]
    assert ranges_left(EMPTY, chunks) == chunks
