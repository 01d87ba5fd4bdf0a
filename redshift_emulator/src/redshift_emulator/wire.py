"""The wire: PostgreSQL's protocol version 3 as Redshift speaks it, one `ClientSession` per client.

A session handles a client's messages one at a time. It forwards each message to PostgreSQL or
answers it itself, and relays the answer before it reads the next message. So it always knows the
state of the protocol, and can turn one statement into several or none. Results stream through as
they arrive.

Rules: "Frontend/Backend Protocol" (PostgreSQL), and what redshift_connector and libpq send.
"""

import asyncio
import re
import ssl
import struct
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeVar

from redshift_emulator import varbyte
from redshift_emulator.backend import Session
from redshift_emulator.copy_from_s3 import run_copy
from redshift_emulator.dialect import CASE, is_on
from redshift_emulator.dialect.tokens import literal
from redshift_emulator.error_replies import error_reply, information, reworded
from redshift_emulator.errors import RedshiftError
from redshift_emulator.faults import FaultFile
from redshift_emulator.isolation import LOG_INSERTS, TAKES_SNAPSHOT, TOUCHED, Schedule, Transaction
from redshift_emulator.lookup import translate_with_columns
from redshift_emulator.postgres import (
    CANCEL_REQUEST,
    OWNER,
    Connection,
    Message,
    Row,
    message,
    row,
    startup,
)
from redshift_emulator.s3_objects import load_error
from redshift_emulator.statements import Copy, SessionSettings, Sql, Statement, Unload
from redshift_emulator.unload_to_s3 import run_unload

SSL_REQUEST = 80877103
GSSENC_REQUEST = 80877104
STATUS = {"server_version": "8.0.2", "show_discovery": "4"}
"""What Redshift reports at start-up. From discovery version 4, drivers read metadata with SHOW."""
LARGEST_MESSAGE = 64 << 20
STARTUP_PARAMETERS = frozenset(
    {"user", "database", "application_name", "client_encoding", "options", "datestyle", "timezone"}
)
"""The start-up parameters that PostgreSQL knows; Redshift's drivers also send others."""

# Replies that belong to no statement: notices, parameter changes, notifications.
_ASIDES = b"NSA"
_T = TypeVar("_T")
_FLUSH = message(b"H")
_SYNC = message(b"S")
_BROKEN_QUERY = message(b"Q", b"an error of the emulator\0")
_BROKEN_PARSE = message(b"P", b"\0an error of the emulator\0\0\0")
_PARAMETER = re.compile(r"\$(\d+)")
_UNKNOWN, _TEXT = 705, 25
_UNTYPED = (0, _UNKNOWN)
_BEGIN = re.compile(r"\s*(begin|start)\b", re.IGNORECASE)
# Two of these at once conflict in PostgreSQL's catalog; on Redshift the second one waits.
_COLLIDING = re.compile(
    r"\s*create\s+(schema|table)\s+if\s+not\s+exists\b|\s*(grant|revoke)\b.*\bon\s+schema\b",
    re.IGNORECASE | re.DOTALL,
)
_WHO = (
    "select pg_backend_pid(), usesysid, usename, txid_current(), nextval('redshift.query_ids')"
    " from pg_user where usename = current_user"
)


@dataclass(frozen=True)
class Server:
    """What all sessions share; `sessions` holds the logged-in ones by cancel key."""

    socket: str
    s3_endpoint: str | None = None
    copy_roles: tuple[str, ...] = ()
    tls: ssl.SSLContext | None = None
    faults: FaultFile | None = None
    sessions: dict[bytes, "ClientSession"] = field(default_factory=dict)
    schedule: Schedule = field(default_factory=Schedule)


class Prepared(NamedTuple):
    """A statement of the extended protocol, as the client sent it and as translated."""

    sql: str
    statement: Statement
    varbytes: frozenset[int] = frozenset()
    """Positions of the VARBYTE columns that its rows send as text."""


class ClientReader(asyncio.StreamReader):
    """Reads a client's bytes and calls `on_gone` when the client closes its side."""

    on_gone: Callable[[], object] | None = None

    def feed_eof(self) -> None:
        """Notice the end of the stream, even while nobody reads."""
        super().feed_eof()
        if self.on_gone:
            self.on_gone()

    def set_exception(self, exc: Exception) -> None:
        """Notice a lost connection, even while nobody reads."""
        super().set_exception(exc)
        if self.on_gone:
            self.on_gone()


