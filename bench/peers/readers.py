"""A table as pyarrow, DuckDB, polars and pandas read it, with the calls that their manuals show first.

Each reader has the types that the library gives to the roles of our columns, and each table answers in
the library's own terms: names, types, nulls, sums, instants. texts() and numbers() hand the data out, a null
number as NaN: nulls() tells the two apart.

The roles: "count" is an integer without nulls, "time" an instant, "text" a string, "code" an integer or
null, "figure" a number or null.
"""

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet


class Arrow:
    name, version = "pyarrow", pa.__version__
    types = {"count": "int64", "text": "string", "code": "int64", "figure": "double"}
    time = {"csv": "timestamp[s, tz=UTC]", "parquet": "timestamp[ms, tz=UTC]"}
    untyped = "null"  # type of a column of a CSV file without any value

    def __init__(self, path):
        read = pa.csv.read_csv if path.suffix == ".csv" else pa.parquet.read_table
        self.table = read(path)
        self.names, self.rows = self.table.column_names, self.table.num_rows

    def type(self, name):
        return str(self.table.schema.field(name).type)

    def nulls(self, name):
        return self.table[name].null_count

    def total(self, name, scale):
        return pc.sum(pc.round(pc.multiply(self.table[name].cast("double"), float(scale)))).as_py() or 0

    def by_kind(self, name):
        figures = self.table[name].cast("double")
        sides = self.table.append_column("drawn", pc.max_element_wise(figures, 0.0)).append_column("given", pc.max_element_wise(pc.negate(figures), 0.0))
        sums = sides.group_by("kind").aggregate([("drawn", "sum"), ("given", "sum")])
        return {row["kind"]: (row["drawn_sum"], row["given_sum"]) for row in sums.to_pylist()}

    def by_day(self, zone, names):
        days = pc.strftime(self.table["time"].cast(pa.timestamp("ms", zone)), format="%Y-%m-%d")
        sums = self.table.append_column("day", days).group_by("day").aggregate([("step", "count"), *((name, "sum") for name in names)])
        return {row["day"]: (row["step_count"], *(row[name + "_sum"] for name in names)) for row in sums.to_pylist()}

    def seconds(self, name):
        return pc.divide(self.table[name].cast(pa.timestamp("ms", "UTC")).cast("int64"), 1000).to_pylist()

    def texts(self, name):
        return self.table[name].to_pylist()

    def numbers(self, name):
        return self.table[name].cast("double").to_numpy()


class Duck:
    name, version = "DuckDB", duckdb.__version__
    types = {"count": "BIGINT", "text": "VARCHAR", "code": "BIGINT", "figure": "DOUBLE"}
    time = {"csv": "TIMESTAMP WITH TIME ZONE", "parquet": "TIMESTAMP WITH TIME ZONE"}
    untyped = "VARCHAR"

    def __init__(self, path):
        self.db = duckdb.connect()
        # The whole file is the sample from which types are guessed; the default is 20,480 rows.
        source = f"read_csv('{path}', sample_size=-1)" if path.suffix == ".csv" else f"read_parquet('{path}')"
        self.db.execute(f"create table t as from {source}")
        described = self.db.execute("describe t").fetchall()
        self.names, self.of = [row[0] for row in described], {row[0]: row[1] for row in described}
        self.rows = self.one("count(*)")

    def one(self, expression):
        return self.db.execute(f"select {expression} from t").fetchone()[0]

    def type(self, name):
        return self.of[name]

    def nulls(self, name):
        return self.one(f'count(*) - count("{name}")')

    def total(self, name, scale):
        return self.one(f'sum(round("{name}"::double * {scale}))') or 0

    def by_kind(self, name):
        rows = self.db.execute(f'select kind, sum(greatest("{name}", 0)), sum(greatest(-"{name}", 0)) from t group by kind').fetchall()
        return {kind: (drawn, given) for kind, drawn, given in rows}

    def by_day(self, zone, names):
        day, sums = f"strftime(time at time zone '{zone}', '%Y-%m-%d')", ", ".join(f'sum("{name}")' for name in names)
        return {row[0]: row[1:] for row in self.db.execute(f"select {day} as day, count(*), {sums} from t group by day").fetchall()}

    def seconds(self, name):
        return [row[0] for row in self.db.execute(f'select epoch("{name}")::bigint from t').fetchall()]

    def texts(self, name):
        return [row[0] for row in self.db.execute(f'select "{name}" from t').fetchall()]

    def numbers(self, name):
        return np.ma.filled(self.db.execute(f'select "{name}"::double as n from t').fetchnumpy()["n"], np.nan)


