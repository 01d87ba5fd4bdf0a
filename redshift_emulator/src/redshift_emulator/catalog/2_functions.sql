-- Redshift's functions that PostgreSQL lacks or defines differently. The dialect writes them with
-- their schema, redshift.<name>, so that they never hide one of PostgreSQL's. Each has a page in the
-- SQL functions reference (Amazon Redshift Database Developer Guide) unless a comment names another.

-- Tables

-- Gives a new or changed table the semantics of Redshift's types and sort key. Text is varchar,
-- lengths of varchar and char count bytes (Character types), and the leading sort columns prune blocks.
-- However a value arrives, TIMETZ is stored in UTC, and 24:00:00 as 00:00:00 (Datetime types).
create or replace function redshift.keep_in_utc() returns trigger language plpgsql as $$
declare
    col record;
    given jsonb := to_jsonb(new);
    kept jsonb := '{}';
begin
    for col in
        select attname, atttypid from pg_attribute
        where attrelid = tg_relid and atttypid in ('time'::regtype, 'timetz'::regtype) and attnum > 0 and not attisdropped
    loop
        kept := kept || jsonb_build_object(col.attname, case col.atttypid
            when 'time'::regtype then to_jsonb((given ->> col.attname)::time + interval '0')
            else to_jsonb(timezone('UTC', (given ->> col.attname)::timetz)) end);
    end loop;
    return jsonb_populate_record(new, kept);
end $$;

create or replace procedure redshift.adopt(relation text, sortkey text[])
language plpgsql as $$
declare
    target oid := to_regclass(relation);
    col record;
    stale text;
begin
    for col in
        select attname, attnum, atttypid, atttypmod - 4 as length,
            format('byte_length_%s_%s', atttypmod - 4, attnum) as wanted
        from pg_attribute
        where attrelid = target and attnum > 0 and not attisdropped
            and atttypid in ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype)
    loop
        if col.atttypid = 'text'::regtype then
            execute format('alter table %s alter column %I type varchar', relation, col.attname);
        end if;
        for stale in
            select conname from pg_constraint
            where conrelid = target and conname like 'byte\_length\_%' and conkey = array[col.attnum]
                and conname <> col.wanted
        loop
            execute format('alter table %s drop constraint %I', relation, stale);
        end loop;
        if col.length > 0 and not exists (
            select from pg_constraint where conrelid = target and conname = col.wanted
        ) then
            execute format('alter table %s add constraint %I check (octet_length(%I) <= %s)',
                relation, col.wanted, col.attname, col.length);
        end if;
    end loop;
    if exists (
        select from pg_attribute where attrelid = target and atttypid in ('time'::regtype, 'timetz'::regtype)
            and attnum > 0 and not attisdropped
    ) then
        execute format('create or replace trigger in_utc before insert or update on %s'
            ' for each row execute function redshift.keep_in_utc()', relation);
    end if;
    if sortkey <> '{}' then
        for stale in
            select indexrelid::regclass from pg_index join pg_class on pg_class.oid = indexrelid
            where indrelid = target and relam = (select oid from pg_am where amname = 'brin')
        loop
            execute format('drop index %s', stale);
        end loop;
        execute format('create index on %s using brin (%s) with (pages_per_range = 32, autosummarize = on)', relation,
            (select string_agg(quote_ident(name), ', ' order by position)
            from unnest(sortkey) with ordinality as sorted (name, position) where position <= 4));
        call redshift.append_rows(relation);
    end if;
end $$;

-- Lets new rows come behind the others, as Redshift's do, and not into gaps between sorted ones: a
-- full page is too full for them. Without it each gap spoils a range of the index.
create or replace procedure redshift.append_rows(relation text) language plpgsql as $$
begin
    execute format('alter table %s set (fillfactor = 90)', relation);
end $$;

-- Sorts the rows of a table, or of all tables that the user owns, by their sort keys (VACUUM).
create or replace procedure redshift.sort_rows(relation text) language plpgsql as $$
declare
    sorted record;
begin
    for sorted in
        select c.oid::regclass as name, relnamespace::regnamespace as schema,
            format('sort_rows_of_%s', c.oid) as index,
            string_agg(quote_ident(attname), ', ' order by position) as columns
        from redshift.storage s
        join pg_class c on c.oid = s.relation
        cross join unnest(s.sortkey) with ordinality as key (number, position)
        join pg_attribute on attrelid = c.oid and attnum = number
        where case when sort_rows.relation is null then pg_has_role(c.relowner, 'usage')
            else c.oid = sort_rows.relation::regclass end
        group by c.oid
    loop
        execute format('create index %I on %s (%s)', sorted.index, sorted.name, sorted.columns);
        execute format('alter table %s set (fillfactor = 100)', sorted.name);
        execute format('cluster %s using %I', sorted.name, sorted.index);
        call redshift.append_rows(sorted.name::text);
        execute format('drop index %s.%I', sorted.schema, sorted.index);
    end loop;
end $$;

