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

{# By the artist as played, not by artist_id: the catalogue has few of the songs played. #}
artists as (

    select
        period_type,
        period_start,
        min(artist_name) as artist_name,
        count(*) as plays,
        count(distinct lower(song_title)) as songs,
        count(distinct user_id) as listeners
    from plays_by_period
    group by period_type, period_start, lower(artist_name)

),

ranked as (

    select
        *,
        row_number() over (
            partition by period_type, period_start
            order by plays desc, listeners desc, artist_name asc
        ) as artist_rank
    from artists

),

final as (

    select
        period_type,
        period_start,
        artist_rank,
        artist_name,
        plays,
        songs,
        listeners
    from ranked
    where artist_rank <= 10

)

select * from final
