{# dist: small, and joined to everything. #}
{{
    config(
        unique_key='song_id',
        dist='all',
        sort='song_id'
    )
}}

{%- set columns = documented_columns('stg_sparkify__songs', except=[
    'quarantine_reason', '_partition', '_loaded_at', '_load_id'
]) %}

with

songs as (

    select * from {{ ref('stg_sparkify__songs') }}
    where quarantine_reason is null
        and {{ is_affected('song_id', by=['song_id']) }}

),

{# As with events: the greatest content counts, column by column. #}
numbered as (

    select
        *,
        row_number() over (
            partition by song_id
            order by {{ columns | join(' desc nulls last, ') }} desc nulls last
        ) as copy_number
    from songs

),

final as (

    select {{ columns | join(', ') }}
    from numbered
    where copy_number = 1

)

select * from final
