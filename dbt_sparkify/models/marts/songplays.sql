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

candidates as (

    select
        plays.event_id,
        songs.song_id,
        songs.artist_id,
        abs(songs.duration - plays.length) as seconds_apart
    from plays
    inner join songs
        on lower(plays.song_title) = lower(songs.title)
        and lower(plays.artist_name) = lower(songs.artist_name)

),

ranked as (

    select
        *,
        row_number() over (
            partition by event_id
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
        on plays.event_id = ranked.event_id
        and ranked.candidate_number = 1

)

select * from final