async def serve_client(
    server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Serve one client from its first byte until either side hangs up."""
    session = ClientSession(server, reader, writer)
    task = asyncio.current_task()
    if isinstance(reader, ClientReader) and task is not None:
        # If a client dies during a statement, cancel it: PostgreSQL would run it to its end.
        reader.on_gone = lambda: task.cancel() if session.busy else None
    try:
        await session.run()
    except (OSError, EOFError, asyncio.CancelledError):
        pass
    finally:
        await session.close()


class ClientSession:
    """One client, its PostgreSQL connection, and its state between statements."""

    def __init__(
        self, server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.busy = False
        self._server = server
        self._reader = reader
        self._writer = writer
        self._pg: Connection | None = None
        self._settings = SessionSettings()
        self._database = ""
        self._prepared: dict[bytes, Prepared] = {}
        self._portals: dict[bytes, Prepared] = {}
        self._skip_to_sync = False
        self._running: asyncio.Task[object] | None = None
        self._cut_after = False
        self._varbytes: frozenset[int] = frozenset()

    @property
    def pg(self) -> Connection:
        """The session's PostgreSQL connection, which exists once the client has logged in."""
        assert self._pg is not None
        return self._pg

    def _answer(self, data: bytes) -> None:
        """Write to the client, unless a fault is about to cut the connection."""
        if not self._cut_after:
            self._writer.write(data)

    async def cancel(self) -> None:
        """Cancel the running statement, at the request of another connection."""
        if self._running:
            self._running.cancel()
        else:
            await self.pg.cancel()

    async def close(self) -> None:
        """Cancel what PostgreSQL runs for this client and close both connections."""
        self._server.schedule.end(self)
        if self._pg is not None:
            self._server.sessions.pop(self._pg.key, None)
            if self.busy and self._pg.key:
                with suppress(OSError):
                    await self._pg.cancel()
            self._pg.close()
        self._writer.close()

    async def run(self) -> None:
        """Serve the client. Raises OSError or EOFError when either side hangs up."""
        if not await self._start_up():
            return
        while True:
            kind = await self._reader.readexactly(1)
            body = await self._body()
            if kind == b"X":
                await self._log_disconnection()
                return
            self.busy = True
            try:
                await self._handle(kind, body)
            except RedshiftError as error:
                await self._refuse(kind, error)
            except (OSError, EOFError):
                raise
            except Exception as error:
                text = f"internal error of the emulator: {error!r}"
                await self._refuse(kind, RedshiftError("XX000", text))
            self.busy = False
            if self._cut_after and kind in b"QS":
                raise ConnectionAbortedError("cut by a fault after the statement")
            await self._writer.drain()

    async def _body(self) -> bytes:
        size = int.from_bytes(await self._reader.readexactly(4), "big") - 4
        if not 0 <= size <= LARGEST_MESSAGE:
            raise ConnectionAbortedError(f"client sent a message of {size} bytes")
        return await self._reader.readexactly(size)

    # Start-up

    async def _start_up(self) -> bool:
        while True:
            body = await self._body()
            code = int.from_bytes(body[:4], "big")
            match code:
                case _ if code == SSL_REQUEST and self._server.tls:
                    self._answer(b"S")
                    await self._writer.drain()
                    await self._writer.start_tls(self._server.tls)
                case _ if code in (SSL_REQUEST, GSSENC_REQUEST):
                    self._answer(b"N")
                case _ if code == CANCEL_REQUEST:
                    if session := self._server.sessions.get(body[4:]):
                        await session.cancel()
                    return False
                case _:
                    return await self._log_in(code, body[4:])

    async def _log_in(self, protocol: int, body: bytes) -> bool:
        parts = body.decode().split("\0")
        given = {name.lower(): value for name, value in zip(parts[::2], parts[1::2], strict=False)}
        parameters = {name: given[name] for name in given if name in STARTUP_PARAMETERS}
        if parameters.get("user") in (None, OWNER):
            error = RedshiftError("28000", f'role "{parameters.get("user")}" may not log in')
            self._answer(error_reply(error, "FATAL"))
            return False
        self._database = parameters.setdefault("database", parameters["user"])
        self._pg = await Connection.open(self._server.socket)
        await self.pg.send(startup(protocol, parameters))
        while True:
            reply = await self.pg.receive_one()
            if reply.kind == b"S" and reply.body.startswith(b"server_version\0"):
                for name, value in STATUS.items():
                    self._answer(message(b"S", f"{name}\0{value}\0".encode()))
            else:
                self._answer(self._for_client(reply))
            if reply.kind == b"R" and reply.body != b"\0\0\0\0":
                # PostgreSQL itself asks for the password and checks it.
                await self._writer.drain()
                kind = await self._reader.readexactly(1)
                await self.pg.send(message(kind, await self._body()))
            elif reply.kind == b"K":
                self.pg.key = reply.body
                self._server.sessions[reply.body] = self
            elif reply.kind == b"E":
                await self._writer.drain()
                return False
            elif reply.kind == b"Z":
                await self._log_connection(given)
                await self._writer.drain()
                return True

    async def _log_connection(self, given: dict[str, str]) -> None:
        """Log the connection before the first statement can query the log (STL_CONNECTION_LOG)."""
        tls = self._writer.get_extra_info("ssl_object")
        host, port = self._writer.get_extra_info("peername")[:2]
        facts = [host, str(port), tls.version() if tls else "", tls.cipher()[0] if tls else ""]
        names = ("application_name", "driver_version", "os_version", "plugin_name")
        values = ", ".join(map(literal, [*facts, *(given.get(name, "") for name in names)]))
        # A session without permission to write, or to write in this database, is not logged.
        with suppress(RedshiftError):
            await self.pg.query(f"select redshift.log_connection({values})")
        # ALTER USER may have set a default for the user.
        [(case,)] = await self.pg.query(f"select current_setting('redshift.{CASE}', true)")
        self._settings.case_sensitive_identifier = is_on(case or "")

    async def _log_disconnection(self) -> None:
        """Roll back an open transaction and log that the client disconnected."""
        with suppress(OSError, RedshiftError):
            if self.pg.status != b"I":
                await self.pg.query("rollback")
            await self.pg.query("select redshift.log_disconnection()")

    # Messages

    async def _handle(self, kind: bytes, body: bytes) -> None:
        match kind:
            case b"Q":
                await self._simple_query(body[:-1].decode())
            case b"S":
                self._skip_to_sync = False
                await self._synchronise()
                self._ready()
            case b"F":
                raise RedshiftError("0A000", "the function call protocol is not supported")
            case _ if self._skip_to_sync:
                pass
            case b"P":
                await self._parse(body)
            case b"B":
                await self._bind(body)
            case b"D":
                await self._describe(body)
            case b"E":
                await self._execute(body)
            case b"C":
                (self._prepared if body[:1] == b"S" else self._portals).pop(body[1:-1], None)
                await self._forward(b"C", body, b"3")

    async def _refuse(self, kind: bytes, error: RedshiftError) -> None:
        """Send `error` to the client and make PostgreSQL fail the open transaction."""
        self._answer(error_reply(error))
        if kind == b"Q":
            if self.pg.status == b"T":
                await self.pg.send(_BROKEN_QUERY)
                await self._relay(b"Z", show=_ASIDES)
            self._ready()
        else:
            await self.pg.send(_BROKEN_PARSE + _FLUSH)
            await self._relay(b"E", show=_ASIDES)
            self._skip_to_sync = True

    def _ready(self) -> None:
        if self.pg.status == b"I":
            self._server.schedule.end(self)
        self._answer(message(b"Z", self.pg.status))

    async def _forward(self, kind: bytes, body: bytes, end: bytes) -> None:
        """Forward a message of the extended protocol and relay its answer."""
        await self.pg.send(message(kind, body) + _FLUSH)
        last = await self._relay(end + b"E")
        self._skip_to_sync = last.kind == b"E"

    async def _relay(
        self, end: bytes, show: bytes | None = None, rows: list[Row] | None = None
    ) -> Message:
        """Relay replies of the kinds in `show` (None: all) until one of a kind in `end`; return it.

        Append rows to `rows` if it is given.
        """
        while True:
            last = None
            out = []
            replies = await self.pg.receive()
            while replies and last is None:
                reply = replies.popleft()
                if show is None or reply.kind in show:
                    out.append(self._for_client(reply))
                if rows is not None and reply.kind == b"D":
                    rows.append(row(reply.body))
                if reply.kind in end:
                    last = reply
            self._answer(b"".join(out))
            await self._writer.drain()
            if last:
                if last.kind == b"Z":
                    self.pg.status = last.body
                return last

    async def _synchronise(self) -> None:
        """End the implicit transaction of the extended protocol; some errors only occur here."""
        await self.pg.send(_SYNC)
        await self._relay(b"Z", show=_ASIDES + b"E")

    def _for_client(self, reply: Message, statement: Sql | None = None) -> bytes:
        match reply.kind:
            case b"D" if self._varbytes:
                return varbyte.row_of_digits(reply.body, self._varbytes)
            case b"T":
                described, self._varbytes = varbyte.described(reply.body)
                return described
            case b"t":
                return varbyte.parameters(reply.body)
            case b"E":
                return reworded(reply.body)
            case b"C" if statement and statement.tag:
                return message(b"C", statement.tag.encode() + b"\0")
        return reply.raw

    # Simple query

    async def _simple_query(self, text: str) -> None:
        """Run the statements of one Query, in one transaction unless they control it themselves."""
        await self._apply_faults(text)
        statements = await translate_with_columns(text, self._settings, self.pg.query) or []
        if not statements:
            self._answer(message(b"I"))
        for statement in statements:
            self._refuse_in_block(statement, among_others=len(statements) > 1)
        # PostgreSQL runs a Query in one transaction. COPY and UNLOAD split the Query, so begin one
        # here.
        own = (
            self.pg.status == b"I"
            and any(not isinstance(each, Sql) or each.writes for each in statements)
            and not (isinstance(statements[0], Sql) and _BEGIN.match(statements[0].text))
        )
        if own:
            await self.pg.query("begin")
        try:
            group: list[Sql] = []
            for statement in map(_guarded, statements):
                if isinstance(statement, Sql) and statement.text != "commit":
                    group.append(statement)
                    continue
                if not await self._run_group(group):
                    break
                group = []
                if isinstance(statement, Sql):
                    await self._check_commit()
                    group.append(statement)
                else:
                    await self._transfer(statement)
            else:
                await self._run_group(group)
            if own and self.pg.status != b"I":
                await self._check_commit()
                await self.pg.query("rollback" if self.pg.status == b"E" else "commit")
        except RedshiftError:
            if own:
                await self.pg.query("rollback")
            raise
        self._ready()

    async def _run_group(self, group: list[Sql]) -> bool:
        """Send statements as one Query; relay the answer to each `text`, and any error."""
        if not group:
            return True
        parts: list[tuple[str, Sql | None]] = []
        for statement in group:
            parts += [(text, None) for text in (statement.lock, *statement.before) if text]
            parts += [(statement.text, statement), *((text, None) for text in statement.after)]
        await self.pg.send(message(b"Q", "\n;".join(text for text, _ in parts).encode() + b"\0"))
        succeeded = True
        at = 0
        self._take_snapshot(parts[at][1])
        while True:
            ready = False
            out = []
            replies = await self.pg.receive()
            while replies and not ready:
                reply = replies.popleft()
                statement_here = parts[at][1] if at < len(parts) else None
                match reply.kind:
                    case b"C" | b"I":
                        at += 1
                        self._take_snapshot(parts[at][1] if at < len(parts) else None)
                    case b"E":
                        succeeded = False
                    case b"Z":
                        self.pg.status, ready = reply.body, True
                if not ready and (statement_here or reply.kind in _ASIDES + b"E"):
                    out.append(self._for_client(reply, statement_here))
            self._answer(b"".join(out))
            await self._writer.drain()
            if ready:
                return succeeded

    # Extended query

    async def _parse(self, body: bytes) -> None:
        name, text, types = body.split(b"\0", 2)
        self._prepared.pop(name, None)
        sql = text.decode()
        statements = await translate_with_columns(sql, self._settings, self._run_hidden)
        if statements is None:
            return
        if len(statements) > 1:
            raise RedshiftError(
                "42601", "cannot insert multiple commands into a prepared statement"
            )
        statement = _guarded(statements[0]) if statements else Sql("")
        self._prepared[name] = Prepared(sql, statement)
        if isinstance(statement, Sql):
            types = _parameter_types(varbyte.parsed(types), statement)
            if not await self._lock(statement):
                return
            await self._parse_and_describe(name, statement, types)
            self._prepared[name] = Prepared(sql, statement, self._varbytes)
        else:
            self._answer(message(b"1"))

    async def _parse_and_describe(self, name: bytes, statement: Sql, types: bytes) -> None:
        """Parse a statement, and note its VARBYTE columns without showing them to the client."""
        body = b"\0".join((name, statement.text.encode(), types))
        await self.pg.send(message(b"P", body) + message(b"D", b"S" + name + b"\0") + _FLUSH)
        last = await self._relay(b"TnE", show=_ASIDES + b"1E")
        self._skip_to_sync = last.kind == b"E"
        self._varbytes = varbyte.described(last.body)[1] if last.kind == b"T" else frozenset()

    async def _bind(self, body: bytes) -> None:
        portal, name, values = body.split(b"\0", 2)
        self._portals.pop(portal, None)
        prepared = self._prepared.get(name)
        if prepared is not None:
            formats = _result_formats(values)
            as_text = varbyte.sent_as_text(prepared.varbytes, formats)
            self._portals[portal] = prepared._replace(varbytes=as_text)
        statement = prepared.statement if prepared else None
        if isinstance(statement, Copy | Unload):
            self._answer(message(b"2"))
        elif await self._lock(statement):
            await self._forward(b"B", body, b"2")

    async def _describe(self, body: bytes) -> None:
        names = self._prepared if body[:1] == b"S" else self._portals
        named = names.get(body[1:-1])
        if named and isinstance(named.statement, Copy | Unload):
            parameters = message(b"t", b"\0\0") if body[:1] == b"S" else b""
            self._answer(parameters + message(b"n"))
        else:
            await self._forward(b"D", body, b"Tn")

    async def _execute(self, body: bytes) -> None:
        portal = self._portals.get(body.split(b"\0", 1)[0])
        if portal is None:
            await self._forward(b"E", body, b"CIs")
            return
        await self._apply_faults(portal.sql)
        self._varbytes = portal.varbytes
        match statement := portal.statement:
            case Sql():
                self._refuse_in_block(statement)
                await self._execute_all(statement, body)
            case _:
                await self._synchronise()
                own = self.pg.status == b"I"
                if own:
                    await self.pg.query("begin")
                try:
                    await self._transfer(statement, commit=own)
                except RedshiftError:
                    if own:
                        await self.pg.query("rollback")
                    raise

    async def _execute_all(self, statement: Sql, body: bytes) -> None:
        """Execute a portal; run `before` and `after`, unseen, in the same transaction."""
        if (
            statement.text == "commit"
            and self.pg.status == b"T"
            and not await self._check_commit_extended()
        ):
            return
        for text in statement.before:
            if await self._run_hidden(text) is None:
                return
        self._take_snapshot(statement)
        await self.pg.send(message(b"E", body) + _FLUSH)
        last = await self._relay(b"CIsE", show=_ASIDES + b"DE")
        self._skip_to_sync = last.kind == b"E"
        if self._skip_to_sync:
            return
        for text in statement.after:
            if await self._run_hidden(text) is None:
                return
        if statement.writes and self.pg.status == b"I" and not await self._check_commit_extended():
            return
        self._answer(self._for_client(last, statement))

    async def _run_hidden(self, text: str) -> list[Row] | None:
        """Run a statement of the emulator's own; return its rows, or None if it failed."""
        name = b"emulator_hidden\0"
        await self.pg.send(
            message(b"C", b"S" + name)  # a failed one is still open
            + message(b"P", name + text.encode() + b"\0\0\0")
            + message(b"B", name + name + b"\0\0\0\0\0\0")
            + message(b"E", name + b"\0\0\0\0")
            + message(b"C", b"P" + name)
            + message(b"C", b"S" + name)
            + _FLUSH
        )
        rows: list[Row] = []
        for _ in "SPS":
            if (await self._relay(b"3E", show=_ASIDES + b"E", rows=rows)).kind == b"E":
                self._skip_to_sync = True
                return None
        return rows

    def _refuse_in_block(self, statement: Statement, *, among_others: bool = False) -> None:
        """Refuse a command that must be its own transaction (ALTER TABLE, ALTER TABLE APPEND)."""
        alone = statement.alone if isinstance(statement, Sql) else None
        if alone and (among_others or self.pg.status != b"I"):
            raise RedshiftError("25001", f"{alone} cannot run inside a transaction block")

    async def _cancellable(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Await the emulator's own work; raise RedshiftError when the client cancels it."""
        task = self._running = asyncio.create_task(work)
        try:
            return await task
        except asyncio.CancelledError:
            session = asyncio.current_task()
            if session and session.cancelling():
                raise
            raise RedshiftError("57014", "Query cancelled on user's request") from None
        finally:
            self._running = None

    async def _apply_faults(self, sql: str) -> None:
        """Apply the faults that a test has requested for this statement."""
        for fault in self._server.faults.take(sql) if self._server.faults else ():
            match fault.action:
                case "slow":
                    await self._cancellable(asyncio.sleep(fault.seconds))
                case "fail":
                    raise RedshiftError(fault.sqlstate, fault.message)
                case "cut before":
                    raise ConnectionAbortedError("cut by a fault before the statement")
                case "cut after":
                    self._cut_after = True

    # Isolation

    async def _lock(self, statement: Sql | None) -> bool:
        """Take the lock of `statement`, if any, in the extended protocol; return False on error."""
        return (
            not (statement and statement.lock) or await self._run_hidden(statement.lock) is not None
        )

    def _take_snapshot(self, statement: Sql | None) -> None:
        if statement and TAKES_SNAPSHOT.match(statement.text):
            self._server.schedule.take_snapshot(self)

    async def _check_commit(self) -> None:
        """Raise RedshiftError when the open transaction may not commit."""
        if self.pg.status == b"T":
            transaction = Transaction.of(await self.pg.query(TOUCHED))
            self._server.schedule.commit(self, transaction)
            if transaction.number:
                await self.pg.query(LOG_INSERTS)

    async def _check_commit_extended(self) -> bool:
        """Do the same in the extended protocol; return False if PostgreSQL fails."""
        rows = await self._run_hidden(TOUCHED)
        if rows is None:
            return False
        transaction = Transaction.of(rows)
        self._server.schedule.commit(self, transaction)
        return not transaction.number or await self._run_hidden(LOG_INSERTS) is not None

    # COPY and UNLOAD

    async def _transfer(self, statement: Copy | Unload, commit: bool = False) -> None:
        """Run a COPY or UNLOAD in the open transaction and send its answer."""
        if self.pg.status == b"E":
            raise RedshiftError(
                "25P02",
                "current transaction is aborted, commands ignored until end of transaction block",
            )
        self._server.schedule.take_snapshot(self)
        [(pid, user_id, user, transaction, query)] = await self.pg.query(_WHO)
        session = Session(
            pid=int(pid or 0),
            user_id=int(user_id or 0),
            user=user or "",
            database=self._database,
            transaction_id=int(transaction or 0),
            query_id=int(query or 0),
            s3_endpoint=self._server.s3_endpoint,
            copy_roles=self._server.copy_roles,
        )
        log = await Connection.open_as_owner(self._server.socket, self._database)
        try:
            if isinstance(statement, Copy):
                rows = await self._cancellable(run_copy(statement, self.pg, log, session))
            else:
                rows = await self._cancellable(run_unload(statement, self.pg, log, session))
        finally:
            log.close()
        if commit:
            await self._check_commit()
            await self.pg.query("commit")
        if isinstance(statement, Copy):
            done = f"Load into table '{statement.table}' completed, {rows} record(s) loaded"
        else:
            done = f"UNLOAD completed, {rows} record(s) unloaded"
        tag = type(statement).__name__.upper().encode()
        self._answer(information(f"{done} successfully.") + message(b"C", tag + b"\0"))


def _parameter_types(given: bytes, statement: Sql) -> bytes:
    """Check the parameter types that Parse gives, and return types that PostgreSQL accepts.

    Redshift accepts types for parameters that the statement does not use; PostgreSQL needs them to
    be known types. Redshift fails when a column of a query on a table is a parameter of type
    unknown, as drivers send strings (redshift_connector 59).
    """
    (count,) = struct.unpack_from("!h", given)
    types = dict(enumerate(struct.unpack_from(f"!{count}I", given, 2), 1))
    if any(types.get(number, 0) in _UNTYPED for number in statement.untyped):
        raise load_error("Assert", 1000, f"false - Invalid type: {_UNKNOWN}")
    used = {int(number) for number in _PARAMETER.findall(statement.text)}
    for number in types.keys() - used:
        if types[number] in _UNTYPED:
            types[number] = _TEXT
    return struct.pack(f"!h{count}I", count, *types.values())


def _result_formats(values: bytes) -> bytes:
    """Return the result formats, which follow the parameters in a Bind."""
    at = 2 + 2 * int.from_bytes(values[:2], "big")
    count = int.from_bytes(values[at : at + 2], "big")
    at += 2
    for _ in range(count):
        at += 4 + max(int.from_bytes(values[at : at + 4], "big", signed=True), 0)
    return values[at:]


def _guarded(statement: Statement) -> Statement:
    """Make a conflicting statement wait until the other one's transaction ends."""
    found = _COLLIDING.match(statement.text) if isinstance(statement, Sql) else None
    if not isinstance(statement, Sql) or found is None:
        return statement
    name = ("grant" if found[2] else statement.text).replace("'", "''")
    lock = f"select pg_advisory_xact_lock(hashtext('{name}'))"
    return replace(statement, before=(lock, *statement.before))
