{% test expect_row_values_to_have_data_for_every_n_datepart(
    model,
    date_col,
    date_part='day',
    interval=1,
    row_condition=none,
    exclusion_condition=none,
    test_start_date=none,
    test_end_date=none
) %}

    with dated as (

        select cast({{ date_col }} as timestamp) as dated_at
        from {{ model }}
        where {{ row_condition or '1 = 1' }}

    ),

    extent as (

        select
            min(dated_at) as min_at,
            max(dated_at) as max_at
        from dated

    ),

    span as (

        select
            {% if test_start_date %}
                cast('{{ test_start_date }}' as timestamp) as starts_at,
            {% else %}
                date_trunc('{{ date_part }}', min_at) as starts_at,
            {% endif %}
            {% if test_end_date %}
                cast('{{ test_end_date }}' as timestamp) as ends_before
            {% else %}
                dateadd({{ date_part }}, 1, date_trunc('{{ date_part }}', max_at)) as ends_before
            {% endif %}
        from extent

    ),

    present as (

        select distinct
            datediff({{ date_part }}, span.starts_at, dated.dated_at) / {{ interval }} as period
        from dated
        cross join span
        where
            dated.dated_at >= span.starts_at
            and dated.dated_at < span.ends_before

    ),

    digits as (

        {% for digit in range(10) %}
            select {{ digit }} as digit {{ 'union all' if not loop.last }}
        {% endfor %}

    ),

    {#- Redshift has no generate_series that tables may join: five digits number 100,000 periods. #}
    numbers as (

        select
            ones.digit
            + 10 * tens.digit
            + 100 * hundreds.digit
            + 1000 * thousands.digit
            + 10000 * ten_thousands.digit as period
        from digits as ones
        cross join digits as tens
        cross join digits as hundreds
        cross join digits as thousands
        cross join digits as ten_thousands

    ),

    missing as (

        select
            dateadd(
                {{ date_part }}, numbers.period * {{ interval }}, span.starts_at
            ) as {{ date_col }}
        from numbers
        cross join span
        left join present on numbers.period = present.period
        where
            present.period is null
            and numbers.period * {{ interval }}
            < datediff({{ date_part }}, span.starts_at, span.ends_before)

    )

    select {{ date_col }}
    from missing
    where {{ exclusion_condition or '1 = 1' }}

{% endtest %}
