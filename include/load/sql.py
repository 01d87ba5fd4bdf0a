"""SQL text that is written by hand: names and literals that no input can break out of."""

from collections.abc import Iterable


def identifier(*names: str) -> str:
    """Return a name with its qualifiers, quoted: `raw` is a reserved word in Redshift."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def literal(text: str) -> str:
    """Return a string literal; in Redshift's a backslash escapes, as a quote does."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def literals(texts: Iterable[str]) -> str:
    """Return string literals as a list."""
    return ", ".join(map(literal, texts))
