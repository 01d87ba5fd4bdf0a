"""What Redshift supports and refuses, as data. Each table names the AWS page of its content.

The pages belong to the Amazon Redshift Database Developer Guide.
"""

from collections.abc import Callable
from typing import NamedTuple

from sqlglot import exp
from sqlglot.generators.redshift import RedshiftGenerator


def words(text: str) -> frozenset[str]:
    """Return the set of words in a text."""
    return frozenset(text.split())


# Date parts for date or timestamp functions
_DATEPART_NAMES = {
    "millennium": "millennia mil mils",
    "century": "centuries c cent cents",
    "decade": "decades dec decs",
    "year": "years y yr yrs",
    "quarter": "quarters qtr qtrs",
    "month": "months mon mons",
    "week": "weeks w",
    "day": "days d",
    "hour": "hours h hr hrs",
    "minute": "minutes m min mins",
    "second": "seconds s sec secs",
    "millisecond": "milliseconds ms msec msecs msecond mseconds millisec millisecs millisecon",
    "microsecond": "microseconds microsec microsecs usecond useconds us usec usecs",
    "dow": "dayofweek dw weekday",
    "doy": "dayofyear dy yearday",
    "epoch": "",
    "timezone": "",
    "timezone_hour": "",
    "timezone_minute": "",
}
DATEPARTS = {
    name: part for part, names in _DATEPART_NAMES.items() for name in (part, *names.split())
}
# The interval that DATEADD multiplies for each part. Parts of EXTRACT alone have none.
INTERVALS = {part: f"1 {part}" for part in list(_DATEPART_NAMES)[:13]} | {"quarter": "3 months"}

# Aggregate functions
AGGREGATES = words(
    "any_value avg bit_and bit_or bool_and bool_or count max median min percentile_cont "
    "percentile_disc stddev stddev_pop stddev_samp sum var_pop var_samp variance listagg"
)
# Window functions
RANKINGS = words("cume_dist dense_rank lag lead ntile percent_rank rank row_number")
FRAMED = AGGREGATES - {"median", "listagg", "percentile_cont", "percentile_disc"} | {
    "first_value",
    "last_value",
    "nth_value",
}

# Functions that PostgreSQL 18 has with the same name and meaning: SQL functions reference
NATIVE = (
    AGGREGATES
    | RANKINGS
    | FRAMED
    | words(  # Conditional expressions; Math functions
        "coalesce nullif greatest least abs acos asin atan atan2 cbrt ceil ceiling cos cot degrees "
        "exp floor ln log mod pi power radians random sign sin sqrt tan "
        # String functions
        "ascii btrim char_length character_length chr initcap left length lower lpad ltrim "
        "md5 octet_length position quote_ident quote_literal repeat replace reverse right "
        "rpad rtrim strpos substr substring translate trim upper "
        # Data type formatting functions; Date and time functions
        "to_char to_number timeofday "
        # System information functions
        "current_database current_setting current_schemas has_database_privilege "
        "has_schema_privilege has_table_privilege pg_backend_pid pg_cancel_backend "
        "pg_terminate_backend pg_last_copy_count pg_last_copy_id pg_last_unload_count "
        "pg_last_unload_id pg_last_query_id pg_get_late_binding_view_cols version set_config "
        "grouping pg_get_userbyid pg_get_viewdef"
    )
)

# Functions of catalog/2_functions.sql, called as redshift.<name>: PostgreSQL lacks them, or its
# function of that name does something else. Each has a page in the SQL functions reference.
OWN = words(
    "add_months avg concat crc32 fnv_hash format_type from_hex from_varbyte func_sha1 getdate "
    "is_valid_json is_valid_json_array json_array_length json_extract_array_element_text last_day "
    "months_between next_day regexp_count regexp_instr regexp_replace regexp_substr round sha sha1 "
    "sha2 split_part strtol to_date to_hex to_timestamp to_varbyte trunc"
)

RENAMED = {
    "nvl": "coalesce",
    "len": "length",
    "textlen": "length",
    "pow": "power",
    "dexp": "exp",
    "dlog1": "ln",
    "dlog10": "log",
    "date_diff": "datediff",
    "date_add": "dateadd",
    "replicate": "repeat",
}

