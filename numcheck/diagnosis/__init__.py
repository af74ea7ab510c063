"""Why a routine's digits are lost."""
