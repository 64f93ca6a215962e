"""Runs the recipes of docs/clients.md as they stand there, against the server at
the address given, whose database is the file given."""

import json
import os
import pathlib
import re
import subprocess
import sys
import urllib.request

address, database, root = sys.argv[1], os.path.abspath(sys.argv[2]), pathlib.Path(__file__).resolve().parents[2]
recipes = {}
for section in (root / "docs/clients.md").read_text().split("\n## ")[1:]:
    name = section.split("\n", 1)[0]
    recipes[name] = re.findall(r"```(python|bash)\n(.*?)```", section, re.DOTALL)


def adapted(text):
    return text.replace("http://127.0.0.1:8080", address).replace("data/analytics.db", database).replace(
        "/analytics/", f"/{pathlib.Path(database).stem}/")


failed = 0
for name, blocks in recipes.items():
    variables = {}
    for language, text in blocks:
        try:
            if language == "python":
                exec(adapted(text), variables)
            else:
                subprocess.run(["bash", "-euo", "pipefail", "-c", adapted(text)], check=True)
        except Exception as fault:
            if "httpfs" in str(fault).lower():
                print(f"NOT TESTED: {name}: the extension httpfs cannot be downloaded here")
                continue
            failed += 1
            print(f"{name}: {fault}")
    print(f"{name}: {len(blocks)} recipes")

dashboard = json.loads((root / "deploy/grafana/dashboards/sales.json").read_text())
for panel in dashboard["panels"]:
    for target in panel["targets"]:
        url = target["url"].replace("${__data.url}", address).replace("${currency}", "")
        with urllib.request.urlopen(address + url if url.startswith("/") else url) as answer:
            rows = json.load(answer)["rows"]
        missing = [c["selector"] for c in target["columns"] if rows and c["selector"] not in rows[0]]
        if missing:
            failed += 1
            print(f"Grafana: {panel['title']}: no columns {missing}")
sys.exit(1 if failed else 0)