-- Gives a table the distribution and sort keys of the table that it was made LIKE (CREATE TABLE:
-- "Distribution style, sort keys, BACKUP, and NULL properties are inherited").
create or replace procedure redshift.inherit_storage(relation text, source text) language plpgsql as $$
declare
    inherited redshift.storage;
    dist text;
    names text[];
begin
    select * into inherited from redshift.storage s where s.relation = to_regclass(source);
    if inherited is null then
        return;
    end if;
    select attname into dist from pg_attribute
    where attrelid = inherited.relation and attnum = inherited.distkey;
    select coalesce(array_agg(attname::text order by position), '{}') into names
    from unnest(inherited.sortkey) with ordinality as sorted (number, position)
    join pg_attribute on attrelid = inherited.relation and attnum = number;
    call redshift.declare_storage(
        relation, inherited.diststyle, dist, names, inherited.sortstyle, inherited.encodings
    );
    call redshift.adopt(relation, names);
end $$;

-- The length of a text column, or null. Views keep theirs as SQL, because their relations may change.
create or replace function redshift.width(relation text, attribute text) returns int
language plpgsql stable security definer as $$
declare
    length int;
    expression text;
begin
    select case when atttypid in ('varchar'::regtype, 'bpchar'::regtype) and atttypmod > 4 then atttypmod - 4 end, w.expression
    into length, expression
    from pg_attribute
    left join redshift.widths w on w.relation = attrelid and w.attribute = attname
    where attrelid = to_regclass(width.relation) and attname = width.attribute;
    if length is null and expression is not null then
        execute 'select ' || expression into length;
    end if;
    return case when length > 65535 then 65535 else length end;
end $$;

create or replace function redshift.widest(variadic widths int[]) returns int language sql immutable as $$
    select case when array_position(widths, null) is null then (select max(width) from unnest(widths) width) end
$$;

-- The relations of a bound view do not change, so neither do its widths.
create or replace procedure redshift.note_widths(view text, attributes text[], expressions text[], is_late boolean)
language plpgsql security definer as $$
declare
    expression text;
    width int;
begin
    delete from redshift.widths w where w.relation = to_regclass(view);
    for i in 1 .. coalesce(array_length(attributes, 1), 0) loop
        expression := expressions[i];
        if not is_late then
            execute 'select ' || expression into width;
            expression := width;
        end if;
        insert into redshift.widths select to_regclass(view), attributes[i], expression where expression is not null
        on conflict do nothing;
    end loop;
end $$;

-- A column's length in pg_attribute, or the known length of a view's column
create or replace function redshift.modifier(relation oid, attribute name, modifier int) returns int
language sql stable as $$
    select coalesce((
        select redshift.width(redshift.qualified_name(w.relation), w.attribute) + 4
        from redshift.widths w
        where modifier.modifier = -1 and w.relation = modifier.relation and w.attribute = modifier.attribute
    ), modifier)
$$;

-- A query has already filled the table and no value is longer, so the rows are not read again.
create or replace procedure redshift.narrow(relation text, attributes text[], widths int[])
language plpgsql security definer as $$
declare
    col record;
begin
    for col in
        select attname, attnum, least(given, 65535) as width,
            case atttypid when 'bpchar'::regtype then 'bpchar'::regtype else 'varchar'::regtype end as type
        from unnest(attributes, widths) as wanted (attribute, given)
        join pg_attribute on attrelid = to_regclass(relation) and attname = attribute
        where atttypid in ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype) and atttypmod = -1
            and given is not null
    loop
        update pg_attribute set atttypid = col.type, atttypmod = col.width + 4
        where attrelid = to_regclass(relation) and attnum = col.attnum;
        execute format('alter table %s add constraint %I check (octet_length(%I) <= %s) not valid',
            relation, format('byte_length_%s_%s', col.width, col.attnum), col.attname, col.width);
    end loop;
end $$;

-- ALTER TABLE APPEND
create or replace procedure redshift.append(target text, source text, ignore_extra boolean, fill boolean)
language plpgsql as $$
declare
    columns text;
    extra text;
    absent text;
begin
    select string_agg(quote_ident(s.attname), ', ' order by t.attnum) filter (where t.attname = s.attname),
        min(s.attname) filter (where t.attname is null),
        min(t.attname) filter (where s.attname is null)
    into columns, extra, absent
    from (select * from pg_attribute where attrelid = source::regclass and attnum > 0 and not attisdropped) s
    full join (select * from pg_attribute where attrelid = target::regclass and attnum > 0 and not attisdropped) t
        on t.attname = s.attname and t.atttypid = s.atttypid and t.atttypmod = s.atttypmod;
    if (extra is not null and not ignore_extra) or (absent is not null and not fill) then
        raise feature_not_supported using message = format(
            'ALTER TABLE APPEND: column "%s" is not in both tables', coalesce(extra, absent));
    end if;
    execute format('with moved as (delete from %s returning %s) insert into %s (%s) select * from moved',
        source, columns, target, columns);
end $$;

