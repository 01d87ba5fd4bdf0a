{# dist: joins to users and user_levels stay on the node;
   sort: whole days are replaced and read by range. #}
{{
    config(
        unique_key='start_time',
        dist='user_id',
        sort='start_time'
    )
}}

with

plays as (

    select * from {{ ref('int_events_deduplicated') }}
    where page = 'NextSong'
        and {{ is_affected('event_date', by=['event_date', 'song_id']) }}

),

songs as (

    select * from {{ ref('int_songs_deduplicated') }}

),

{# Which song it was depends on these alone, whoever played it and when. A length may be missing,
   and is never below 0. #}
recordings as (

    select distinct
        song_title,
        artist_name,
        length
    from plays

),

candidates as (

    select
        recordings.*,
        songs.song_id,
        songs.artist_id,
        abs(songs.duration - recordings.length) as seconds_apart
    from recordings
    inner join songs
        on lower(recordings.song_title) = lower(songs.title)
        and lower(recordings.artist_name) = lower(songs.artist_name)

),

ranked as (

    select
        *,
        row_number() over (
            partition by song_title, artist_name, length
            order by seconds_apart asc nulls last, song_id asc
        ) as candidate_number
    from candidates

),

final as (

    select
        plays.event_id as songplay_id,
        plays.event_at as start_time,
        plays.user_id,
        plays.level,
        ranked.song_id,
        ranked.artist_id,
        plays.session_id,
        plays.location,
        plays.user_agent,
        plays.item_in_session,
        plays.song_title,
        plays.artist_name,
        case
            when ranked.seconds_apart <= 1 then 'exact'
            when ranked.song_id is not null then 'title_artist'
        end as song_match
    from plays
    left join ranked
        on plays.song_title = ranked.song_title
        and plays.artist_name = ranked.artist_name
        and coalesce(plays.length, -1) = coalesce(ranked.length, -1)
        and ranked.candidate_number = 1

)

select * from final
