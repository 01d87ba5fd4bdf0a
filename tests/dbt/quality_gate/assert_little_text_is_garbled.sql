{{ config(
    fail_calc = "coalesce(max(garbled_percent), 0)",
    warn_if = "> 1",
    error_if = "> 10",
) }}

{#
    Of a month's plays, at most 1 in 100 has a title or artist that still holds UTF-8 read as Latin-1
    after the repair in staging; more warns, more than 10 in 100 fails. Guards songplays.song_title and
    artist_name. Without it such mojibake would be a song or artist of its own in the charts, and match
    no song of the catalogue. Months of fewer than 100 plays are left out: there one play would be a
    share.
#}

with

months as (

    select
        date_trunc('month', start_time) as month_start,
        count(*) as plays,
        sum(
            case
                when {{ is_garbled('song_title') }} or {{ is_garbled('artist_name') }} then 1
                else 0
            end
        ) as garbled_plays
    from {{ ref('songplays') }}
    where {{ is_judged(ref('songplays'), widen='month') }}
    group by date_trunc('month', start_time)

)

select
    *,
    cast(ceil(100.0 * garbled_plays / plays) as integer) as garbled_percent
from months
where plays >= 100
    and garbled_plays > 0