-- COMMENT ON TABLE and VIEW, for either kind of relation
create or replace procedure redshift.comment_on(relation text, comment text)
language plpgsql as $$
declare
    kind text := (select case relkind when 'v' then 'view' when 'm' then 'materialized view' else 'table' end
        from pg_class where oid = relation::regclass);
begin
    execute format('comment on %s %s is %L', kind, relation, comment);
end $$;

-- CREATE OR REPLACE VIEW: called before and after it, in one transaction
create or replace procedure redshift.keep_columns(view text)
language plpgsql as $$
declare
    before text := current_setting('emulator.columns', true);
    here text := (select max(attnum) from pg_catalog.pg_attribute where attrelid = to_regclass(view));
begin
    perform set_config('emulator.columns', case when coalesce(before, '') = '' then coalesce(here, 'none') else '' end, true);
    if before <> 'none' and before <> '' and before <> here then
        raise invalid_table_definition using message = 'cannot change number of columns in view';
    end if;
end $$;

create or replace procedure redshift.use_database(name text)
language plpgsql as $$
begin
    if name <> current_database() then
        raise invalid_catalog_name using message = format('database "%s" does not exist', name);
    end if;
end $$;

-- ANALYZE COMPRESSION
create or replace function redshift.analyze_compression(relation text)
returns table ("Table" text, "Column" text, "Encoding" text, "Est_reduction_pct" text)
language sql stable as $$
    select relation, attname::text, 'zstd', '0.00'
    from pg_attribute where attrelid = relation::regclass and attnum > 0 and not attisdropped
    order by attnum
$$;

-- The views that the dialect reads instead of PostgreSQL's catalog tables (PG_CLASS_INFO, PG_ATTRIBUTE_INFO)

create or replace view redshift.pg_depend as
select * from pg_catalog.pg_depend d
where not (d.classid = 'pg_rewrite'::regclass and d.deptype = 'n' and exists (
    select from pg_rewrite r join redshift.late_binding_views l on l.view = r.ev_class where r.oid = d.objid
));
-- Views include materialized views, with the statement that created them.
create or replace view redshift.pg_views as
select * from pg_catalog.pg_views
union all
select schemaname, matviewname, matviewowner,
    format('create materialized view %I.%I as (%s);', schemaname, matviewname, rtrim(definition, ';'))
from pg_matviews;
-- A materialized view is shown as a view. A table mv_tbl__<name>__0 holds its rows, has its keys
-- (CREATE MATERIALIZED VIEW), and appears under the oid of its row type.
create or replace view redshift.layouts as
select relation, diststyle, distkey, sortkey, sortstyle from redshift.storage
union all
select reltype, diststyle, distkey, sortkey, sortstyle
from redshift.storage join pg_catalog.pg_class c on c.oid = relation and relkind = 'm';
create or replace view redshift.pg_class as
select c.*, case l.diststyle when 'even' then 0 when 'key' then 1 when 'all' then 8 else 9 end::smallint as reldiststyle,
    0::smallint as reltriggers, false as relhasoids
from (
    select * from pg_catalog.pg_class
    where relkind <> 'm' and relam <> (select oid from pg_am where amname = 'brin')
        and relnamespace <> 'redshift'::regnamespace
    union all
    select shown.*
    from pg_catalog.pg_class c
    cross join lateral (
        values (jsonb '{"relkind": "v"}'),
            (jsonb_build_object('oid', reltype, 'relname', format('mv_tbl__%s__0', relname), 'relkind', 'r'))
    ) as changes (change)
    cross join jsonb_populate_record(c, change) as shown
    where c.relkind = 'm'
) c
left join redshift.layouts l on l.relation = c.oid;
-- Check constraints are left out: they are the emulator's own, for byte lengths and NOT NULL.
create or replace view redshift.pg_constraint as
select * from pg_catalog.pg_constraint where contype not in ('c', 'n');
create or replace view redshift.pg_namespace as
select * from pg_catalog.pg_namespace where nspname <> 'redshift';
create or replace view redshift.pg_proc as
select *, prokind = 'a' as proisagg from pg_catalog.pg_proc;
-- A late-binding view has no columns of its own (PG_GET_LATE_BINDING_VIEW_COLS).
create or replace view redshift.pg_attribute as
select a.*, coalesce(a.attnum = l.distkey, false) as attisdistkey,
    coalesce(array_position(l.sortkey, a.attnum), 0) * case l.sortstyle when 'interleaved' then -1 else 1 end as attsortkeyord
from (
    select * from pg_catalog.pg_attribute where attrelid not in (select view from redshift.late_binding_views)
    union all
    select shown.*
    from pg_catalog.pg_class c
    join pg_catalog.pg_attribute a on a.attrelid = c.oid
    cross join jsonb_populate_record(a, jsonb_build_object('attrelid', reltype)) as shown
    where c.relkind = 'm'
) a
left join redshift.layouts l on l.relation = a.attrelid;
grant select on redshift.pg_depend, redshift.pg_views, redshift.pg_class, redshift.pg_constraint, redshift.pg_namespace,
    redshift.pg_proc, redshift.pg_attribute to public;

