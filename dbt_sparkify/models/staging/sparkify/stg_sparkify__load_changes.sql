with

source as (

    select * from {{ source('sparkify', 'load_changes') }}

),

final as (

    select
        load_id,
        key_name,
        key_value
    from source

)

select * from final
