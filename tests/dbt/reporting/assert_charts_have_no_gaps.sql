{#
    In each chart the ranks run from 1 without gaps, and no rank has more plays than the one before.
    Guards top_songs and top_artists. Without it a chart sorted by the wrong column, or one that loses
    a rank to a tie, would go unnoticed.
#}

with

charts as (

    select
        'top_songs' as chart,
        period_type,
        period_start,
        song_rank as chart_rank,
        plays
    from {{ ref('top_songs') }}
    where {{ is_judged(ref('top_songs')) }}
    union all
    select
        'top_artists' as chart,
        period_type,
        period_start,
        artist_rank as chart_rank,
        plays
    from {{ ref('top_artists') }}
    where {{ is_judged(ref('top_artists')) }}

),

compared as (

    select
        *,
        row_number() over (
            partition by chart, period_type, period_start order by chart_rank
        ) as expected_rank,
        lag(plays) over (
            partition by chart, period_type, period_start order by chart_rank
        ) as plays_of_rank_before
    from charts

)

select
    chart,
    period_type,
    period_start,
    expected_rank,
    chart_rank as actual_rank,
    plays,
    plays_of_rank_before
from compared
where chart_rank != expected_rank
    or plays > plays_of_rank_before