-- Casts

-- The longest prefix of a text that fits into so many bytes without splitting a character.
create or replace function redshift.cut(value text, bytes int) returns text
language plpgsql immutable parallel safe as $$
declare
    result text := left(value, bytes);
begin
    while octet_length(result) > bytes loop
        result := left(result, -1 - (octet_length(result) - bytes - 1) / 4);
    end loop;
    return result;
end $$;

create or replace function redshift.first_bytes(value text, bytes int) returns text
language sql immutable parallel safe as $$
    select case when octet_length(value) > bytes then redshift.cut(value, bytes) else value end
$$;

-- A boolean cannot be cast to text (Type compatibility and conversion).
create or replace function redshift.refuse_text_of(value boolean) returns text
language plpgsql immutable as $$
begin
    raise cannot_coerce using message = 'cannot cast type boolean to character varying';
end $$;
update pg_cast set castfunc = 'redshift.refuse_text_of(boolean)'::regprocedure
where castsource = 'boolean'::regtype and casttarget in ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype);

-- Comparisons of text ignore trailing blanks (Character types: significance of trailing blanks), so
-- text is compared, sorted and hashed with PostgreSQL's functions for char.
update pg_operator set oprcode = regexp_replace(oprcode::text, 'text_?', 'bpchar')::regproc
where oprleft = 'text'::regtype and oprright = 'text'::regtype and oprname in ('=', '<>', '<', '<=', '>', '>=');
delete from pg_amproc where amproc = 'btvarstrequalimage'::regproc and amproclefttype = 'text'::regtype;
update pg_amproc set amproc = same.amproc
from pg_opfamily f, pg_amproc same, pg_opfamily g
where f.oid = pg_amproc.amprocfamily and f.opfname = 'text_ops' and pg_amproc.amproclefttype = 'text'::regtype
    and pg_amproc.amprocrighttype = 'text'::regtype
    and g.oid = same.amprocfamily and g.opfname = 'bpchar_ops' and g.opfmethod = f.opfmethod
    and same.amprocnum = pg_amproc.amprocnum;

create or replace function redshift.try_cast(value text, type text) returns text
language plpgsql stable as $$
declare
    result text;
begin
    execute format('select cast(%L as %s)::text', value, type) into result;
    return result;
exception when data_exception then
    return null;
end $$;

-- Date and time functions

create or replace function redshift.getdate() returns timestamp
language sql stable as $$ select date_trunc('second', statement_timestamp())::timestamp $$;

create or replace function redshift.dateadd(unit interval, number bigint, value timestamp) returns timestamp
language sql immutable parallel safe as $$ select value + unit * number $$;
create or replace function redshift.dateadd(unit interval, number bigint, value date) returns timestamp
language sql immutable parallel safe as $$ select value + unit * number $$;
create or replace function redshift.dateadd(unit interval, number bigint, value timestamptz) returns timestamptz
language sql stable parallel safe as $$ select value + unit * number $$;
create or replace function redshift.dateadd(unit interval, number bigint, value time) returns time
language sql immutable parallel safe as $$ select value + unit * number $$;

-- Counts the boundaries of a date part between two times.
create or replace function redshift.datediff(part text, start timestamp, stop timestamp) returns bigint
language sql immutable parallel safe as $$
    select case part
        when 'millennium' then extract(millennium from stop) - extract(millennium from start)
        when 'century' then extract(century from stop) - extract(century from start)
        when 'decade' then extract(decade from stop) - extract(decade from start)
        when 'year' then extract(year from stop) - extract(year from start)
        when 'quarter' then (extract(year from stop) - extract(year from start)) * 4
            + extract(quarter from stop) - extract(quarter from start)
        when 'month' then (extract(year from stop) - extract(year from start)) * 12
            + extract(month from stop) - extract(month from start)
        when 'week' then floor((stop::date - date '1970-01-04') / 7.0) - floor((start::date - date '1970-01-04') / 7.0)
        when 'day' then stop::date - start::date
        when 'hour' then floor(extract(epoch from stop) / 3600) - floor(extract(epoch from start) / 3600)
        when 'minute' then floor(extract(epoch from stop) / 60) - floor(extract(epoch from start) / 60)
        when 'second' then floor(extract(epoch from stop)) - floor(extract(epoch from start))
        when 'millisecond' then floor(extract(epoch from stop) * 1000) - floor(extract(epoch from start) * 1000)
        when 'microsecond' then floor(extract(epoch from stop) * 1000000) - floor(extract(epoch from start) * 1000000)
    end::bigint
$$;
create or replace function redshift.datediff(part text, start date, stop date) returns bigint
language sql immutable parallel safe as $$ select redshift.datediff(part, start::timestamp, stop::timestamp) $$;
create or replace function redshift.datediff(part text, start timestamptz, stop timestamptz) returns bigint
language sql stable parallel safe as $$
    select redshift.datediff(part, start at time zone 'utc', stop at time zone 'utc')
