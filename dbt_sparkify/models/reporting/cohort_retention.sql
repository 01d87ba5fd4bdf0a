{# unique_key: all rows are replaced together. #}
{{ config(unique_key='cohort_week') }}

with

listener_weeks as (

    select distinct
        user_id,
        trunc(date_trunc('week', start_time)) as week_start
    from {{ ref('songplays') }}
    where user_id is not null
        and {{ is_affected('cohort_week', by=['all_time']) }}

),

listeners as (

    select
        user_id,
        min(week_start) as cohort_week
    from listener_weeks
    group by user_id

),

cohorts as (

    select
        cohort_week,
        count(*) as cohort_size
    from listeners
    group by cohort_week

),

weeks as (

    select
        week_start,
        week_start < max(week_start) over () as is_complete
    from listener_weeks
    group by week_start

),

retained as (

    select
        listeners.cohort_week,
        listener_weeks.week_start,
        count(*) as listeners
    from listeners
    inner join listener_weeks on listeners.user_id = listener_weeks.user_id
    group by listeners.cohort_week, listener_weeks.week_start

),

{# Every week from the cohort's first on, including weeks in which nobody came back. #}
final as (

    select
        cohorts.cohort_week,
        weeks.week_start,
        weeks.is_complete,
        cohorts.cohort_size,
        datediff(day, cohorts.cohort_week, weeks.week_start) / 7 as week_number,
        coalesce(retained.listeners, 0) as listeners,
        cast(coalesce(retained.listeners, 0) as double precision) / cohorts.cohort_size as retention
    from cohorts
    inner join weeks on cohorts.cohort_week <= weeks.week_start
    left join retained
        on cohorts.cohort_week = retained.cohort_week
        and weeks.week_start = retained.week_start

)

select * from final
