with

plays as (

    select
        *,
        trunc(start_time) as day_start,
        trunc(date_trunc('week', start_time)) as week_start,
        trunc(min(start_time) over ()) as first_day
    from {{ ref('songplays') }}

),

period_types as (

    select 'day' as period_type
    union all
    select 'week' as period_type
    union all
    select 'all_time' as period_type

),

{# Each play counts once in each of its periods. #}
plays_by_period as (

    select
        plays.*,
        period_types.period_type,
        case period_types.period_type
            when 'day' then plays.day_start
            when 'week' then plays.week_start
            else plays.first_day
        end as period_start
    from plays
    cross join period_types

),

{# By the played text, not by song_id: few plays are of a song in the catalogue. #}
songs as (

    select
        period_type,
        period_start,
        min(song_title) as song_title,
        min(artist_name) as artist_name,
        count(*) as plays,
        count(distinct user_id) as listeners
    from plays_by_period
    group by period_type, period_start, lower(song_title), lower(artist_name)

),

ranked as (

    select
        *,
        row_number() over (
            partition by period_type, period_start
            order by plays desc, listeners desc, song_title asc, artist_name asc
        ) as song_rank
    from songs

),

final as (

    select
        period_type,
        period_start,
        song_rank,
        song_title,
        artist_name,
        plays,
        listeners
    from ranked
    where song_rank <= 10

)

select * from final
