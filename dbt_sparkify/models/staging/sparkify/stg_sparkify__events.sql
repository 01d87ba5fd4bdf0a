with

source as (

    select * from {{ source('sparkify', 'staging_events') }}

),

renamed as (

    select
        -- ids
        {{ user_id_key('userid') }} as user_id,
        sessionid as session_id,
        iteminsession as item_in_session,

        -- strings
        {{ clean_text(repair_encoding('artist')) }} as artist_name,
        {{ clean_text(repair_encoding('song')) }} as song_title,
        {{ clean_text(repair_encoding('firstname')) }} as first_name,
        {{ clean_text(repair_encoding('lastname')) }} as last_name,
        {{ clean_text('gender') }} as gender,
        {{ clean_text('level') }} as level,
        {{ clean_text(repair_encoding('location')) }} as location,
        {{ unquote_text('useragent') }} as user_agent,
        {{ clean_text('auth') }} as auth,
        {{ clean_text('method') }} as method,
        {{ clean_text('page') }} as page,

        -- numerics
        length,
        status,
        ts,

        -- timestamps
        {{ epoch_ms_to_timestamp('ts') }} as event_at,
        {{ epoch_ms_to_timestamp('registration') }} as registered_at,
        {{ event_date_key('ts') }} as event_date,

        -- quarantine
        {{ event_fault() }} as quarantine_reason,
        userid as given_user_id,
        registration as given_registration,

        -- load
        _partition,
        _loaded_at,
        _load_id

    from source

),

final as (

    select
        *,
        md5(
            coalesce(cast(user_id as varchar), '')
            || '|' || coalesce(cast(session_id as varchar), '')
            || '|' || coalesce(cast(item_in_session as varchar), '')
            || '|' || coalesce(cast(ts as varchar), '')
        ) as event_id
    from renamed

)

select * from final
