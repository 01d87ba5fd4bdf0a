{#
    A user's periods follow one another without gaps or overlaps, and each has another level than the
    one before. Guards user_levels. Without it an as-of join could find no period for a play, or two.
#}

with

periods as (

    select
        *,
        lead(valid_from) over (partition by user_id order by valid_from) as next_valid_from,
        lead(level) over (partition by user_id order by valid_from) as next_level
    from {{ ref('user_levels') }}
    where {{ is_judged(ref('user_levels')) }}

)

select
    user_id,
    level,
    valid_from,
    next_valid_from as expected_valid_to,
    valid_to as actual_valid_to,
    is_current
from periods
where (valid_to is null) != (next_valid_from is null)
    or valid_to != next_valid_from
    or is_current != (valid_to is null)
    or level = next_level
    or valid_to <= valid_from
