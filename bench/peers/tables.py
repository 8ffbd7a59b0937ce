"""Do pyarrow, DuckDB, polars and pandas read our tables as we mean them?

Each run is exported as CSV and as Parquet, and each library reads both. The judge of single values is the
text of the CSV file itself, read by Python's csv module into integers of the last decimal place. Judges of
the rest are what `run --json` and `usage --json` say, the API of the served run, Python's own time zones,
and the recording that the run was made from.
"""

import collections
import csv
import datetime
import json
import math
import pathlib
import random
import string
import sys
import tempfile
import zoneinfo

import numpy as np

from program import ROOT, Question, served, smatrix, smatrix_json
from readers import READERS, expected_type, metadata

FORMS = ["csv", "parquet"]
TABLES = ["readings", "grid", "bookings"]
TEXTS = {"member", "kind", "community", "booked"}
MJ_PER_WH = 3_600_000

# Columns of grid.csv by their names in `run --json`, and in `usage --json` of the whole grid.
REPORTED = {"consumed_w": "consumed", "produced_w": "produced", "imported_w": "imported", "exported_w": "exported", "charged_w": "charged",
            "discharged_w": "discharged", "lost_w": "lost", "curtailed_w": "curtailed", "unserved_w": "unserved"}
USED = {"consumed_w": "consumed", "produced_w": "produced", "imported_w": "drawn", "exported_w": "fed_in", "charged_w": "charged",
        "discharged_w": "discharged", "curtailed_w": "curtailed", "unserved_w": "unserved"}
# The same columns by their names in /flows.
FLOWS = {"consumed_w": "load_w", "produced_w": "generation_w", "imported_w": "import_w", "exported_w": "export_w", "charged_w": "charge_w",
         "discharged_w": "discharge_w", "lost_w": "network_loss_w", "curtailed_w": "curtailed_w", "unserved_w": "unserved_w"}


class Text:
    """A CSV file as its text says: strings, and numbers as integers of the last decimal place."""

    def __init__(self, path):
        with open(path, newline="", encoding="utf-8") as f:
            self.names, *rows = csv.reader(f)
        self.rows, self.parsed = len(rows), {}
        self.columns = {name: [row[i] for row in rows] for i, name in enumerate(self.names)}

    def role(self, name):
        if name in TEXTS or name == "reason" and "booked" in self.columns:
            return "text"
        return {"step": "count", "time": "time", "reason": "code"}.get(name, "figure")

    def places(self, name):
        return max((len(v.partition(".")[2]) for v in self.columns[name]), default=0)

    def integers(self, name):
        """Numbers as integers of the last decimal place, None where the text is empty."""
        if name not in self.parsed:
            places = self.places(name)
            for v in self.columns[name]:
                if v and len(v.partition(".")[2]) != places:
                    raise ValueError(f"{name}: {v} has another number of decimals than {places}")
            self.parsed[name] = [int(v.replace(".", "")) if v else None for v in self.columns[name]]
        return self.parsed[name]

    def total(self, name):
        return sum(v for v in self.integers(name) if v is not None)


def same(numbers, integers, places):
    """Whether numbers are these integers of the last decimal place, and NaN where they are None."""
    want = np.array([np.nan if v is None else v for v in integers], dtype=float)
    return np.array_equal(np.rint(np.asarray(numbers, dtype=float) * 10.0**places), want, equal_nan=True)


class Run:
    """A run that was kept, its tables, and what the program says about it."""

    def __init__(self, folder, report, start, zone):
        self.folder, self.report, self.paths = folder, report, {}
        for form in FORMS:
            smatrix("export", folder, "--format", form, "--out", folder.with_name(form))
            self.paths |= {(table, form): folder.with_name(form) / f"{table}.{form}" for table in TABLES}
        self.text = {table: Text(self.paths[table, "csv"]) for table in TABLES}
        self.zone = zoneinfo.ZoneInfo(zone)
        first = int(datetime.datetime.fromisoformat(start).replace(tzinfo=self.zone).timestamp())
        self.instants = [first + i * report["step_s"] for i in range(report["steps"])]

    def watt_hours(self, mw):
        return mw * self.report["step_s"] / MJ_PER_WH


