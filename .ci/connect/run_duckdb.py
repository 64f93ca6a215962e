"""Runs the statements of the file that is named, with DuckDB's SQLite extension of PyPI, and prints the last one's rows as CSV."""

import csv
import pathlib
import sys

import duckdb
import duckdb_extension_sqlite_scanner

[folder] = duckdb_extension_sqlite_scanner.__path__
extension = next(pathlib.Path(folder).rglob("*.duckdb_extension"))
connection = duckdb.connect()
connection.execute(f"LOAD '{extension}'")
result = connection.execute(pathlib.Path(sys.argv[1]).read_text())
out = csv.writer(sys.stdout, lineterminator="\n")
out.writerow(column[0] for column in result.description)
out.writerows(result.fetchall())
