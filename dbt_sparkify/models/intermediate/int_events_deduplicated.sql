{# dist: the heavy readers group by user; sort: days are replaced whole and read by range. #}
{{
    config(
        unique_key='event_date',
        dist='user_id',
        sort='event_date',
        meta={'affected_by': ['event_date']}
    )
}}

with

events as (

    {# On ts: it is the sort key of the source, and the date is computed from it. #}
    select * from {{ ref('stg_sparkify__events') }}
    where {{ is_affected('ts', in_epoch_ms=true) }}

),

{# Copies of an event may differ. Their order must not depend on when each was loaded, or loads in
   another order would give other rows: the greatest content wins. #}
numbered as (

    select
        *,
        row_number() over (
            partition by event_id
            order by
                artist_name desc nulls last,
                auth desc nulls last,
                first_name desc nulls last,
                gender desc nulls last,
                last_name desc nulls last,
                length desc nulls last,
                level desc nulls last,
                location desc nulls last,
                method desc nulls last,
                page desc nulls last,
                registered_at desc nulls last,
                song_title desc nulls last,
                status desc nulls last,
                user_agent desc nulls last
        ) as copy_number
    from events

),

final as (

    select
        event_id,
        user_id,
        session_id,
        item_in_session,
        artist_name,
        song_title,
        first_name,
        last_name,
        gender,
        level,
        location,
        user_agent,
        auth,
        method,
        page,
        length,
        status,
        event_at,
        registered_at,
        event_date
    from numbered
    where copy_number = 1

)

select * from final
