"""`pytest --numcheck`: every registered routine, in every format and on every device, as a test item."""
