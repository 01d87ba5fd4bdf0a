select
    dateadd(hour, -2, getdate()) as two_hours_ago,
    dateadd(day, 1, getdate()) as tomorrow
