{# unique_key: whole weeks are replaced, with the days in them; the all-time chart has no day.
   sort: read by ranges of days. #}
{{
    config(
        unique_key="case when period_type != 'all_time' then period_start end",
        sort='period_start'
    )
}}

with

plays_by_period as (

    {{ plays_by_period(ref('songplays')) }}

),

{# By the title as played, not by song_id: the catalogue has few of the songs played. #}
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
