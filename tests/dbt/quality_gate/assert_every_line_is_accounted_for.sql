{#
    Of each partition, the lines that COPY took are the rows of raw, and each row is in the
    deduplicated events or songs (itself or a copy of it) or in quarantine, whole; each line that COPY
    rejected is in raw.load_errors. unaccounted_lines is what is missing or too much, 0 in all other
    partitions. Guards raw, int_events_deduplicated, int_events_quarantined and those of songs. Without
    it a row that a repair by hand, a filter in staging or a quarantine out of date takes away would be
    nowhere, and nobody would miss it. It judges by what AWS promises, pg_last_copy_count; whether COPY
    scanned more lines is assert_lines_are_rows_or_rejected. A sample splits partitions: it is not judged.
#}

with

loads as (

    select
        *,
        row_number() over (partition by target_table, partition_prefix order by load_id desc) as age
    from {{ ref('stg_sparkify__load_history') }}
    where status in ('loaded', 'absorbed')
        and mode = 'replace'
        and {{ within_gate('load_id', by=['load_id']) }}

),

newest_loads as (

    select
        target_table,
        partition_prefix,
        load_id,
        rows_loaded,
        rows_rejected
    from loads
    where age = 1

),

kept_rejections as (

    select
        load_id,
        count(*) as rejections
    from {{ source('sparkify', 'load_errors') }}
    group by load_id

),

raw_rows as (

    select
        cast('raw.staging_events' as varchar(128)) as target_table,
        _partition as partition_prefix,
        count(*) as raw_rows
    from {{ source('sparkify', 'staging_events') }}
    where {{ within_gate('_load_id', by=['load_id']) }}
    group by _partition

    union all

    select
        cast('raw.staging_songs' as varchar(128)) as target_table,
        _partition as partition_prefix,
        count(*) as raw_rows
    from {{ source('sparkify', 'staging_songs') }}
    where {{ within_gate('_load_id', by=['load_id']) }}
    group by _partition

),

deduplicated_events as (

    select event_id from {{ ref('int_events_deduplicated') }}
    where {{ is_judged(ref('int_events_deduplicated')) }}

),

deduplicated_songs as (

    select song_id from {{ ref('int_songs_deduplicated') }}
    where {{ is_judged(ref('int_songs_deduplicated')) }}

),

staged_rows as (

    select
        cast('raw.staging_events' as varchar(128)) as target_table,
        events._partition as partition_prefix,
        count(events.quarantine_reason) as faulty_rows,
        sum(
            case
                when events.quarantine_reason is not null then 0
                when deduplicated.event_id is not null then 1
                {# in an hour, a row whose key did not change was judged when it came #}
                when {{ is_judged(ref('stg_sparkify__events'), 'events.ts') }} then 0
                else 1
            end
        ) as modelled_rows
    from {{ ref('stg_sparkify__events') }} as events
    left join deduplicated_events as deduplicated
        on events.event_id = deduplicated.event_id
    where {{ within_gate('events._load_id', by=['load_id']) }}
    group by events._partition

    union all

    select
        cast('raw.staging_songs' as varchar(128)) as target_table,
        songs._partition as partition_prefix,
        count(songs.quarantine_reason) as faulty_rows,
        sum(
            case
                when songs.quarantine_reason is not null then 0
                when deduplicated.song_id is not null then 1
                {# in an hour, a row whose key did not change was judged when it came #}
                when {{ is_judged(ref('stg_sparkify__songs'), 'songs.song_id') }} then 0
                else 1
            end
        ) as modelled_rows
    from {{ ref('stg_sparkify__songs') }} as songs
    left join deduplicated_songs as deduplicated
        on songs.song_id = deduplicated.song_id
    where {{ within_gate('songs._load_id', by=['load_id']) }}
    group by songs._partition

),

quarantined as (

    select
        cast('raw.staging_events' as varchar(128)) as target_table,
        _partition as partition_prefix,
        count(*) as quarantined_rows
    from {{ ref('int_events_quarantined') }}
    group by _partition

    union all

    select
        cast('raw.staging_songs' as varchar(128)) as target_table,
        _partition as partition_prefix,
        count(*) as quarantined_rows
    from {{ ref('int_songs_quarantined') }}
    group by _partition

),

partitions as (

    select
        target_table,
        partition_prefix
    from newest_loads

    union distinct

    select
        target_table,
        partition_prefix
    from raw_rows

    union distinct

    select
        target_table,
        partition_prefix
    from quarantined
    where {{ is_whole_run() }} {# in an hour, of the partitions that were loaded alone #}

),

counted as (

    select
        partitions.target_table,
        partitions.partition_prefix,
        coalesce(newest_loads.rows_loaded, 0) as rows_loaded,
        coalesce(raw_rows.raw_rows, 0) as raw_rows,
        coalesce(staged_rows.modelled_rows, 0) as modelled_rows,
        coalesce(staged_rows.faulty_rows, 0) as faulty_rows,
        coalesce(quarantined.quarantined_rows, 0) as quarantined_rows,
        coalesce(newest_loads.rows_rejected, 0) as rows_rejected,
        coalesce(kept_rejections.rejections, 0) as kept_rejections
    from partitions
    left join newest_loads
        on partitions.target_table = newest_loads.target_table
        and partitions.partition_prefix = newest_loads.partition_prefix
    left join kept_rejections
        on newest_loads.load_id = kept_rejections.load_id
    left join raw_rows
        on partitions.target_table = raw_rows.target_table
        and partitions.partition_prefix = raw_rows.partition_prefix
    left join staged_rows
        on partitions.target_table = staged_rows.target_table
        and partitions.partition_prefix = staged_rows.partition_prefix
    left join quarantined
        on partitions.target_table = quarantined.target_table
        and partitions.partition_prefix = quarantined.partition_prefix

),

final as (

    select
        *,
        abs(rows_loaded - raw_rows)
        + abs(raw_rows - modelled_rows - faulty_rows)
        + abs(faulty_rows - quarantined_rows)
        + abs(rows_rejected - kept_rejections) as unaccounted_lines
    from counted

)

select * from final
where unaccounted_lines > 0
    and not {{ reads_part_of_its_inputs() }}
