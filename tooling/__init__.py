"""What judges the repository itself, beside the linters."""
