{#
    Every distinct play of the logs stands in songplays exactly once, and nothing else stands there.
    Guards songplays. Without it an inner join to the catalogue, or two candidates for one play, or a
    day that was not rebuilt, would change the count of plays in silence.
#}

with

expected as (

    select distinct event_id as songplay_id
    from {{ ref('stg_sparkify__events') }}
    where page = 'NextSong'

),

actual as (

    select
        songplay_id,
        count(*) as copies
    from {{ ref('songplays') }}
    group by songplay_id

)

select
    coalesce(expected.songplay_id, actual.songplay_id) as songplay_id,
    case when expected.songplay_id is null then 0 else 1 end as expected_copies,
    coalesce(actual.copies, 0) as actual_copies
from expected
full outer join actual on expected.songplay_id = actual.songplay_id
where expected.songplay_id is null
    or actual.songplay_id is null
    or actual.copies != 1
