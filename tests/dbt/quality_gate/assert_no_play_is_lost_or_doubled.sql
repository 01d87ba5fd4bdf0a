{#
    songplays has every distinct play of the logs that is not in quarantine, exactly once, and nothing
    else. Guards songplays. Without it an inner join to the catalogue, two candidates for one play, or
    a day that was not rebuilt would change the count of plays unnoticed.
#}

with

expected as (

    select distinct
        event_id as songplay_id,
        1 as copies
    from {{ ref('stg_sparkify__events') }}
    where page = 'NextSong'
        and quarantine_reason is null
        and {{ within_gate('ts', by=['event_date', 'song_id'], in_epoch_ms=true) }}
        and {{ within_sample('event_at') }}

),

actual as (

    select
        songplay_id,
        count(*) as copies
    from {{ ref('songplays') }}
    where {{ is_judged(ref('songplays')) }}
        and {{ within_sample('start_time') }}
    group by songplay_id

)

{{ compare(['songplay_id'], ['copies']) }}
