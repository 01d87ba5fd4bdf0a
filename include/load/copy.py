"""The text of a COPY. It may hold keys, so nobody logs it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from include.load.sql import literal


@dataclass(frozen=True)
class CopyOptions:
    """How COPY reads: `data_format` is a clause, for example of `json_format`.

    `authorization` is a clause, too; `region` is that of the bucket, when it is not the cluster's.
    """

    data_format: str
    authorization: str = field(repr=False)
    region: str = ""
    further: Sequence[str] = ()

    @property
    def compression(self) -> str:
        """How the objects are packed: `gzip`, `bzip2`, `zstd`, `lzop`, or nothing for plain."""
        options = re.sub(r"'(?:[^'\\]|\\.|'')*'", "", " ".join([self.data_format, *self.further]))
        found = re.search(r"\b(gzip|bzip2|zstd|lzop)\b", options, re.IGNORECASE)
        return found[0].lower() if found else ""

    def statement(self, table: str, address: str, max_errors: int) -> str:
        """Return the COPY of everything whose address starts with `address` into `table`."""
        region = [f"region {literal(self.region)}"] if self.region else []
        return "\n".join(
            [
                f"copy {table} from {literal(address)}",
                self.authorization,
                *region,
                self.data_format,
                f"maxerror {max_errors}",
                *self.further,
            ]
        )


def json_format(mapping: str) -> str:
    """Return the clause for JSON: `auto`, `auto ignorecase` or a jsonpaths file's address."""
    return f"format as json {literal(mapping)}"


def by_role(arn: str) -> str:
    """Return the clause by which Redshift assumes a role to read S3."""
    return f"iam_role {literal(arn)}"


def by_keys(access_key: str, secret_key: str, token: str | None) -> str:
    """Return the clause by which Redshift reads S3 with somebody's keys."""
    clause = f"access_key_id {literal(access_key)} secret_access_key {literal(secret_key)}"
    return clause + (f" session_token {literal(token)}" if token else "")
