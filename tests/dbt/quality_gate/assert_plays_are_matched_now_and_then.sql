{{ config(severity = "warn") }}

{#
    Of the plays of a month, at least 1 in 1,000 is of a song in the catalogue. Guards
    songplays.song_id: few plays match in the best of times, so that a match that broke altogether (a
    changed spelling rule, a catalogue that stopped arriving) would pass for more of the same. It
    warns and does not stop a run: the plays themselves are right.
#}

with

months as (

    select
        date_trunc('month', start_time) as month_start,
        count(*) as plays,
        count(song_id) as matched_plays
    from {{ ref('songplays') }}
    group by date_trunc('month', start_time)

)

select * from months
where matched_plays * 1000 < plays
