"""One connection to PostgreSQL over its unix socket, protocol version 3.

The wire relays a client's messages through it. COPY, UNLOAD and the load logs use its `query`,
`write`, `copy_in` and `copy_out`, which implement `Backend` and `Log` of `backend.py`.
"""

import asyncio
import struct
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import suppress
from typing import NamedTuple, TypeVar

from redshift_emulator.errors import RedshiftError

PROTOCOL = 0x30000
CANCEL_REQUEST = 80877102
OWNER = "rdsdb"
"""The superuser that owns the catalog; it can log in only through the unix socket."""

_HEADER = struct.Struct("!cI")
_CHUNK = 1 << 16
_T = TypeVar("_T")
Row = tuple[str | None, ...]
"""A row's values as text."""


class Message(NamedTuple):
    """`kind` is the type byte; `raw` is the whole message, header included."""

    kind: bytes
    raw: bytes

    @property
    def body(self) -> bytes:
        """The message after its five-byte header."""
        return self.raw[5:]


def message(kind: bytes, body: bytes = b"") -> bytes:
    """Build a message: a header of type and length, then `body`."""
    return _HEADER.pack(kind, len(body) + 4) + body


def startup(protocol: int, parameters: dict[str, str]) -> bytes:
    """Build the StartupMessage for `parameters` (user, database, settings)."""
    pairs = "".join(f"{name}\0{value}\0" for name, value in parameters.items())
    body = struct.pack("!I", protocol) + pairs.encode() + b"\0"
    return struct.pack("!I", len(body) + 4) + body


def error_fields(body: bytes) -> dict[str, str]:
    """Read an ErrorResponse or NoticeResponse; return texts by one-letter field name."""
    return {part[:1].decode(): part[1:].decode() for part in body.split(b"\0") if part}