$$;
create or replace function redshift.datediff(part text, start time, stop time) returns bigint
language sql immutable parallel safe as $$
    select redshift.datediff(part, date '1970-01-01' + start, date '1970-01-01' + stop)
$$;

create or replace function redshift.date_trunc(part text, value timestamp) returns timestamp
language sql immutable parallel safe as $$ select pg_catalog.date_trunc(part, value) $$;
create or replace function redshift.date_trunc(part text, value date) returns timestamp
language sql immutable parallel safe as $$ select pg_catalog.date_trunc(part, value::timestamp) $$;
create or replace function redshift.date_trunc(part text, value timestamptz) returns timestamptz
language sql stable parallel safe as $$ select pg_catalog.date_trunc(part, value) $$;

create or replace function redshift.convert_timezone(source text, target text, value timestamp) returns timestamp
language sql immutable parallel safe as $$ select value at time zone source at time zone target $$;
create or replace function redshift.convert_timezone(target text, value timestamp) returns timestamp
language sql immutable parallel safe as $$ select value at time zone 'utc' at time zone target $$;
create or replace function redshift.convert_timezone(target text, value timestamptz) returns timestamp
language sql immutable parallel safe as $$ select value at time zone target $$;

create or replace function redshift.last_day(value timestamp) returns date
language sql immutable parallel safe as $$
    select (pg_catalog.date_trunc('month', value) + interval '1 month - 1 day')::date
$$;

-- The last day of a month stays the last day, unlike with DATEADD.
create or replace function redshift.add_months(value timestamp, number bigint) returns timestamp
language sql immutable parallel safe as $$
    select case when value::date = redshift.last_day(value)
        then redshift.last_day(value + interval '1 month' * number) + value::time
        else value + interval '1 month' * number end
$$;

create or replace function redshift.months_between(later timestamp, earlier timestamp) returns double precision
language sql immutable parallel safe as $$
    select redshift.datediff('month', earlier, later) + case
        when later::date = redshift.last_day(later) and earlier::date = redshift.last_day(earlier) then 0
        else (extract(day from later) - extract(day from earlier)) / 31.0 end
$$;

create or replace function redshift.next_day(value timestamp, weekday text) returns date
language sql immutable parallel safe as $$
    select day::date from generate_series(value::date + 1, value::date + 7, interval '1 day') as day
    where lower(to_char(day, 'FMDay')) like lower(weekday) || '%' limit 1
$$;

create or replace function redshift.to_date(value text, format text) returns date
language sql immutable parallel safe as $$ select pg_catalog.to_date(value, format) $$;
create or replace function redshift.to_date(value text, format text, is_strict boolean) returns date
language sql immutable parallel safe as $$ select pg_catalog.to_date(value, format) $$;
create or replace function redshift.to_timestamp(value text, format text) returns timestamptz
language sql stable parallel safe as $$ select pg_catalog.to_timestamp(value, format) $$;
create or replace function redshift.to_timestamp(value text, format text, is_strict boolean) returns timestamptz
language sql stable parallel safe as $$ select pg_catalog.to_timestamp(value, format) $$;

-- Math functions

create or replace function redshift.trunc(value timestamp) returns date
language sql immutable parallel safe as $$ select value::date $$;
create or replace function redshift.trunc(value timestamptz) returns date
language sql stable parallel safe as $$ select value::date $$;
create or replace function redshift.trunc(value numeric, digits int default 0) returns numeric
language sql immutable parallel safe as $$ select pg_catalog.trunc(value, digits) $$;
create or replace function redshift.trunc(value double precision, digits int default 0) returns double precision
language sql immutable parallel safe as $$ select pg_catalog.trunc(value::numeric, digits)::double precision $$;
create or replace function redshift.trunc(value bigint) returns bigint
language sql immutable parallel safe as $$ select value $$;

create or replace function redshift.round(value numeric, digits int default 0) returns numeric
language sql immutable parallel safe as $$ select pg_catalog.round(value, digits) $$;
create or replace function redshift.round(value double precision, digits int default 0) returns double precision
language sql immutable parallel safe as $$ select pg_catalog.round(value::numeric, digits)::double precision $$;
create or replace function redshift.round(value bigint) returns bigint
language sql immutable parallel safe as $$ select value $$;

create or replace function redshift.strtol(digits text, base int) returns bigint
language plpgsql immutable strict parallel safe as $$
declare
    number text := lower(regexp_replace(trim(digits), case base when 16 then '^([+-]?)0x' else '^([+-]?)' end, '\1', 'i'));
    result bigint := 0;
    digit int;
begin
    foreach number in array regexp_split_to_array(ltrim(number, '+-'), '') loop
        digit := strpos('0123456789abcdefghijklmnopqrstuvwxyz', number) - 1;
        if digit not between 0 and base - 1 then
            raise invalid_text_representation using message = format(
                'The input %s is not valid to be converted to base %s', digits, base);
        end if;
        result := result * base + digit;
    end loop;
    return case when trim(digits) like '-%' then -result else result end;
end $$;

-- Aggregate functions

