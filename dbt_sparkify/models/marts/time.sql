{# sort: whole days are replaced. #}
{{
    config(
        unique_key='start_time',
        dist='start_time',
        sort='start_time'
    )
}}

with

plays as (

    select distinct event_at as start_time
    from {{ ref('int_events_deduplicated') }}
    where page = 'NextSong'
        and {{ is_affected('event_date', by=['event_date']) }}

),

final as (

    select
        start_time,
        cast(extract(hour from start_time) as integer) as hour,
        cast(extract(day from start_time) as integer) as day,
        cast(extract(week from start_time) as integer) as week,
        cast(extract(month from start_time) as integer) as month,
        cast(extract(year from start_time) as integer) as year,
        cast(extract(dow from start_time) as integer) as weekday
    from plays

)

select * from final