class Connection:
    """A connection and the state of its transaction.

    `status` is that of the last ReadyForQuery: b"I" idle, b"T" in a transaction, b"E" in a failed
    one. `key` is the cancel key that a CancelRequest must send.
    """

    def __init__(
        self, socket: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.status = b"I"
        self.key = b""
        self._socket = socket
        self._reader = reader
        self._writer = writer
        self._rest = b""
        self._queue: deque[Message] = deque()

    @classmethod
    async def open(cls, socket: str) -> "Connection":
        """Connect to the unix socket at `socket`, before any message is exchanged."""
        return cls(socket, *await asyncio.open_unix_connection(socket))

    @classmethod
    async def open_as_owner(cls, socket: str, database: str) -> "Connection":
        """Connect and log in as the catalog's owner."""
        connection = await cls.open(socket)
        await connection.send(startup(PROTOCOL, {"user": OWNER, "database": database}))
        try:
            await connection._exchange()
        except BaseException:
            connection.close()
            raise
        return connection

    async def send(self, data: bytes) -> None:
        """Write `data`; wait while the buffers are full."""
        self._writer.write(data)
        await self._writer.drain()

    async def receive(self) -> deque[Message]:
        """Return the queue of received messages, at least one; the caller pops from the left.

        The largest message bounds memory. Raises ConnectionResetError when PostgreSQL has hung up.
        """
        if not self._queue:
            await self._fill()
        return self._queue

    async def receive_one(self) -> Message:
        """Return the next message. Raises ConnectionResetError when PostgreSQL has hung up."""
        return (await self.receive()).popleft()

    async def _fill(self) -> None:
        while not self._queue:
            chunk = await self._reader.read(_CHUNK)
            if not chunk:
                raise ConnectionResetError("PostgreSQL closed the connection")
            data = self._rest + chunk if self._rest else chunk
            start = 0
            while len(data) - start >= 5:
                kind, length = _HEADER.unpack_from(data, start)
                end = start + 1 + length
                if end > len(data):
                    await self._fill_large(kind, data[start:], length + 1)
                    data, start = b"", 0
                    break
                self._queue.append(Message(kind, data[start:end]))
                start = end
            self._rest = data[start:]

    async def _fill_large(self, kind: bytes, begun: bytes, size: int) -> None:
        try:
            rest = await self._reader.readexactly(size - len(begun))
        except asyncio.IncompleteReadError as error:
            raise ConnectionResetError("PostgreSQL closed the connection") from error
        self._queue.append(Message(kind, begun + rest))

    def close(self) -> None:
        """Hang up; PostgreSQL rolls back an open transaction."""
        self._writer.close()

    async def cancel(self) -> None:
        """Ask PostgreSQL to cancel the running statement, as a client's CancelRequest does."""
        _, writer = await asyncio.open_unix_connection(self._socket)
        body = struct.pack("!I", CANCEL_REQUEST) + self.key
        writer.write(struct.pack("!I", len(body) + 4) + body)
        with suppress(OSError):
            await writer.drain()
        writer.close()

    async def _exchange(self) -> list[Row]:
        """Read to ReadyForQuery; return all rows, raise the first error."""
        rows: list[Row] = []
        failure: RedshiftError | None = None
        while True:
            for reply in _taken(await self.receive()):
                match reply.kind:
                    case b"D":
                        rows.append(row(reply.body))
                    case b"E":
                        failure = failure or _error(reply.body)
                        if error_fields(reply.body).get("V") == "FATAL":
                            raise failure
                    case b"K":
                        self.key = reply.body
                    case b"Z":
                        self.status = reply.body
                        if failure:
                            raise failure
                        return rows

    async def _uninterrupted(self, exchange: Coroutine[None, None, _T]) -> _T:
        """Await `exchange`; when cancelled, finish it first, so that the protocol stays in sync."""
        task = asyncio.ensure_future(exchange)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await self.cancel()
            with suppress(RedshiftError, ConnectionError):
                await task
            raise

    async def query(self, sql: str) -> list[Row]:
        """See `Backend.query`."""
        await self.send(message(b"Q", sql.encode() + b"\0"))
        return await self._uninterrupted(self._exchange())

    async def write(self, sql: str) -> None:
        """See `Log.write`."""
        await self.query(sql)

    async def copy_in(self, sql: str, chunks: AsyncIterator[bytes]) -> int:
        """See `Backend.copy_in`."""
        await self.send(message(b"Q", sql.encode() + b"\0"))
        await self._begin_copy(b"G")
        end = asyncio.ensure_future(self._copied())
        try:
            async for chunk in chunks:
                if end.done():
                    break
                for start in range(0, len(chunk), _CHUNK):
                    await self.send(message(b"d", chunk[start : start + _CHUNK]))
            await self.send(message(b"c"))
        except BaseException:
            with suppress(ConnectionError):
                await self.send(message(b"f", b"cancelled\0"))
            with suppress(RedshiftError, ConnectionError):
                await end
            raise
        return await self._uninterrupted(_value(end))

    async def _copied(self) -> int:
        rows = 0
        while True:
            reply = await self.receive_one()
            if reply.kind == b"C":
                rows = int(reply.body[:-1].split()[-1])
            elif reply.kind in b"EZ":
                self._queue.appendleft(reply)
                await self._exchange()
                return rows

    async def copy_out(self, sql: str) -> AsyncIterator[bytes]:
        """See `Backend.copy_out`."""
        await self.send(message(b"Q", sql.encode() + b"\0"))
        await self._begin_copy(b"H")
        open_ended = True
        try:
            while open_ended:
                rows = []
                replies = await self.receive()
                while replies and open_ended:
                    if replies[0].kind in b"EZ":
                        open_ended = False
                    elif (reply := replies.popleft()).kind == b"d":
                        rows.append(reply.body)
                if rows:
                    yield b"".join(rows)
        finally:
            await self._exchange()

    async def _begin_copy(self, expected: bytes) -> None:
        while (reply := await self.receive_one()).kind != expected:
            if reply.kind in b"EZ":
                self._queue.appendleft(reply)
                await self._exchange()
                raise RedshiftError("0A000", "not a COPY statement")


def _taken(replies: deque[Message]) -> Iterator[Message]:
    while replies:
        yield replies.popleft()


async def _value(future: asyncio.Future[_T]) -> _T:
    return await future


def row(body: bytes) -> Row:
    """Read a DataRow."""
    values: list[str | None] = []
    at = 2
    for _ in range(int.from_bytes(body[:2], "big")):
        length = int.from_bytes(body[at : at + 4], "big", signed=True)
        at += 4
        if length < 0:
            values.append(None)
        else:
            values.append(body[at : at + length].decode())
            at += length
    return tuple(values)


def _error(body: bytes) -> RedshiftError:
    fields = error_fields(body)
    return RedshiftError(fields["C"], fields["M"], fields.get("D"), fields.get("H"))
