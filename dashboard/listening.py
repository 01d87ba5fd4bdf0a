"""The dashboard "Listening": what is played, when, where, and who pays. `make dashboard` serves it.

It reads the published marts anew at each visit, and again when a publication changed them.
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Sparkify · Listening")

with app.setup:
    import datetime

    import marimo as mo

    from dashboard import charts, warehouse

    # How often a page that stays open asks for news. Redshift Serverless bills a minute each time
    # that it wakes: asked each minute, it would never sleep.
    EVERY, OFTEN = "1h", "10m"


@app.cell(hide_code=True)
def title():
    mo.md("""
    # Sparkify · Listening
    """)
    return


@app.cell(hide_code=True)
def clock():
    clock = mo.ui.refresh(
        options=[OFTEN, EVERY], default_interval=EVERY, label="Look for news every"
    )
    return (clock,)


@app.cell(hide_code=True)
def published():
    get_published, set_published = mo.state(None)
    return get_published, set_published


@app.cell(hide_code=True)
def look_for_news(clock, get_published, set_published):
    clock.value  # runs this cell again
    try:
        with mo.status.spinner(title="Asking the warehouse …", remove_on_exit=True):
            [_found] = warehouse.read("days").to_dict("records")
    except warehouse.WarehouseError as error:
        _found = {"error": str(error)}
    if _found != get_published():  # the charts are read again only when something is new
        set_published(_found)
    return


@app.cell(hide_code=True)
def days(get_published):
    days = get_published()
    mo.stop(days is None, mo.callout("Asking the warehouse …"))
    mo.stop("error" in days, mo.callout(mo.md(f"**No data.** {days.get('error')}"), kind="danger"))
    mo.stop(
        not days["plays"],
        mo.callout(
            mo.md(
                "**No plays are published yet.** Run the DAG `sparkify`, or `make demo` for a "
                "month of generated data. This page looks again by itself."
            ),
            kind="warn",
        ),
    )
    return (days,)


@app.cell(hide_code=True)
def choose(clock, days):
    chosen = mo.ui.date_range(
        start=days["first_day"],
        stop=days["last_day"],
        value=(days["first_day"], days["last_day"]),
        label="Days (UTC)",
    )
    mo.hstack([chosen, clock], justify="space-between", align="end")
    return (chosen,)


@app.cell(hide_code=True)
def read(chosen):
    first_day, last_day = chosen.value
    _range = {"first_day": first_day, "last_day": last_day}
    try:
        with mo.status.spinner(title="Reading the marts …"), warehouse.session() as _connection:
            frames = warehouse.fetch_each(
                _connection,
                *("totals", "activity", "songs", "artists", "hours", "conversions", "retention"),
                **_range,
            ) | warehouse.fetch_each(_connection, "places", "devices")
    except warehouse.WarehouseError as error:
        mo.stop(True, mo.callout(mo.md(f"**No data.** {error}"), kind="danger"))
    [totals] = frames["totals"].to_dict("records")
    mo.stop(
        not totals["plays"],
        mo.callout(
            f"No plays from {first_day:%d %b %Y} to {last_day:%d %b %Y}. Choose other days.",
            kind="warn",
        ),
    )
    return frames, totals


@app.cell(hide_code=True)
def numbers(totals):
    mo.hstack(
        [
            mo.stat(f"{totals['plays']:,}", label="plays", bordered=True),
            mo.stat(f"{totals['listeners']:,}", label="listeners", bordered=True),
            mo.stat(f"{totals['sessions']:,}", label="sessions", bordered=True),
            mo.stat(
                f"{totals['paid_plays'] / totals['plays']:.0%}",
                label="of plays are paid",
                bordered=True,
            ),
        ],
        widths="equal",
        gap=1,
    )
    return


@app.function(hide_code=True)
def section(heading, note, *content):
    """Return a heading, a line below it, and charts beside one another."""
    return mo.vstack(
        [mo.md(f"## {heading}\n{note}"), mo.hstack(list(content), widths="equal", gap=2)]
    )


@app.cell(hide_code=True)
def activity(frames):
    section(
        "How busy was each day?",
        "The line is the mean of seven days.",
        charts.activity(frames["activity"]),
    )
    return


@app.cell(hide_code=True)
def played(frames):
    section(
        "What is played most?",
        "Songs and artists as played, whether or not the catalogue has them.",
        charts.songs(frames["songs"]),
        charts.ranked(frames["artists"], "artist_name", "songs:Q", "listeners:Q"),
    )
    return


@app.cell(hide_code=True)
def when(frames):
    section("When do people listen?", "Hours are UTC.", charts.hours(frames["hours"]))
    return


@app.cell(hide_code=True)
def where(frames):
    section(
        "Where, and on what?",
        "Of all days, whichever are chosen: where a single play came from is personal.",
        charts.places(frames["places"]),
        charts.devices(frames["devices"]),
    )
    return


@app.cell(hide_code=True)
def levels(frames):
    _conversions = frames["conversions"]
    section(
        "Who changes level?",
        "Upgrades upwards, downgrades downwards.",
        mo.callout("Nobody changed level in these days.")
        if _conversions.empty
        else charts.conversions(_conversions),
    )
    return


@app.cell(hide_code=True)
def come_back(frames):
    _whole = frames["retention"].query("is_complete")
    section(
        "How many come back?",
        "Of those who first listened in a week, the share who listened again so many weeks later.",
        mo.callout("No week of these days is complete yet.")
        if _whole.empty
        else charts.retention(frames["retention"]),
    )
    return


@app.cell(hide_code=True)
def footer(days, get_published):
    get_published()
    mo.md(
        f"Published plays: {days['plays']:,}, from {days['first_day']} to {days['last_day']}. "
        f"Read at {datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC."
    )
    return


if __name__ == "__main__":
    app.run()
