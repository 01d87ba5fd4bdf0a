"""Connections are encrypted, to a server that proves its name; only local ones need not be.

Redshift's certificates are issued by ACM for the endpoints (Configuring security options for
connections, in the management guide). The driver trusts what the machine trusts: without a look at
the name, any valid certificate of the internet would do. profiles.yml has the same rule for dbt.
"""

import json
from typing import TYPE_CHECKING, Any

from include.load.errors import LoadError

if TYPE_CHECKING:
    from airflow.sdk import Connection

NAME_CHECKED, ANY_NAME = "verify-full", "verify-ca"


class PlainConnectionError(LoadError):
    """A connection that asks for no TLS, to a host that is not local."""


def with_tls(conn: "Connection") -> "Connection":
    """Return the connection with `ssl` and `sslmode` as the driver takes them.

    Raises PlainConnectionError where it asks for no TLS and its host is not local.
    """
    from airflow.sdk import Connection  # the dashboard needs no Airflow

    extra = conn.extra_dejson
    sslmode = "disable" if extra.get("ssl", True) is False else extra.get("sslmode", "")
    if sslmode == "disable" and not is_local(conn.host or ""):
        raise PlainConnectionError(
            f"The connection {conn.conn_id} asks for no TLS to {conn.host}. Take `ssl` and "
            f"`sslmode` out of its extra, or set `sslmode` to {NAME_CHECKED} or {ANY_NAME}."
        )
    return Connection(
        conn_id=conn.conn_id,
        host=conn.host,
        port=conn.port,
        login=conn.login,
        password=conn.password,
        schema=conn.schema,
        extra=json.dumps(extra | driver_options(conn.host or "", sslmode)),
    )


def driver_options(host: str, sslmode: str) -> dict[str, Any]:
    """Return the driver's options for a host and one of dbt's `sslmode`s.

    What is not understood counts as the strictest; `require` never looked at the name.
    """
    if sslmode == "disable" and is_local(host):
        return {"ssl": False}
    mode = ANY_NAME if sslmode in ("require", ANY_NAME) else NAME_CHECKED
    return {"ssl": True, "sslmode": mode}


def is_local(host: str) -> bool:
    """Whether the host is this machine or a container beside it: no endpoint of AWS is dotless."""
    return host == "127.0.0.1" or not {".", ":"} & set(host)
