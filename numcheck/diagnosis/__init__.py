"""Why digits were lost: a cause for every failing point, its region, its examples, and what is told of it."""