class Polars:
    name, version = "polars", pl.__version__
    types = {"count": "Int64", "text": "String", "code": "Int64", "figure": "Float64"}
    time = {"csv": "Datetime(time_unit='us', time_zone='UTC')", "parquet": "Datetime(time_unit='ms', time_zone='UTC')"}
    untyped = "String"

    def __init__(self, path):
        # As for DuckDB, the whole file is the sample.
        self.frame = pl.read_csv(path, try_parse_dates=True, infer_schema_length=None) if path.suffix == ".csv" else pl.read_parquet(path)
        self.names, self.rows = self.frame.columns, self.frame.height

    def type(self, name):
        return str(self.frame.schema[name])

    def nulls(self, name):
        return self.frame[name].null_count()

    def total(self, name, scale):
        return (self.frame[name].cast(pl.Float64) * scale).round().sum()

    def by_kind(self, name):
        figures = pl.col(name)
        sums = self.frame.group_by("kind").agg(figures.clip(lower_bound=0).sum().alias("drawn"), (-figures).clip(lower_bound=0).sum().alias("given"))
        return {kind: (drawn, given) for kind, drawn, given in sums.select("kind", "drawn", "given").rows()}

    def by_day(self, zone, names):
        day = pl.col("time").dt.convert_time_zone(zone).dt.strftime("%Y-%m-%d").alias("day")
        return {row[0]: row[1:] for row in self.frame.group_by(day).agg(pl.len(), *(pl.col(name).sum() for name in names)).rows()}

    def seconds(self, name):
        return self.frame[name].dt.epoch("s").to_list()

    def texts(self, name):
        return self.frame[name].to_list()

    def numbers(self, name):
        return self.frame[name].cast(pl.Float64).to_numpy()


class Pandas:
    name, version = "pandas", pd.__version__
    types = {"count": "int64", "text": "str", "code": "int64", "figure": "float64"}
    time = {"csv": "datetime64[us, UTC]", "parquet": "datetime64[ms, UTC]"}
    untyped = "float64"

    def __init__(self, path):
        if path.suffix == ".csv":
            self.frame = pd.read_csv(path, float_precision="round_trip")
            if "time" in self.frame:  # pandas leaves times with more than one offset as text unless asked for UTC
                self.frame["time"] = pd.to_datetime(self.frame["time"], utc=True)
        else:
            self.frame = pd.read_parquet(path)
        self.names, self.rows = list(self.frame.columns), len(self.frame)

    def type(self, name):
        return str(self.frame[name].dtype)

    def nulls(self, name):
        return int(self.frame[name].isna().sum())

    def total(self, name, scale):
        return (self.frame[name].astype("float64") * scale).round().sum()

    def by_kind(self, name):
        sides = pd.DataFrame({"kind": self.frame["kind"], "drawn": self.frame[name].clip(lower=0), "given": (-self.frame[name]).clip(lower=0)})
        return {kind: (row.drawn, row.given) for kind, row in sides.groupby("kind").sum().iterrows()}

    def by_day(self, zone, names):
        days = self.frame.groupby(self.frame["time"].dt.tz_convert(zone).dt.strftime("%Y-%m-%d"))
        sums = days[names].sum()
        return {day: (count, *sums.loc[day]) for day, count in days.size().items()}

    def seconds(self, name):
        return (self.frame[name].dt.as_unit("s").astype("int64")).to_list()

    def texts(self, name):
        return self.frame[name].to_list()

    def numbers(self, name):
        return self.frame[name].astype("float64").to_numpy()


READERS = [Arrow, Duck, Polars, Pandas]


def expected_type(reader, form, role, rows, nulls):
    """The type that a reader gives to a column of ours."""
    if role == "time":
        return reader.time[form]
    if form == "csv" and nulls == rows:
        return reader.untyped
    if reader is Pandas and role == "code" and nulls > 0:
        return "float64"  # pandas has no null among its integers
    return reader.types[role]


def metadata(path):
    """The metadata of a Parquet file as the libraries that show them read them."""
    db = duckdb.connect()
    pairs = db.execute(f"select decode(key), decode(value) from parquet_kv_metadata('{path}')").fetchall()
    arrow = pa.parquet.read_metadata(path).metadata or {}
    return {
        "pyarrow": {k.decode(): v.decode() for k, v in arrow.items()},
        "DuckDB": dict(pairs),
        "polars": pl.read_parquet_metadata(path),
    }
