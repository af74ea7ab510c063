"""Root finding: inverses that have no closed form."""
