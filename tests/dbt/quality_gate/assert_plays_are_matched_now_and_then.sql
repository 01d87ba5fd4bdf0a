{{ config(severity = "warn") }}

{#
    Of the plays of a month, at least 1 in 1,000 is of a song in the catalogue. Guards
    songplays.song_id: few plays match even on a good day, so a match that no longer works at all (a
    changed spelling rule, a catalogue that stopped arriving) would go unnoticed. It only warns: the
    plays themselves are right.
#}

with

months as (

    select
        date_trunc('month', start_time) as month_start,
        count(*) as plays,
        count(song_id) as matched_plays
    from {{ ref('songplays') }}
    where {{ is_judged(ref('songplays'), widen='month') }}
    group by date_trunc('month', start_time)

)

select * from months
where matched_plays * 1000 < plays