def check_values(q, run):
    """Names in order, types, nulls, sums and each value, of each table in each form by each library."""
    for (table, form), path in run.paths.items():
        text = run.text[table]
        for reader in READERS:
            read, where = reader(path), f"{table}.{form} by {reader.name}"
            q.equal(f"{where}: columns", read.names, text.names)
            q.equal(f"{where}: rows", read.rows, text.rows)
            if read.names != text.names or text.rows == 0:
                continue
            for name in text.names:
                role, nulls, at = text.role(name), text.columns[name].count(""), f"{where}: {name}"
                q.equal(f"{at}: type", read.type(name), expected_type(reader, form, role, text.rows, nulls))
                q.equal(f"{at}: nulls", read.nulls(name), nulls)
                if role == "text":
                    q.equal(f"{at}: values", read.texts(name) == text.columns[name], True)
                elif role != "time" and nulls < text.rows:
                    total = text.total(name)
                    assert sum(abs(v) for v in text.integers(name) if v is not None) < 2**53, f"{name} is too large for exact sums of doubles"
                    q.equal(f"{at}: sum", read.total(name, 10 ** text.places(name)), total)
                    q.equal(f"{at}: values", same(read.numbers(name), text.integers(name), text.places(name)), True)


def check_times(q, run):
    """Instants are those of Python's zone, in order and none twice; local days have as many steps as Python's."""
    zone, step_s = run.zone.key, run.report["step_s"]
    local = [datetime.datetime.fromtimestamp(s, run.zone).isoformat() for s in run.instants]
    q.equal("grid.csv: text of times", run.text["grid"].columns["time"], local)
    days = collections.Counter(text[:10] for text in local)
    for (table, form), path in run.paths.items():
        if table == "bookings":
            continue
        steps = [int(v) for v in run.text[table].columns["step"]]
        for reader in READERS:
            read, where = reader(path), f"{table}.{form} by {reader.name}"
            q.equal(f"{where}: instants", read.seconds("time") == [run.instants[s] for s in steps], True)
            if table == "grid":
                q.equal(f"{where}: steps of each day", {day: row[0] for day, row in read.by_day(zone, ["consumed_w"]).items()}, dict(days))
        if form == "parquet":
            for name, pairs in metadata(path).items():
                q.equal(f"{table}.{form}: metadata by {name}", [pairs.get("time_zone"), pairs.get("step_s")], [zone, str(step_s)])


def check_sums(q, run):
    """Power × step is the energy of `run --json`, of each day of `usage --json`, and of each kind."""
    report, watt_hours = run.report, run.watt_hours
    grid, readings = run.text["grid"], run.text["readings"]
    for name, key in REPORTED.items():
        q.equal(f"grid.csv: {name} × step", watt_hours(grid.total(name)), report["energy_wh"][key])
    balance = [1, 1, 1, -1, -1, -1, -1]
    sides = zip(*(grid.integers(name) for name in ["produced_w", "discharged_w", "imported_w", "consumed_w", "charged_w", "exported_w", "lost_w"]))
    q.equal("grid.csv: steps out of balance", [i for i, row in enumerate(sides) if sum(s * v for s, v in zip(balance, row))], [])
    drawn = [0] * len(run.instants)
    for step, power in zip(readings.integers("step"), readings.integers("power_w")):
        drawn[step] += power
    q.equal("readings.csv: sum of power_w in each step", drawn, [-v for v in grid.integers("lost_w")])

    spans = smatrix_json("usage", run.folder)["spans"]
    want = {span["from"][:10]: [span["energy_wh"][key] for key in USED.values()] for span in spans}
    for form in FORMS:
        for reader in READERS:
            days = reader(run.paths["grid", form]).by_day(run.zone.key, list(USED))
            got = {day: [watt_hours(round(1000 * w)) for w in sums] for day, (_, *sums) in days.items()}
            q.equal(f"grid.{form} by {reader.name}: energy of each day", got, want)

            read, where = reader(run.paths["readings", form]), f"readings.{form} by {reader.name}"
            sides = {kind: [watt_hours(round(1000 * w)) for w in pair] for kind, pair in read.by_kind("power_w").items()}
            stores = [sides[kind] for kind in ("battery", "vehicle") if kind in sides]
            energy = report["energy_wh"]
            q.equal(f"{where}: charged", math.isclose(sum(s[0] for s in stores), energy["charged"], rel_tol=1e-12), True)
            q.equal(f"{where}: discharged", math.isclose(sum(s[1] for s in stores), energy["discharged"], rel_tol=1e-12), True)
            q.equal(f"{where}: imported and exported", sides["tie"][::-1], [energy["imported"], energy["exported"]])
            generated = {kind: watt_hours(round(1000 * pair[0])) for kind, pair in read.by_kind("generation_w").items() if kind == "household"}
            generated |= {kind: sides[kind][1] for kind in ("producer", "solar_park", "wind_farm") if kind in sides and sides[kind][1]}
            q.equal(f"{where}: produced of each kind", {k: v for k, v in generated.items() if v}, report["produced_wh_by_kind"])

    rewards = collections.Counter()
    bookings = run.text["bookings"]
    for booked, reward in zip(bookings.columns["booked"], bookings.integers("reward_eur")):
        rewards[booked] += reward
    q.equal("bookings.csv: rewards", {key: rewards[key] / 1e6 for key in report["rewards_eur"]}, report["rewards_eur"])


