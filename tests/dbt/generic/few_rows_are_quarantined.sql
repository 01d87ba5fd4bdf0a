{#
    Of a partition's rows at most 1 in 100 is quarantined; more warns, more than 10 in 100 stops the
    run before a mart is built. Guards the marts against a source that changed as a whole, such as
    times in another unit: without it each row would be kept out by itself, and the marts would be
    right and nearly empty. Partitions of fewer than 100 rows are left out: there one row would be a
    share.
#}
{% test few_rows_are_quarantined(model) %}
    {{ config(
        fail_calc="coalesce(max(quarantined_percent), 0)",
        warn_if="> 1",
        error_if="> 10",
    ) }}

    with

    partitions as (

        select
            _partition,
            count(*) as loaded_rows,
            count(quarantine_reason) as quarantined_rows,
            min(quarantine_reason) as first_reason
        from {{ model }}
        where {{ within_gate('_load_id', by=['load_id']) }}
        group by _partition

    )

    select
        *,
        cast(ceil(100.0 * quarantined_rows / loaded_rows) as integer) as quarantined_percent
    from partitions
    where loaded_rows >= 100
        and quarantined_rows > 0
{% endtest %}
