"""Mutation of the judge: change one thing in the code that judges, and see whether its tests notice.

    python -m tests.mutation ROOM            every mutant of a room (`rooms.py`), with the survivors
    python -m tests.mutation ROOM FUNCTION   those of one function
    python -m tests.mutation ROOM --argued   also those that are argued to be equivalent: no test may kill them

`mutants.py` makes them from the source, `trial.py` runs the room's tests on each in a fork of one warm process.
A survivor that no test can kill stands in `equivalent.toml` with its reason; whatever else survives wants a test.
"""