def check_api(q, run, folder):
    """Downloads are the exported files, or their rows that were asked for; /flows has the same powers."""
    with served(run.folder) as get:
        for table in ("readings", "grid"):
            for form in FORMS:
                q.equal(f"/download/{table}.{form}", get(f"/download/{table}.{form}") == run.paths[table, form].read_bytes(), True)
        text = run.text["readings"]
        community = text.columns["community"][0]
        first, last = len(run.instants) // 3, len(run.instants) // 2
        rows = [i for i, s in enumerate(text.integers("step")) if first <= s < last and text.columns["community"][i] == community]
        for form in FORMS:
            path = folder / f"part.{form}"
            path.write_bytes(get(f"/download/readings.{form}?community={community}&from={first}&to={last}"))
            for reader in READERS:
                read = reader(path)
                q.equal(f"part of readings.{form} by {reader.name}", same(read.numbers("power_w"), [text.integers("power_w")[i] for i in rows], 3), True)
        columns = "&".join(f"column={name}" for name in FLOWS.values())
        series = json.loads(get(f"/flows?scope=grid&points=10000&{columns}"))["series"]
        for name, of in zip(FLOWS, series):
            q.equal(f"/flows: {of['name']}", same(of["v"], run.text["grid"].integers(name), 3), True)
        return {kind["name"]: {c["name"] for c in kind["columns"]} for kind in json.loads(get("/catalogue"))["kinds"]}


def check_nulls(q, run, columns_of, unknown):
    """Empty is what a kind lacks, and the grid's columns that are not known; all else is there."""
    readings, grid = run.text["readings"], run.text["grid"]
    kinds = readings.columns["kind"]
    for name in readings.names[5:]:
        q.equal(f"readings.csv: rows without {name}", readings.columns[name].count(""), sum(name not in columns_of[kind] for kind in kinds))
    q.equal("grid.csv: unknown columns", {name for name in grid.names if "" in grid.columns[name]}, unknown)
    for name in unknown:
        q.equal(f"grid.csv: known values of {name}", grid.rows - grid.columns[name].count(""), 0)