# SQL functions reference: functions that the emulator does not support and refuses by name
FUNCTIONS_NOT_HERE = words(
    "bpcharcmp bttext_pattern_cmp collate difference octetindex soundex "
    "checksum farmfingerprint64 murmur3_32_hash "
    "date_cmp date_cmp_timestamp date_cmp_timestamptz date_part_year interval_cmp timestamp_cmp "
    "timestamp_cmp_date timestamp_cmp_timestamptz timestamptz_cmp timestamptz_cmp_date "
    "timestamptz_cmp_timestamp "
    "can_json_parse json_parse json_serialize json_serialize_to_varbyte json_size json_typeof "
    "array array_concat array_flatten get_array_length is_array is_object object object_transform "
    "split_to_array subarray "
    "getbit "
    "hll hll_cardinality hll_combine hll_combine_sketches hll_create_sketch "
    "current_aws_account current_namespace pg_get_cols role_is_member_of slice_num "
    "user_is_member_of"
)

# Leader node-only functions: a query on a user table cannot use them
LEADER_ONLY = words(
    "current_schema current_schemas has_database_privilege has_schema_privilege "
    "has_table_privilege generate_series format_type obj_description col_description "
    "pg_table_is_visible pg_get_constraintdef pg_get_indexdef array_to_string "
    # Deprecated functions
    "age current_time current_timestamp localtime localtimestamp isfinite now"
)

# Leader node-only functions that return sets of rows
SETS = words("generate_series")

# PostgreSQL's catalog tables that views in the schema redshift replace: without the dependencies of
# late-binding views and the emulator's own objects, and with Redshift's own columns.
SHADOWED = words("pg_attribute pg_class pg_constraint pg_depend pg_namespace pg_proc pg_views")

# Data types: PostgreSQL's type for each name. LENGTHS has the default and the maximum length in
# bytes.
TYPES = {
    **dict.fromkeys(("SMALLINT", "INT2"), "smallint"),
    **dict.fromkeys(("INTEGER", "INT", "INT4"), "integer"),
    **dict.fromkeys(("BIGINT", "INT8"), "bigint"),
    **dict.fromkeys(("DECIMAL", "NUMERIC"), "numeric"),
    **dict.fromkeys(("REAL", "FLOAT4"), "real"),
    **dict.fromkeys(("DOUBLE PRECISION", "FLOAT8", "FLOAT"), "double precision"),
    **dict.fromkeys(("BOOLEAN", "BOOL"), "boolean"),
    **dict.fromkeys(("CHARACTER VARYING", "VARCHAR", "NVARCHAR", "TEXT"), "varchar"),
    **dict.fromkeys(("CHARACTER", "CHAR", "NCHAR", "BPCHAR"), "char"),
    "DATE": "date",
    **dict.fromkeys(("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ"), "timestamp with time zone"),
    **dict.fromkeys(("TIMESTAMP WITHOUT TIME ZONE", "TIMESTAMP"), "timestamp without time zone"),
    **dict.fromkeys(("TIME WITH TIME ZONE", "TIMETZ"), "time with time zone"),
    **dict.fromkeys(("TIME WITHOUT TIME ZONE", "TIME"), "time without time zone"),
    **dict.fromkeys(("VARBYTE", "VARBINARY", "BINARY VARYING"), "bytea"),
}
# Longer names come first, because some names start with a shorter one.
TYPE_PHRASES = tuple(sorted(TYPES, key=len, reverse=True))
LENGTHS = {"varchar": (256, 65535), "char": (1, 4096), "bytea": (64000, 16777216)}

# Compression encodings that do not work for all types: the types that they work for
_NUMBERS_AND_TIMES = ("smallint", "integer", "bigint", "numeric", "date", "time")
ENCODED_TYPES: dict[str, str | tuple[str, ...]] = {
    "az64": _NUMBERS_AND_TIMES,
    "text255": "varchar",
    "text32k": "varchar",
}

# Data types, as sqlglot parses them in a query
EXPRESSION_TYPES = {
    exp.DType.SMALLINT: "smallint",
    exp.DType.INT: "integer",
    exp.DType.BIGINT: "bigint",
    exp.DType.DECIMAL: "numeric",
    exp.DType.FLOAT: "real",
    exp.DType.DOUBLE: "double precision",
    exp.DType.BOOLEAN: "boolean",
    exp.DType.CHAR: "char",
    exp.DType.BPCHAR: "char",
    exp.DType.NCHAR: "char",
    exp.DType.VARCHAR: "varchar",
    exp.DType.NVARCHAR: "varchar",
    exp.DType.TEXT: "varchar",
    exp.DType.DATE: "date",
    exp.DType.TIMESTAMP: "timestamp without time zone",
    exp.DType.TIMESTAMPTZ: "timestamp with time zone",
    exp.DType.TIME: "time without time zone",
    exp.DType.TIMETZ: "time with time zone",
    exp.DType.INTERVAL: "interval",
    exp.DType.VARBINARY: "bytea",
}

