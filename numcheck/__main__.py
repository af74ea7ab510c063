"""`python -m numcheck` is the command `numcheck`."""

from numcheck.faces.cli import main

main()
