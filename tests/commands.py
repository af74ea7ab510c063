"""Commands as a user runs them, without the seconds that a process of its own takes to import torch."""

import contextlib
import io
import json
import os
import traceback
from collections.abc import Sequence
from pathlib import Path

from numcheck.faces import cli


def told_by(words: Sequence[str], folder: Path) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of `numcheck WORDS` run in a folder, in a forked process."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        told: tuple[int, str, str] = (-1, "", "")
        try:
            out, errors = io.StringIO(), io.StringIO()
            os.chdir(folder)
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
                code = cli.run(words)
            told = (int(code), out.getvalue(), errors.getvalue())
        except BaseException:  # nothing may come back from here into the tests
            told = (-1, "", traceback.format_exc())
        finally:
            with os.fdopen(writing, "w") as pipe:
                json.dump(told, pipe)
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        code, out, errors = json.loads(pipe.read())
    os.waitpid(child, 0)
    return code, out, errors
