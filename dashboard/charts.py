"""The charts of the dashboard and the notebook: Altair, from the frames of `dashboard/queries`."""

import altair as alt
import pandas as pd

AnyChart = alt.Chart | alt.LayerChart | alt.FacetChart

# Okabe and Ito's colours, which colour-blind readers tell apart.
BLUE, ORANGE, GREEN = "#0072B2", "#E69F00", "#009E73"
LEVELS = alt.Scale(domain=["free_to_paid", "paid_to_free"], range=[GREEN, ORANGE])
WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]  # `time.weekday`, from 0
HEIGHT = 240
DAYS = alt.Axis(format="%d %b", tickCount=10, grid=False)


def activity(days: pd.DataFrame) -> AnyChart:
    """Draw the plays of each day as bars, and the mean of the seven days up to it as a line."""
    frame = whole_days(days, "activity_date", "plays", "listeners", "sessions")
    frame["weekly"] = frame["plays"].rolling(7, min_periods=1).mean().round(1)
    day = alt.X("utcyearmonthdate(activity_date):T", title=None, axis=DAYS)
    bars = (
        alt.Chart(frame)
        .mark_bar(color=BLUE, opacity=0.75)
        .encode(
            x=day,
            y=alt.Y("plays:Q", title="plays"),
            tooltip=[
                alt.Tooltip("activity_date:T", title="day (UTC)", format="%a %d %b %Y"),
                *("plays:Q", "listeners:Q", "sessions:Q"),
            ],
        )
    )
    line = alt.Chart(frame).mark_line(color=ORANGE).encode(x=day, y="weekly:Q")
    return sized(alt.layer(bars, line))


def ranked(frame: pd.DataFrame, label: str, *tooltips: str | alt.Tooltip) -> AnyChart:
    """Draw plays by `label`, most first."""
    return sized(
        alt.Chart(frame)
        .mark_bar(color=BLUE)
        .encode(
            x=alt.X("plays:Q", title="plays"),
            y=alt.Y(f"{label}:N", sort=None, title=None, axis=alt.Axis(labelLimit=220)),
            tooltip=[f"{label}:N", "plays:Q", *tooltips],
        ),
        alt.Step(22),
    )


def songs(frame: pd.DataFrame) -> AnyChart:
    """Draw the songs played most, with their artists: two may have a title in common."""
    named = frame.assign(song=frame["song_title"] + " · " + frame["artist_name"])
    return ranked(named, "song", "listeners:Q")


def places(frame: pd.DataFrame) -> AnyChart:
    """Draw the places with most plays, shaded by the share that is paid."""
    return by_paid_share(frame, "place")


def by_paid_share(frame: pd.DataFrame, label: str) -> AnyChart:
    """Draw plays by `label`, most first, shaded by the share that is paid."""
    shade = alt.Color(
        "paid_play_share:Q",
        title="paid plays",
        scale=alt.Scale(scheme="blues", domain=[0, 1]),
        legend=alt.Legend(format="%", orient="bottom"),
    )
    share = alt.Tooltip("paid_play_share:Q", format=".0%")
    chart = ranked(frame, label, "listeners:Q", share)
    return sized(chart.encode(color=shade), alt.Step(22))


def devices(frame: pd.DataFrame) -> AnyChart:
    """Draw devices with their browsers, most plays first, shaded by the share that is paid."""
    named = frame.assign(device=frame["device_family"] + " · " + frame["browser_family"])
    return by_paid_share(named, "device")


def hours(frame: pd.DataFrame) -> AnyChart:
    """Draw the mean plays in each hour of the week as a heat map."""
    named = frame.assign(day=[WEEKDAYS[number] for number in frame["weekday"]])
    return sized(
        alt.Chart(named)
        .mark_rect()
        .encode(
            x=alt.X("hour:O", title="hour of the day (UTC)", axis=alt.Axis(labelAngle=0)),
            y=alt.Y("day:O", sort=[*WEEKDAYS[1:], WEEKDAYS[0]], title=None),
            color=alt.Color("mean_plays:Q", title="mean plays", scale=alt.Scale(scheme="blues")),
            tooltip=["day:O", "hour:O", "plays:Q", alt.Tooltip("mean_plays:Q", format=".1f")],
        ),
        alt.Step(24),
    )


def conversions(frame: pd.DataFrame) -> AnyChart:
    """Draw the changes of level by day: upgrades upwards, downgrades downwards."""
    signs = frame["direction"].map({"free_to_paid": 1, "paid_to_free": -1})
    signed = frame.assign(
        converted_on=pd.to_datetime(frame["converted_on"]), change=frame["conversions"] * signs
    )
    return sized(
        alt.Chart(signed)
        .mark_bar()
        .encode(
            x=alt.X("utcyearmonthdate(converted_on):T", title=None, axis=DAYS),
            y=alt.Y("change:Q", title="users who changed", axis=alt.Axis(format="d")),
            color=alt.Color("direction:N", title=None, scale=LEVELS),
            tooltip=["converted_on:T", "direction:N", "conversions:Q"],
        )
    )


def retention(frame: pd.DataFrame) -> AnyChart:
    """Draw the share of each week's new listeners who came back in each whole week."""
    whole = frame[frame["is_complete"]]
    cohorts = [f"{day:%d %b %Y}" for day in whole["cohort_week"]]
    week = whole.drop(columns="cohort_week").assign(cohort=cohorts)
    base = alt.Chart(week).encode(
        x=alt.X("week_number:O", title="weeks after the first play", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("cohort:O", sort=None, title="first play in the week of"),
    )
    cells = base.mark_rect().encode(
        color=alt.Color(
            "retention:Q",
            title="came back",
            scale=alt.Scale(scheme="blues", domain=[0, 1]),
            legend=alt.Legend(format="%"),
        ),
        tooltip=["cohort:O", "week_number:O", "listeners:Q", "cohort_size:Q"],
    )
    numbers = base.mark_text(fontSize=11).encode(
        text=alt.Text("retention:Q", format=".0%"),
        color=alt.condition("datum.retention > 0.6", alt.value("white"), alt.value("black")),
    )
    return sized(alt.layer(cells, numbers), alt.Step(28))


def session_lengths(frame: pd.DataFrame) -> AnyChart:
    """Draw sessions by length, for each level of their first play; the last bar is open-ended."""
    return sized(
        alt.Chart(frame)
        .mark_bar()
        .encode(
            x=alt.X("minutes_from:O", title="minutes, from", axis=alt.Axis(labelAngle=0)),
            xOffset="first_level:N",
            y=alt.Y("sessions:Q", title="sessions"),
            color=alt.Color(
                "first_level:N",
                title=None,
                scale=alt.Scale(domain=["free", "paid"], range=[ORANGE, BLUE]),
            ),
            tooltip=["first_level:N", "minutes_from:O", "sessions:Q", "plays:Q"],
        )
    )


def whole_days(frame: pd.DataFrame, day: str, *counts: str) -> pd.DataFrame:
    """Return the counts of every day from the first to the last; a day without a row counts 0."""
    indexed = frame.assign(**{day: pd.to_datetime(frame[day])}).set_index(day)[list(counts)]
    return indexed.asfreq("D", fill_value=0).rename_axis(day).reset_index()


def sized(chart: AnyChart, height: int | alt.Step = HEIGHT) -> AnyChart:
    """Return the chart as wide as its column."""
    as_wide: AnyChart = chart.properties(width="container", height=height)
    return as_wide
