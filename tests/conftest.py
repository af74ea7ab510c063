"""What every test runs under: hypothesis profiles, one torch thread, and FLINT's precision left as it was found."""

import importlib.metadata
import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.database import DirectoryBasedExampleDatabase

# Deadlines measure the machine, not the code; a proved truth may take long at one point and none at the next.
settings.register_profile(
    "dev", deadline=None, database=DirectoryBasedExampleDatabase(".hypothesis/examples")
)
settings.register_profile("ci", deadline=None, derandomize=True, database=None, print_blob=True)
settings.register_profile(
    "nightly", deadline=None, max_examples=2000, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev")
settings.load_profile(PROFILE)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="run the tests marked `full` too: minutes each")
    parser.addoption("--cuda-only", action="store_true", help="run the tests marked `cuda` and no others")


def pytest_configure(config: pytest.Config) -> None:
    # Each xdist worker would start as many threads as there are cores.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_report_header(config: pytest.Config) -> str:
    packages = ("torch", "numpy", "python-flint", "mpmath", "hypothesis")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    seed = config.getoption("hypothesis_seed", None)
    return f"numcheck: {versions}; hypothesis profile {PROFILE}, seed {'its own' if seed is None else seed}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--cuda-only"):
        others = [item for item in items if "cuda" not in item.keywords]
        items[:] = [item for item in items if "cuda" in item.keywords]
        config.hook.pytest_deselected(items=others)
    if not config.getoption("--full"):
        reason = pytest.mark.skip(reason="takes minutes: run with --full")
        for item in items:
            if "full" in item.keywords:
                item.add_marker(reason)
    marked = [item for item in items if "cuda" in item.keywords]
    if marked and not _gpu():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="torch finds no GPU here"))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    # A run that was asked for GPU tests and skips or lacks them all has nothing to fail.
    if session.config.getoption("--cuda-only") and exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
        session.exitstatus = pytest.ExitCode.OK


def _gpu() -> bool:
    import torch

    return torch.cuda.is_available()


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Tests run side by side; a test that never imports torch does not pay for it."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _flint_precision_is_left_alone() -> Iterator[None]:
    """Arb's precision belongs to the process: one test that moves it would change the truth of all that follow."""
    flint = sys.modules.get("flint")
    before = flint.ctx.prec if flint else 53
    yield
    after = flint.ctx.prec if (flint := sys.modules.get("flint")) else 53
    assert after == before, f"this test left flint.ctx.prec at {after} bits; it was {before}"
