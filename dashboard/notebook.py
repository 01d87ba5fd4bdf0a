"""The notebook: whether all that lies in S3 has arrived in the marts, and what they say.

`make notebook` opens it. The first part reads by the pipeline's connections, the second by the
reader's login, as the dashboard does.
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Sparkify · Notebook")

with app.setup:
    import marimo as mo
    from airflow.sdk.exceptions import AirflowException
    from redshift_connector.error import Error

    from dashboard import charts, integrity, warehouse
    from include.load.errors import LoadError


@app.cell(hide_code=True)
def title():
    mo.md("""
    # Is everything there, and what does it say?

    From S3 to the answers: **integrity** (what lies in S3 was loaded, and each step has what
    the one before handed on), **connections** (no key leads nowhere), **correctness** (nothing
    is there twice, and sums agree), then the questions of the business.
    """)
    return


@app.cell
def _():
    try:
        with mo.status.spinner(title="Listing S3, counting in the warehouse …"):
            partitions = integrity.compare_with_s3()
            results = {part: integrity.check(part) for part in integrity.RULES}
    except (AirflowException, Error, OSError, LoadError) as error:
        mo.stop(
            True,
            mo.callout(
                mo.md(
                    f"**The pipeline's connections do not answer:** {error}\n\n"
                    "`make doctor` names what is wrong and its cure. On a laptop, `make up` starts "
                    "S3 and Redshift; a warehouse that is new has no tables before its first run."
                ),
                kind="danger",
            ),
        )
    return partitions, results


@app.cell
def _(partitions, results):
    _broken = [rule for each in results.values() for rule in each.loc[~each["holds"], "rule"]]
    _rules = sum(len(each) for each in results.values())
    _late = partitions.loc[partitions["state"] != "loaded", "partition"]
    mo.callout(
        mo.md(
            f"**{_rules - len(_broken)} of {_rules} rules hold**, and "
            f"{len(partitions) - len(_late)} of {len(partitions)} partitions are loaded as they "
            "lie in S3."
            + "".join(f"\n- broken: {rule}" for rule in _broken)
            + "".join(
                f"\n- {row.partition}: {row.state}"
                for row in partitions.itertuples()
                if row.state != "loaded"
            )
        ),
        kind="danger" if _broken else "warn" if len(_late) else "success",
    )
    return


@app.cell
def _(partitions):
    # Lines are counted in the objects themselves; COPY says how many it read.
    mo.vstack(
        [
            mo.md("## From S3 to the load audit"),
            mo.ui.table(partitions, selection=None, page_size=10, show_column_summaries=False),
        ]
    )
    return


@app.cell
def _(results):
    mo.vstack(
        [
            mo.vstack(
                [
                    mo.md(f"## {heading}"),
                    mo.ui.table(
                        results[part].assign(
                            holds=results[part]["holds"].map({True: "✓", False: "✗"})
                        ),
                        selection=None,
                        pagination=False,
                        show_column_summaries=False,
                        show_download=False,
                        show_search=False,
                    ),
                ]
            )
            for part, heading in (
                ("flow", "From the load audit to the marts"),
                ("connections", "Connections"),
                ("correctness", "Correctness"),
            )
        ]
    )
    return


@app.cell
def _():
    try:
        with mo.status.spinner(title="Reading the marts …"), warehouse.session() as _connection:
            [days] = warehouse.fetch(_connection, "days").to_dict("records")
            mo.stop(not days["plays"], mo.callout("No plays are published yet: run the DAG."))
            frames = warehouse.fetch_each(
                _connection,
                *("activity", "songs", "artists", "hours", "conversions", "retention"),
                first_day=days["first_day"],
                last_day=days["last_day"],
            ) | warehouse.fetch_each(_connection, "places", "devices", "session_lengths")
    except warehouse.WarehouseError as error:
        mo.stop(True, mo.callout(mo.md(f"**No data.** {error}"), kind="danger"))
    return (frames,)


@app.cell
def _(frames):
    _busiest = frames["activity"].sort_values("plays").iloc[-1]
    mo.vstack(
        [
            mo.md(
                f"## How busy is each day?\nThe busiest was {_busiest['activity_date']:%d %B %Y} "
                f"with {_busiest['plays']:,} plays by {_busiest['listeners']:,} listeners."
            ),
            charts.activity(frames["activity"]),
        ]
    )
    return


@app.cell
def _(frames):
    _song, _artist = frames["songs"].iloc[0], frames["artists"].iloc[0]
    mo.vstack(
        [
            mo.md(
                f"## What is played most?\n“{_song['song_title']}” by {_song['artist_name']} was "
                f"played {_song['plays']:,} times; of {_artist['artist_name']}, "
                f"{_artist['songs']:,} titles were played {_artist['plays']:,} times."
            ),
            mo.hstack(
                [
                    charts.songs(frames["songs"]),
                    charts.ranked(frames["artists"], "artist_name", "songs:Q", "listeners:Q"),
                ],
                widths="equal",
            ),
        ]
    )
    return


@app.cell
def _(frames):
    _peak = frames["hours"].sort_values("mean_plays").iloc[-1]
    mo.vstack(
        [
            mo.md(
                f"## When do people listen?\nMost on {charts.WEEKDAYS[int(_peak['weekday'])]} from "
                f"{int(_peak['hour'])}:00 UTC, with {_peak['mean_plays']:.0f} plays in the mean."
            ),
            charts.hours(frames["hours"]),
        ]
    )
    return


@app.cell
def _(frames):
    _place = frames["places"].iloc[0]
    mo.vstack(
        [
            mo.md(
                f"## Where, and on what?\nMost plays come from {_place['place']}: "
                f"{_place['plays']:,}, {_place['paid_play_share']:.0%} of them paid."
            ),
            mo.hstack(
                [charts.places(frames["places"]), charts.devices(frames["devices"])], widths="equal"
            ),
        ]
    )
    return


@app.cell
def _(frames):
    _lengths = frames["session_lengths"]
    _long = (
        _lengths.loc[_lengths["minutes_from"] >= 60, "sessions"].sum() / _lengths["sessions"].sum()
    )
    mo.vstack(
        [
            mo.md(f"## How long are sessions?\n{_long:.0%} last an hour or more."),
            charts.session_lengths(_lengths),
        ]
    )
    return


@app.cell
def _(frames):
    _changes = frames["conversions"]
    _up = _changes[_changes["direction"] == "free_to_paid"]
    _days = (_up["mean_days_on_previous_level"] * _up["conversions"]).sum() / max(
        _up["conversions"].sum(), 1
    )
    mo.vstack(
        [
            mo.md(
                f"## Who converts, and how soon?\n{_up['conversions'].sum()} changes from free to "
                f"paid, after {_days:.1f} days on the free level in the mean."
            ),
            mo.callout("Nobody changed level yet.")
            if _changes.empty
            else charts.conversions(_changes),
        ]
    )
    return


@app.cell
def _(frames):
    _whole = frames["retention"].query("is_complete and week_number == 1")
    _share = _whole["listeners"].sum() / max(_whole["cohort_size"].sum(), 1)
    mo.vstack(
        [
            mo.md(
                f"## How many listeners come back?\n{_share:.0%} of those whose next week is over "
                "listened again in it."
            ),
            mo.callout("No week is complete yet.")
            if _whole.empty
            else charts.retention(frames["retention"]),
        ]
    )
    return


if __name__ == "__main__":
    app.run()
