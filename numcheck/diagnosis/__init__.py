"""Why digits were lost."""
