"""SQL that dbt and Python share: the macros of `macros/` that need nothing but Jinja."""

import datetime
from functools import cache, partial
from typing import Any

from jinja2 import Environment, FileSystemLoader

from include.settings import PROJECT_ROOT

MACROS = PROJECT_ROOT / "macros"


def render(macro: str, *arguments: Any) -> str:
    """Return the text of a macro, which may call other macros but nothing of dbt's.

    Raises KeyError for a macro that does not exist, and jinja2.UndefinedError where it calls dbt.
    """
    path, environment = _paths()[macro], _environment()
    text: str = getattr(environment.get_template(path).module, macro)(*arguments)
    return text


@cache
def _paths() -> dict[str, str]:
    # One macro per file, of the file's name.
    return {path.stem: path.relative_to(MACROS).as_posix() for path in MACROS.rglob("*.sql")}


@cache
def _environment() -> Environment:
    environment = Environment(  # nosec B701 # SQL, not HTML
        loader=FileSystemLoader(MACROS), extensions=["jinja2.ext.do"]
    )
    # Each macro sees the others, as in dbt.
    environment.globals.update({name: partial(render, name) for name in _paths()})
    environment.globals["modules"] = {"datetime": datetime}  # of Python's, as dbt gives them
    return environment