-- AVG of integers is an integer.
create or replace function redshift.whole_average(state bigint[]) returns bigint
language sql immutable parallel safe as $$ select state[2] / nullif(state[1], 0) $$;
create or replace function redshift.count_and_add(state bigint[], value bigint) returns bigint[]
language sql immutable strict parallel safe as $$ select array[state[1] + 1, state[2] + value] $$;
create or replace aggregate redshift.avg(smallint)
    (sfunc = int2_avg_accum, stype = bigint[], initcond = '{0,0}', finalfunc = redshift.whole_average);
create or replace aggregate redshift.avg(int)
    (sfunc = int4_avg_accum, stype = bigint[], initcond = '{0,0}', finalfunc = redshift.whole_average);
create or replace aggregate redshift.avg(bigint)
    (sfunc = redshift.count_and_add, stype = bigint[], initcond = '{0,0}', finalfunc = redshift.whole_average);
create or replace aggregate redshift.avg(numeric)
    (sfunc = numeric_avg_accum, stype = internal, finalfunc = numeric_avg);
create or replace aggregate redshift.avg(double precision)
    (sfunc = float8_accum, stype = double precision[], initcond = '{0,0,0}', finalfunc = float8_avg);
create or replace aggregate redshift.avg(interval)
    (sfunc = interval_avg_accum, stype = internal, finalfunc = interval_avg);

create or replace function redshift.append_text(state text, value anyelement, delimiter text) returns text
language sql immutable parallel safe as $$
    select case when value is null then state when state is null then value::text
        else state || delimiter || value::text end
$$;
create or replace aggregate redshift.listagg(anyelement, text) (sfunc = redshift.append_text, stype = text);

-- FIRST_VALUE and LAST_VALUE IGNORE NULLS: a strict transition function skips nulls.
create or replace function redshift.keep_first(state anyelement, value anyelement) returns anyelement
language sql immutable strict parallel safe as $$ select state $$;
create or replace function redshift.keep_last(state anyelement, value anyelement) returns anyelement
language sql immutable strict parallel safe as $$ select value $$;
create or replace aggregate redshift.first_known(anyelement) (sfunc = redshift.keep_first, stype = anyelement);
create or replace aggregate redshift.last_known(anyelement) (sfunc = redshift.keep_last, stype = anyelement);

-- MEDIAN and PERCENTILE_CONT as window functions; the state is the share, then the values.
create or replace function redshift.collect(state double precision[], value double precision, share double precision)
returns double precision[]
language sql immutable parallel safe as $$
    select case when value is null then state else coalesce(state, array[share]) || value end
$$;
create or replace function redshift.percentile_of(state double precision[]) returns double precision
language sql immutable parallel safe as $$
    select percentile_cont(state[1]) within group (order by value) from unnest(state[2:]) as value
$$;
create or replace aggregate redshift.percentile_cont(double precision, double precision)
    (sfunc = redshift.collect, stype = double precision[], finalfunc = redshift.percentile_of);

-- VARBYTE type: bytea with a length. A cast truncates to it; an assignment of a longer value fails.
-- Casts from and to integers are PostgreSQL's own.

alter type bytea set (typmod_in = bittypmodin, typmod_out = bittypmodout);

create or replace function redshift.varbyte_of_length(value bytea, length int, is_cast boolean) returns bytea
language plpgsql immutable strict parallel safe as $$
begin
    if length < 0 or octet_length(value) <= length then
        return value;
    elsif is_cast then
        return substr(value, 1, length);
    end if;
    raise string_data_right_truncation using message = format('value too long for type binary varying(%s)', length);
end $$;
create or replace function redshift.to_utf8(value text) returns bytea
language sql immutable strict parallel safe as $$ select convert_to(value, 'UTF8') $$;
create or replace function redshift.padded_to_utf8(value bpchar) returns bytea
language sql immutable strict parallel safe as $$ select convert_to(concat(value), 'UTF8') $$;
create or replace function redshift.from_utf8(value bytea) returns text
language sql immutable strict parallel safe as $$ select convert_from(value, 'UTF8') $$;

drop cast if exists (bytea as bytea);
create cast (bytea as bytea) with function redshift.varbyte_of_length(bytea, int, boolean) as implicit;
drop cast if exists (text as bytea);
create cast (text as bytea) with function redshift.to_utf8(text) as assignment;
drop cast if exists (varchar as bytea);
create cast (varchar as bytea) with function redshift.to_utf8(text) as assignment;
drop cast if exists (bpchar as bytea);
create cast (bpchar as bytea) with function redshift.padded_to_utf8(bpchar) as assignment;
drop cast if exists (bytea as text);
create cast (bytea as text) with function redshift.from_utf8(bytea);
drop cast if exists (bytea as varchar);
create cast (bytea as varchar) with function redshift.from_utf8(bytea);
drop cast if exists (bytea as bpchar);
create cast (bytea as bpchar) with function redshift.from_utf8(bytea);

create or replace function redshift.from_hex(value text) returns bytea
language sql immutable strict parallel safe as $$
    select decode(repeat('0', length(value) % 2) || value, 'hex')