def check_clocks(q, run, loads, put_in):
    """What was recorded is in the readings, hour by hour, and a battery has rows from the step on in which it was put in."""
    readings = run.text["readings"]
    rows = zip(readings.integers("step"), readings.columns["member"], readings.integers("power_w"), readings.integers("unserved_w"))
    got, battery = {}, []
    for step, member, power, unserved in rows:
        if member == "grid/road/home-2":
            got[run.instants[step]] = power + unserved
        elif member.endswith("/battery"):
            battery.append(step)
    q.equal("readings.csv: recorded load", got, {at: loads[at // 3600] for at in run.instants})
    at = datetime.datetime.fromisoformat(put_in).replace(tzinfo=run.zone).timestamp()
    q.equal("readings.csv: steps of the battery", battery, [i for i, instant in enumerate(run.instants) if instant >= at])


def write_clocks(folder, first, put_in):
    """Writes a scenario of three days, and returns it with the load of home-2 in mW by Unix hour."""
    random.seed(12)
    scenario = string.Template((pathlib.Path(__file__).parent / "clocks.yaml").read_text(encoding="utf-8"))
    (folder / "clocks.yaml").write_text(scenario.substitute(start=first, put_in=put_in), encoding="utf-8")
    start = datetime.datetime.fromisoformat(first).replace(tzinfo=datetime.timezone.utc) - datetime.timedelta(days=1)
    recorded, prices, loads = [["utc", "home-1", "home-2", "roof-1"]], [["utc", "price"]], {}
    for hour in range(5 * 24):
        at = start + datetime.timedelta(hours=hour)
        home_1, home_2 = random.randrange(100, 4000), random.randrange(100, 4000)
        roof = max(0, 5000 - 900 * abs(at.hour - 11))
        recorded.append([at.strftime("%Y-%m-%d %H:%M"), *(f"{w / 1000:.3f}" for w in (home_1, home_2, roof))])
        prices.append([at.strftime("%Y-%m-%d %H:%M"), f"{random.randrange(-5000, 20000) / 100:.2f}"])
        loads[int(at.timestamp()) // 3600] = 1000 * home_2
    for name, rows in ("recorded.csv", recorded), ("prices.csv", prices):
        with open(folder / name, "w", newline="", encoding="utf-8") as f:
            csv.writer(f).writerows(rows)
    return folder / "clocks.yaml", loads


def ask(name, start, zone, make, unknown, more=None):
    """Makes a run in a folder of its own, and puts all questions to its tables.

    make makes the run and returns its report. unknown are the columns of the grid that have no value; None
    leaves out the sums and nulls that a run by an earlier program has otherwise.
    """
    q = Question(name)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        run = Run(folder / "run", make(folder), start, zone)
        try:
            check_values(q, run)
            check_times(q, run)
            columns_of = check_api(q, run, folder)
            if unknown is not None:
                check_sums(q, run)
                check_nulls(q, run, columns_of, unknown)
            if more:
                more(q, run)
        except Exception as e:  # a library refuses what we wrote: the other runs are still asked
            q.fails(e)
        rows = ", ".join(f"{run.text[table].rows} of {table}" for table in TABLES)
        nulls = sum(column.count("") for text in run.text.values() for column in text.columns.values())
        q.answer(f"{len(run.instants)} steps, rows {rows}, {nulls} nulls")


def shipped(scenario, *args):
    return lambda folder: smatrix_json("run", scenario, *args, "--out", folder / "run", "--quiet")


def clocks(name, first, put_in, steps):
    loads = {}

    def make(folder):
        scenario, recorded = write_clocks(folder, first, put_in)
        loads.update(recorded)
        return smatrix_json("run", scenario, "--out", folder / "run", "--quiet")

    def more(q, run):
        q.equal("steps", len(run.instants), steps)
        check_clocks(q, run, loads, put_in)

    ask(name, first, "Europe/Berlin", make, {"co2_g_per_kwh"}, more)


def earlier(folder):
    """A run by the program of model 1, whose records lack columns that were added since."""
    smatrix("restore", ROOT / "persistence/testdata/runs/model1/hamlet.tar.zst", folder / "run")
    return smatrix_json("replay", folder / "run")


def lacks(q, run):
    q.equal("readings.csv: known values of waiting_w", set(run.text["readings"].columns["waiting_w"]), {""})


def main():
    print("tables read by " + ", ".join(f"{reader.name} {reader.version}" for reader in READERS))
    ask("hamlet", "2017-06-08", "America/Los_Angeles", shipped("hamlet"), {"price_eur_per_kwh", "co2_g_per_kwh"})
    ask("town", "2018-01-08", "Europe/Berlin", shipped("town", "--days", 1), set())
    clocks("spring", "2024-03-30", "2024-03-30T12:00", 142)
    clocks("autumn", "2024-10-26", "2024-10-26T12:00", 146)
    ask("earlier", "2017-06-08", "America/Los_Angeles", earlier, None, lacks)
    sys.exit(Question.failed)


if __name__ == "__main__":
    main()
