"""The charts: what they make of days without plays, weeks that are not over, and directions."""

import datetime
from typing import Any

import pandas as pd

from dashboard import charts


def rows(chart: charts.AnyChart) -> list[dict[str, Any]]:
    """Return the data that a chart draws; Vega-Lite keeps it beside the chart."""
    [data] = chart.to_dict()["datasets"].values()
    return list(data)


def day(number: int) -> datetime.date:
    return datetime.date(2018, 11, number)


def test_a_day_without_plays_is_drawn_as_none() -> None:
    frame = pd.DataFrame(
        {"activity_date": [day(1), day(3)], "plays": [4, 2], "listeners": 1, "sessions": 1}
    )
    drawn = rows(charts.activity(frame))
    assert [row["plays"] for row in drawn] == [4, 0, 2]
    assert [row["weekly"] for row in drawn] == [4, 2, 2]


def test_hours_name_the_weekday_of_the_star_schema() -> None:
    frame = pd.DataFrame({"weekday": [0, 6], "hour": [1, 2], "plays": 3, "mean_plays": 1.5})
    assert [row["day"] for row in rows(charts.hours(frame))] == ["Sun", "Sat"]


def test_upgrades_point_upwards() -> None:
    frame = pd.DataFrame(
        {
            "converted_on": [day(1), day(1)],
            "direction": ["free_to_paid", "paid_to_free"],
            "conversions": [3, 2],
        }
    )
    assert [row["change"] for row in rows(charts.conversions(frame))] == [3, -2]


def test_a_week_that_is_not_over_is_not_drawn() -> None:
    frame = pd.DataFrame(
        {
            "cohort_week": [day(5), day(5)],
            "week_number": [0, 1],
            "is_complete": [True, False],
            "cohort_size": 2,
            "listeners": [2, 1],
            "retention": [1.0, 0.5],
        }
    )
    assert [row["retention"] for row in rows(charts.retention(frame))] == [1.0]


def test_songs_of_one_title_are_told_apart_and_keep_their_order() -> None:
    frame = pd.DataFrame(
        {"song_title": "Home", "artist_name": ["B", "A"], "plays": [2, 1], "listeners": 1}
    )
    chart = charts.songs(frame)
    assert [row["song"] for row in rows(chart)] == ["Home · B", "Home · A"]
    assert chart.to_dict()["encoding"]["y"]["sort"] is None
