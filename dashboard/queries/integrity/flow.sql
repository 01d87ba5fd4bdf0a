-- One row: how much each step of the flow has.
with

loads as (

    select
        *,
        row_number() over (partition by target_table, partition_prefix order by load_id desc) as age
    from "raw".load_history
    where status in ('loaded', 'absorbed')

),

newest_loads as (

    select * from loads
    where age = 1
        and status = 'loaded'

),

audit as (

    select
        coalesce(sum(lines_scanned), 0) as lines_read,
        coalesce(sum(rows_loaded + rows_rejected), 0) as lines_accounted_for,
        coalesce(sum(rows_rejected), 0) as lines_rejected,
        coalesce(sum(case when target_table = 'raw.staging_events' then rows_loaded end), 0)
            as events_loaded,
        coalesce(sum(case when target_table = 'raw.staging_songs' then rows_loaded end), 0)
            as songs_loaded
    from newest_loads

),

rejected as (

    select count(*) as load_errors
    from "raw".load_errors as errors
    inner join newest_loads on errors.load_id = newest_loads.load_id

),

raw_events as (

    select count(*) as raw_events from "raw".staging_events

),

raw_songs as (

    select count(*) as raw_songs from "raw".staging_songs

),

staged as (

    select
        count(case when quarantine_reason is not null then 1 end) as faulty_events,
        count(distinct case when quarantine_reason is null then event_id end) as good_events,
        count(distinct case when quarantine_reason is null and page = 'NextSong' then event_id end)
            as good_plays,
        count(distinct case when quarantine_reason is null then user_id end) as user_ids
    from staging.stg_sparkify__events

),

quarantined as (

    select count(*) as quarantined_events from intermediate.int_events_quarantined

),

deduplicated as (

    select count(*) as deduplicated_events from intermediate.int_events_deduplicated

),

plays as (

    select count(*) as plays from analytics.songplays

),

users as (

    select count(*) as users from analytics.users

)

select
    audit.*,
    rejected.*,
    raw_events.*,
    raw_songs.*,
    staged.*,
    quarantined.*,
    deduplicated.*,
    plays.*,
    users.*
from audit
cross join rejected
cross join raw_events
cross join raw_songs
cross join staged
cross join quarantined
cross join deduplicated
cross join plays
cross join users