# Data types that the emulator does not support, and the qualifiers of Redshift's INTERVAL
TYPES_NOT_HERE = words("geography geometry hllsketch super")
INTERVAL_QUALIFIERS = ("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND")

# Functions that return text as wide as their first argument, or as the widest of several
AS_WIDE_AS_THEIR_FIRST = words(
    "any_value btrim first_value initcap lag last_value lead left lower ltrim max min nth_value "
    "nullif regexp_substr reverse right rtrim split_part substr substring trim upper"
)
AS_WIDE_AS_THE_WIDEST = {
    "coalesce": slice(None),
    "greatest": slice(None),
    "least": slice(None),
    "nvl": slice(None),
    "nvl2": slice(1, None),
}
TEXTS = (
    exp.DType.CHAR,
    exp.DType.BPCHAR,
    exp.DType.NCHAR,
    exp.DType.VARCHAR,
    exp.DType.NVARCHAR,
    exp.DType.TEXT,
)

# Unsupported PostgreSQL data types: PostgreSQL 8 has these, but Redshift refuses them for a column
UNSUPPORTED_TYPES = words(
    "bit bytea bigserial box cidr circle inet line lseg macaddr money path point polygon serial "
    "serial4 serial8 tsquery tsvector uuid xml json interval array"
)

# Configuration reference: settings that PostgreSQL also has, then Redshift's own
POSTGRES_SETTINGS = words(
    "application_name client_encoding datestyle extra_float_digits search_path statement_timeout "
    "timezone intervalstyle client_min_messages"
)
REDSHIFT_SETTINGS = {
    "activate_aqua": "auto",
    "analyze_threshold_percent": "10",
    "auto_analyze": "on",
    "cast_super_null_on_error": "on",
    "datashare_break_glass_session_var": "",
    "default_geometry_encoding": "1",
    "describe_field_name_in_uppercase": "off",
    "downcase_delimited_identifier": "on",
    "enable_case_sensitive_identifier": "off",
    "enable_case_sensitive_super_attribute": "off",
    "enable_numeric_rounding": "on",
    "enable_result_cache_for_session": "on",
    "enable_vacuum_boost": "off",
    "error_on_nondeterministic_update": "off",
    "idle_session_timeout": "0",
    "json_parse_dedup_attributes": "off",
    "json_parse_truncate_strings": "off",
    "json_serialization_enable": "off",
    "json_serialization_parse_nested_strings": "off",
    "max_concurrency_scaling_clusters": "1",
    "max_cursor_result_set_size": "0",
    "mv_enable_aqmv_for_session": "on",
    "navigate_super_null_on_error": "on",
    "parse_super_null_on_error": "off",
    "query_group": "default",
    "r_interval": "",
    "spectrum_enable_pseudo_columns": "on",
    "spectrum_query_maxerror": "-1",
    "stored_proc_log_min_messages": "log",
    "use_fips_ssl": "off",
    "wlm_query_slot_count": "1",
}
"""Each setting with its default."""
# The settings that SHOW ALL lists (SHOW)
SHOWN_SETTINGS = (
    "analyze_threshold_percent",
    "datestyle",
    "extra_float_digits",
    "query_group",
    "search_path",
    "statement_timeout",
    "timezone",
    "wlm_query_slot_count",
)

# Reserved words
RESERVED_WORDS = frozenset(word.strip() for word in RedshiftGenerator.RESERVED_KEYWORDS)


class Refusal(NamedTuple):
    """Redshift's error for a PostgreSQL construct that it does not support."""

    node: type[exp.Expr]
    applies: Callable[[exp.Expr], object]
    sqlstate: str
    message: str
    page: str


def _has(argument: str) -> Callable[[exp.Expr], object]:
    return lambda node: node.args.get(argument)


def _always(node: exp.Expr) -> bool:
    return True


def _values_outside_insert(node: exp.Expr) -> bool:
    return not isinstance(node.parent, exp.Insert)


def _changes_data(node: exp.Expr) -> bool:
    return isinstance(node.this, exp.DML)


def _holds_no_query(node: exp.Expr) -> bool:
    return not isinstance(node.this.unnest(), exp.Query)


