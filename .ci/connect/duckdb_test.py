"""Runs deploy/connect/duckdb.sql: duckdb_test.py FILE DATABASE FOLDER. Prints events and micros."""
import glob
import os
import sys

import duckdb
import duckdb_extension_sqlite_scanner

file, database, folder = sys.argv[1:4]
extension = glob.glob(os.path.dirname(duckdb_extension_sqlite_scanner.__file__) + "/extensions/*/*.duckdb_extension")[0]
connection = duckdb.connect()
connection.execute(f"INSTALL '{extension}'")
text = open(file).read().replace("analytics.db", database).replace("events.parquet", folder + "/events.parquet")
for statement in text.split(";"):
    if statement.strip():
        rows = connection.execute(statement).fetchall()
print("%d|%d" % rows[0])