$$;
create or replace function redshift.to_varbyte(value text, format text) returns bytea
language plpgsql immutable strict parallel safe as $$
begin
    case
        when lower(format) = 'hex' then return redshift.from_hex(value);
        when lower(format) = 'base64' then return decode(value, 'base64');
        when lower(format) in ('utf8', 'utf-8', 'utf_8') then return convert_to(value, 'UTF8');
        when lower(format) = 'binary' then
            return (
                select coalesce(string_agg(set_byte('\x00', 0, substr(bits, n, 8)::bit(8)::int), '' order by n), '')
                from (select repeat('0', -length(value) & 7) || value) padded (bits),
                    generate_series(1, length(bits), 8) n
            );
        else
            raise invalid_parameter_value using message = format('format "%s" of TO_VARBYTE is not supported', format);
    end case;
end $$;
create or replace function redshift.from_varbyte(value bytea, format text) returns text
language plpgsql immutable strict parallel safe as $$
begin
    case
        when lower(format) = 'hex' then return encode(value, 'hex');
        when lower(format) = 'base64' then return translate(encode(value, 'base64'), E'\n', '');
        when lower(format) in ('utf8', 'utf-8', 'utf_8') then return convert_from(value, 'UTF8');
        when lower(format) = 'binary' then
            return (
                select coalesce(string_agg(get_byte(value, n)::bit(8)::text, '' order by n), '')
                from generate_series(0, octet_length(value) - 1) n
            );
        else
            raise invalid_parameter_value using message = format('format "%s" of FROM_VARBYTE is not supported', format);
    end case;
end $$;
create or replace function redshift.to_hex(value bigint) returns text
language sql immutable strict parallel safe as $$ select to_hex(value) $$;
create or replace function redshift.to_hex(value int) returns text
language sql immutable strict parallel safe as $$ select to_hex(value) $$;
create or replace function redshift.to_hex(value bytea) returns text
language sql immutable strict parallel safe as $$ select encode(value, 'hex') $$;

create or replace function redshift.format_type(type oid, modifier int) returns text
language sql stable parallel safe as $$
    select case when type = 'bytea'::regtype and modifier = -1 then 'binary varying(64000)'
        else regexp_replace(format_type(type, modifier), '^bytea', 'binary varying') end
$$;

-- String functions

create or replace function redshift.concat(first text, second text) returns text
language sql immutable parallel safe as $$ select first || second $$;
create or replace function redshift.concat(first bytea, second bytea) returns bytea
language sql immutable parallel safe as $$ select first || second $$;

create or replace function redshift.split_part(value text, delimiter text, part bigint) returns text
language plpgsql immutable parallel safe as $$
begin
    if part < 1 then
        raise invalid_parameter_value using message = 'field position must be greater than zero';
    end if;
    return pg_catalog.split_part(value, delimiter, part::int);
end $$;

-- The parameter p enables PCRE syntax, which PostgreSQL's regular expressions always accept.
create or replace function redshift.regexp_substr(
    value text, pattern text, start int default 1, occurrence int default 1, parameters text default ''
) returns text
language sql immutable parallel safe as $$
    select case when value is not null then coalesce(pg_catalog.regexp_substr(
        value, pattern, start, occurrence, translate(parameters, 'ep', ''), strpos(parameters, 'e')::boolean::int
    ), '') end
$$;
create or replace function redshift.regexp_replace(
    value text, pattern text, replacement text default '', start int default 1, parameters text default ''
) returns text
language sql immutable parallel safe as $$
    select pg_catalog.regexp_replace(value, pattern, replacement, start, 0, translate(parameters, 'ep', ''))
$$;
create or replace function redshift.regexp_count(
    value text, pattern text, start int default 1, parameters text default ''
) returns int
language sql immutable parallel safe as $$
    select pg_catalog.regexp_count(value, pattern, start, translate(parameters, 'ep', ''))
$$;
create or replace function redshift.regexp_instr(
    value text, pattern text, start int default 1, occurrence int default 1, option int default 0,
    parameters text default ''
) returns int
language sql immutable parallel safe as $$
    select pg_catalog.regexp_instr(value, pattern, start, occurrence, option, translate(parameters, 'ep', ''))
$$;

-- JSON functions

create or replace function redshift.is_valid_json(value text) returns boolean
language sql immutable parallel safe as $$ select value is json object $$;
create or replace function redshift.is_valid_json_array(value text) returns boolean
language sql immutable parallel safe as $$ select value is json array $$;

create or replace function redshift.parsed(value text, null_if_invalid boolean) returns json
language plpgsql immutable parallel safe as $$
begin
    if value is json then
        return value::json;
    elsif value is null or null_if_invalid then
        return null;
    end if;
    raise exception using errcode = 'XX000', message = 'JSON parsing error',
        detail = format('error: JSON parsing error code: 8001 context: invalid json object %s', value);
end $$;

create or replace function redshift.json_extract_path_text(value text, null_if_invalid boolean, variadic path text[])
returns text
language sql immutable parallel safe as $$
    select json_extract_path_text(redshift.parsed(value, null_if_invalid), variadic path)
