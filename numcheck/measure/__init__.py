"""What a routine gave, judged: run, compared with the truth under its budget, one fate for each point."""