def _is_not_a_truth_value(node: exp.Expr) -> bool:
    return isinstance(node.expression, exp.Column) and node.expression.name.lower() != "unknown"


def _lacks_column_list(node: exp.Expr) -> bool:
    return bool(node.args.get("recursive")) and any(
        cte.find(exp.Union) and not cte.args["alias"].columns for cte in node.expressions
    )


def _has_other_frame_than_rows(node: exp.Expr) -> bool:
    return node.args.get("kind", "").upper() != "ROWS" or bool(node.args.get("exclude"))


def _matches_a_pattern(node: exp.Expr) -> bool:
    return any(node.args[key].is_string for key in ("start", "length") if node.args.get(key))


def _asks_for_perl(pattern: exp.Expr) -> bool:
    return pattern.is_string and "(?" in pattern.name


def _matches_perl(node: exp.Expr) -> bool:
    return _asks_for_perl(node.expression)


def _matches_perl_without_p(node: exp.Expr) -> bool:
    name, arguments = node.name.lower(), node.expressions
    at = {"regexp_count": 3, "regexp_instr": 5, "regexp_replace": 4, "regexp_substr": 4}.get(name)
    if at is None or len(arguments) < 2:
        return False
    told = len(arguments) > at and "p" in arguments[at].name
    return _asks_for_perl(arguments[1]) and not told


def _orders_its_arguments(node: exp.Expr) -> bool:
    return any(isinstance(argument, exp.Order) for argument in node.expressions)


def _is_named(name: str) -> Callable[[exp.Expr], object]:
    return lambda node: node.name.lower() == name


def _selects_nothing(node: exp.Expr) -> bool:
    return not node.expressions


def _sets_several_columns(node: exp.Expr) -> bool:
    return any(isinstance(item.this, exp.Tuple) for item in node.expressions)


def _reads_outer_joins(node: exp.Expr) -> bool:
    clause: exp.Expr | None = node.args.get("from_")
    return clause is not None and any(join.side for join in clause.this.args.get("joins") or ())


def _names_its_target(node: exp.Expr) -> bool:
    table = node.this.this if isinstance(node.this, exp.Schema) else node.this
    return bool(table.alias)


def _is_set_operation_all(node: exp.Expr) -> bool:
    return not node.args.get("distinct")


def _syntax(near: str) -> str:
    return f'syntax error at or near "{near}"'


