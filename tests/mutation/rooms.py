"""What is mutated, and by which tests each room is judged. The one place to edit where code or tests move."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Room:
    """Functions, methods and constants of modules, and the test files that must notice any change in them.

    Of a function that does much beside judging, `only` names words: lines that hold none of them are left alone.
    """

    targets: dict[str, str]
    tests: tuple[str, ...]
    only: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])


ROOMS = {
    "enclosures": Room(
        {
            "numcheck.reals.enclosures": "TOLERANCE KEPT _extreme_parts _exponent _stored _converted "
            "_brought_near_one enclosure enclosure_of_float64 contradiction ulp_exponent "
            "largest_ulp_exponent binade narrow negligible no_longer_narrows Enclosure.nearest",
            "numcheck.reals.ball64.normalised": "REMAINDER covering",
            "numcheck.reals.precision": "precisions",
            "numcheck.truth.proofs": "proved tightness forgiven_by_all at_all_elements",
            "numcheck.truth.settling": "LOOSE _settle_group _lower_end",
        },
        ("test_enclosures.py", "test_enclosure_limits.py", "test_truth.py"),
    ),
    "measuring": Room(
        {
            "numcheck.measure.error": "WIDE error power_below error_of_ball errors apart _beyond "
            "rounds_to_infinity",
            "numcheck.reals.enclosures": "scaled",
            "numcheck.measure.judge": "judge _fates _wrong_zeros Judgement.worst_element Judgement.worst",
            "numcheck.measure.measurement": "_decided _sharpened _forgiven _off_the_powers _hanging "
            "_to_the_last_bit tally",
            "numcheck.measure.plain": "_plain plain",
            "numcheck.diagnosis.devices": "disagreement",
        },
        ("test_measure.py", "test_judge.py"),
    ),
    "verdicts": Room(
        {
            "numcheck.runs.verdict": "UNRESOLVED verdict_of",
            "numcheck.runs.gaps": "is_stale uncovered _formats",
            "numcheck.runs.examine": "Examined.judged Examined.worst Examined.crash Examined.gaps "
            "Examined.gap_of Examined.covered Examined.fates Examined.spent Examined.broken",
            "numcheck.measure.measurement": "Measurement.gaps",
            "numcheck.runs.entry": "entry_of errors_of",
            "numcheck.runs.search": "Tested.points Tested.unresolved Tested.in_doubt Tested.spent "
            "Tested.met Tested.stale Tested.passed",
            "numcheck.runs.sweep.run": "sweep_verdict",
            "numcheck.declaration.words": "Fate.fails",
            "numcheck.declaration.formulas": "Gap.name Gap.speaks_of Gap.overlaps",
            "numcheck.faces.cli": "run",
            "numcheck.faces.cli.check": "check",
        },
        ("test_verdicts.py",),
        {
            "entry_of": ("gap", "fate", "spent", "error", "covered", "failing", "judged"),
            "check": ("code", "verdict", "interrupted"),
        },
    ),
    "promises": Room(
        {
            "numcheck.truth.promises": "ENOUGH CLOSE Digits.hold digits known_texts _text "
            "_expect_in_domain _expect_known _correct _expect_same _beside _law_points _expect_law "
            "law_holds _broken",
            "numcheck.truth.signs": "NEAR negative_zeros _negative hanging_on_signs _hanging signed "
            "_alike _unsigned _half _beside_zero _proved",
            "numcheck.truth.opinion": "audit audit_enclosures second_opinion _of_value _of_number _along "
            "_difference_instead _value_along _mp_value _mp_reals _exact _allowed",
        },
        ("test_promises.py", "test_signs.py", "test_truth.py"),
    ),
    "causes": Room(
        {
            "numcheck.diagnosis.proof": "wrong_code _tell _executed _numbers _verdict _ball",
            "numcheck.diagnosis.conduct": "MOST_ALONE called_again _varying _over _Other.remark _outcome "
            "_held_against _as_before _varies _same_bits _worse by_placement beside_computing "
            "_under_watch _healed_by_subnormals",
        },
        ("test_proof.py", "test_conduct.py"),
    ),
    "regions": Room(
        {
            "numcheck.diagnosis.rules": "Condition.holds Condition.chosen Condition.__str__ _choice "
            "_short Region.__contains__ Region.holds _sentence Table.condition features_of numbers_of "
            "shortest",
            "numcheck.diagnosis.traits": "_size _spread _over _entry_at _below_the_largest _choice "
            "_comparable _things _alike _of_one_domain",
            "numcheck.diagnosis.fresh": "within _numbered firsts distinct wandered _merged between",
        },
        ("test_regions.py",),
    ),
    "exact": Room(
        {
            "numcheck.operators.exact.numbers": "exact is_nothing is_finite is_told _kept _two _quotient "
            "_power _same _difference _divided _raised _extremum _root _one _quotient_of compared "
            "ExactArithmetic.select",
            "numcheck.operators.exact.tensor": "Exact.write Exact.tolist made_of lifted joined",
            "numcheck.operators.exact.rules": "_axes _plain _asked _is_infinite differs has_sign chosen "
            "sign quotient clamp threshold threshold_backward _to_integer _half_to_even truncated "
            "remainder fmod _reduced mean variance length distances _running matrix_product "
            "plus_matrix_product _order _sorted in_order topmost _extreme middle placed _place_of cast "
            "_added_at scattered added_by_scatter put_at distinct_rows",
            "numcheck.operators.exact.run": "execute _numbers _FloatOfAnything.__call__ "
            "_Mathematics.__getattr__ _Exactly.__torch_dispatch__ _Exactly._found _Exactly._made _viewed "
            "_all_exact _moved _sum_of _as_reals _accurate",
        },
        ("test_exact.py",),
    ),
}

NEIGHBOURS: dict[str, str] = {
    "PROVED": "INVALID",
    "INVALID": "UNRESOLVED",
    "UNRESOLVED": "PROVED",
}
"""Members of enumerations that are plain names, and what each is exchanged for."""


def enumerations() -> tuple[Any, ...]:
    """Enumerations whose members are exchanged for the next one."""
    from numcheck.declaration.words import Cause, ExitCode, Fate, Of

    return Fate, Cause, Of, ExitCode