$$;
create or replace function redshift.json_array_length(value text, null_if_invalid boolean default false) returns int
language sql immutable parallel safe as $$
    select pg_catalog.json_array_length(redshift.parsed(value, null_if_invalid))
$$;
create or replace function redshift.json_extract_array_element_text(
    value text, element int, null_if_invalid boolean default false
) returns text
language sql immutable parallel safe as $$
    select case when element >= 0 then redshift.parsed(value, null_if_invalid) ->> element end
$$;

-- Hash functions

create or replace function redshift.sha2(value text, bits int) returns text
language sql immutable strict parallel safe as $$
    select encode(case bits
        when 224 then sha224(convert_to(value, 'UTF8'))
        when 384 then sha384(convert_to(value, 'UTF8'))
        when 512 then sha512(convert_to(value, 'UTF8'))
        else sha256(convert_to(value, 'UTF8')) end, 'hex')
$$;

-- The polynomial is that of CRC-32C.
create or replace function redshift.crc32(value text) returns text
language sql immutable strict parallel safe as $$
    select lpad(to_hex(crc32c(convert_to(value, 'UTF8'))), 8, '0')
$$;

-- Secure Hash Standard (FIPS 180-4), 6.1.2; PostgreSQL has it only in an extension.
create or replace function redshift.sha1(value text) returns text
language plpgsql immutable strict parallel safe as $$
declare
    word constant bigint := 4294967296;
    message bytea := convert_to(value, 'UTF8');
    bits bigint := length(message) * 8;
    h bigint[] := array[1732584193, 4023233417, 2562383102, 271733878, 3285377520];
    w bigint[];
    s bigint[];
    f bigint;
    k bigint;
    t bigint;
begin
    message := message || '\x80'::bytea
        || decode(repeat('00', ((119 - length(message) % 64) % 64)), 'hex') || int8send(bits);
    for block in 0 .. length(message) / 64 - 1 loop
        for i in 0 .. 79 loop
            if i < 16 then
                w[i] := ('x' || encode(substr(message, block * 64 + i * 4 + 1, 4), 'hex'))::bit(32)::bigint;
            else
                t := w[i - 3] # w[i - 8] # w[i - 14] # w[i - 16];
                w[i] := (t << 1) % word | (t >> 31);
            end if;
        end loop;
        s := h;
        for i in 0 .. 79 loop
            case i / 20
                when 0 then f := (s[2] & s[3]) | ((word - 1 - s[2]) & s[4]); k := 1518500249;
                when 1 then f := s[2] # s[3] # s[4]; k := 1859775393;
                when 2 then f := (s[2] & s[3]) | (s[2] & s[4]) | (s[3] & s[4]); k := 2400959708;
                else f := s[2] # s[3] # s[4]; k := 3395469782;
            end case;
            t := ((s[1] << 5) % word | (s[1] >> 27)) + f + s[5] + k + w[i];
            s := array[t % word, s[1], (s[2] << 30) % word | (s[2] >> 2), s[3], s[4]];
        end loop;
        for i in 1 .. 5 loop
            h[i] := (h[i] + s[i]) % word;
        end loop;
    end loop;
    return (select string_agg(lpad(to_hex(part), 8, '0'), '' order by position)
        from unnest(h) with ordinality as parts (part, position));
end $$;
create or replace function redshift.sha(value text) returns text
language sql immutable strict parallel safe as $$ select redshift.sha1(value) $$;
create or replace function redshift.func_sha1(value text) returns text
language sql immutable strict parallel safe as $$ select redshift.sha1(value) $$;

-- 64-bit FNV-1a; numbers are hashed byte by byte, the lowest byte first.
create or replace function redshift.fnv_hash_bytes(value bytea, seed bigint) returns bigint
language plpgsql immutable strict parallel safe as $$
declare
    word constant numeric := 18446744073709551616;
    hash numeric := case when seed < 0 then seed + word else seed end;
    signed bigint;
begin
    for i in 0 .. length(value) - 1 loop
        signed := case when hash >= word / 2 then hash - word else hash end;
        signed := signed # get_byte(value, i);
        hash := (case when signed < 0 then signed + word else signed end) * 1099511628211 % word;
    end loop;
    return case when hash >= word / 2 then hash - word else hash end;
end $$;
create or replace function redshift.fnv_hash(value text, seed bigint default -3750763034362895579) returns bigint
language sql immutable parallel safe as $$ select redshift.fnv_hash_bytes(convert_to(value, 'UTF8'), seed) $$;
create or replace function redshift.fnv_hash(value int, seed bigint default -3750763034362895579) returns bigint
language sql immutable parallel safe as $$ select redshift.fnv_hash_bytes(reverse(int4send(value)), seed) $$;
create or replace function redshift.fnv_hash(value bigint, seed bigint default -3750763034362895579) returns bigint
language sql immutable parallel safe as $$ select redshift.fnv_hash_bytes(reverse(int8send(value)), seed) $$;