REFUSALS = (
    Refusal(exp.Insert, _has("conflict"), "42601", _syntax("ON"), "INSERT"),
    Refusal(
        exp.Returning, _always, "42601", _syntax("RETURNING"), "Unsupported PostgreSQL features"
    ),
    Refusal(
        exp.Distinct, _has("on"), "0A000", "SELECT DISTINCT ON is not supported", "SELECT list"
    ),
    Refusal(exp.Lateral, _always, "42601", _syntax("LATERAL"), "FROM clause"),
    Refusal(exp.Filter, _always, "42601", _syntax("("), "Aggregate functions"),
    Refusal(
        exp.Values,
        _values_outside_insert,
        "42601",
        _syntax("VALUES"),
        "Unsupported PostgreSQL features",
    ),
    Refusal(exp.Array, _always, "0A000", "array types are not supported", "Unsupported data types"),
    Refusal(exp.JSONExtract, _always, "42883", "operator does not exist: ->", "JSON functions"),
    Refusal(
        exp.JSONExtractScalar, _always, "42883", "operator does not exist: ->>", "JSON functions"
    ),
    *(
        Refusal(
            kind, _always, "42883", "operator does not exist", "Unsupported PostgreSQL features"
        )
        for kind in (
            exp.ArrayContainsAll,
            exp.ArrayContainedBy,
            exp.ArrayOverlaps,
            exp.JSONBContains,
            exp.JSONBExtract,
            exp.JSONBExtractScalar,
            exp.MatchAgainst,
        )
    ),
    Refusal(exp.Is, _is_not_a_truth_value, "42601", _syntax("IS"), "Boolean type"),
    Refusal(
        exp.Unnest, _always, "42883", "function unnest() does not exist", "Unsupported functions"
    ),
    Refusal(
        exp.Any, _holds_no_query, "0A000", "array types are not supported", "Unsupported data types"
    ),
    Refusal(
        exp.Star, _has("except_"), "0A000", "The emulator does not support EXCLUDE", "EXCLUDE list"
    ),
    Refusal(exp.Collate, _always, "42601", _syntax("COLLATE"), "Unsupported PostgreSQL features"),
    Refusal(exp.Fetch, _always, "42601", _syntax("FETCH"), "ORDER BY clause"),
    Refusal(exp.CTE, _changes_data, "42601", _syntax("AS"), "WITH clause"),
    Refusal(
        exp.CTE,
        lambda node: node.args.get("materialized") is not None,
        "42601",
        _syntax("MATERIALIZED"),
        "WITH clause",
    ),
    Refusal(exp.Select, _selects_nothing, "42601", _syntax("FROM"), "SELECT list"),
    Refusal(exp.Table, _has("only"), "42601", _syntax("ONLY"), "FROM clause"),
    Refusal(exp.Table, _has("ordinality"), "42601", _syntax("WITH"), "FROM clause"),
    *(
        Refusal(
            exp.Column, _is_named(name), "42703", f'column "{name}" does not exist', "SELECT list"
        )
        for name in (
            "cmax",
            "cmin",
            "ctid",
            "current_role",
            "system_user",
            "tableoid",
            "xmax",
            "xmin",
        )
    ),
    Refusal(
        exp.CurrentCatalog,
        _always,
        "42703",
        'column "current_catalog" does not exist',
        "Unsupported PostgreSQL functions",
    ),
    Refusal(exp.Anonymous, _orders_its_arguments, "42601", _syntax("ORDER"), "Aggregate functions"),
    Refusal(
        exp.Between, _has("symmetric"), "42601", _syntax("SYMMETRIC"), "BETWEEN range condition"
    ),
    Refusal(exp.StartsWith, _always, "42883", "operator does not exist: ^@", "LIKE"),
    Refusal(exp.RegexpILike, _always, "42883", "operator does not exist: ~*", "POSIX operators"),
    Refusal(
        exp.Substring,
        _matches_a_pattern,
        "42883",
        'function substring("unknown", "unknown") does not exist',
        "SUBSTRING function",
    ),
    Refusal(
        exp.Update,
        _reads_outer_joins,
        "0A000",
        "Target table must be part of an equijoin predicate",
        "UPDATE",
    ),
    *(
        Refusal(
            kind,
            applies,
            "XX000",
            "Invalid preceding regular expression prior to repetition operator.",
            "POSIX operators",
        )
        for kind, applies in (
            (exp.RegexpLike, _matches_perl),
            (exp.Anonymous, _matches_perl_without_p),
        )
    ),
    Refusal(exp.Update, _sets_several_columns, "42601", _syntax("("), "UPDATE"),
    Refusal(exp.Insert, _names_its_target, "42601", _syntax("AS"), "INSERT"),
    Refusal(
        exp.With,
        _lacks_column_list,
        "42601",
        "recursive CTE must have a column name list",
        "WITH clause",
    ),
    Refusal(
        exp.WindowSpec,
        _has_other_frame_than_rows,
        "0A000",
        "window frames other than ROWS are not supported",
        "Window function syntax summary",
    ),
    Refusal(exp.Select, _has("windows"), "42601", _syntax("WINDOW"), "SELECT"),
    Refusal(
        exp.Select,
        _has("locks"),
        "0A000",
        "SELECT FOR UPDATE is not supported",
        "Unsupported PostgreSQL features",
    ),
    Refusal(exp.TableSample, _always, "42601", _syntax("TABLESAMPLE"), "FROM clause"),
    Refusal(exp.Except, _is_set_operation_all, "42601", _syntax("ALL"), "UNION, INTERSECT, EXCEPT"),
    Refusal(
        exp.Intersect, _is_set_operation_all, "42601", _syntax("ALL"), "UNION, INTERSECT, EXCEPT"
    ),
    Refusal(exp.NullSafeEQ, _always, "42601", _syntax("DISTINCT"), "Comparison condition"),
    Refusal(exp.NullSafeNEQ, _always, "42601", _syntax("DISTINCT"), "Comparison condition"),
    Refusal(exp.Insert, _has("with_"), "42601", _syntax("INSERT"), "INSERT"),
    Refusal(exp.Merge, _has("with_"), "42601", _syntax("MERGE"), "MERGE"),
)

# Redshift features that the emulator does not support: refused by name, never reinterpreted.
NOT_HERE: dict[type[exp.Expr], str] = {
    exp.Pivot: "PIVOT and UNPIVOT",
    exp.Bracket: "navigation of SUPER values",
    exp.Struct: "SUPER literals",
    exp.JoinHint: "join hints",
    exp.Connect: "CONNECT BY",
}
