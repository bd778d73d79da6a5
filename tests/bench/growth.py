"""Rows, table and powers of J6. growth.py row REPORT HOUSEHOLDS CPU MESH BASE CITY DISK STATUS | table | json (rows on stdin)."""

import json
import math
import sys

COLUMNS = ["households", "rows", "wall_s", "cpu_s", "mesh_mib", "database_mib", "disk_mib"]


def row(report, households, cpu, mesh, base, city, disk, status):
    with open(report, encoding="utf-8") as file:
        told = json.load(file)
    judged = [*told["indicators"].values(), *told["unplanned"].values()]
    raised, right, true, missed = (sum(one[of] for one in judged) for of in ("warnings", "right", "true_cases", "missed"))
    return {
        "households": int(households),
        "rows": sum(one["sent"] for one in told["records"].values()),
        "wall_s": round(sum(told["phases_s"].values()), 1),
        "phases_s": told["phases_s"],
        "cpu_s": int(cpu),
        "mesh_mib": int(mesh),
        "database_mib": int(base),
        "player_mib": int(city),
        "disk_mib": int(disk),
        "warnings": raised,
        "true_cases": true,
        "recall": (true - missed) / true if true else None,
        "precision": right / raised if raised else None,
        "everything_agrees": int(status) == 0,
        "problems": told["problems"],
    }


def powers(rows):
    """With what power of the households each figure grows, from one size to the next."""
    found = []
    for small, large in zip(rows, rows[1:]):
        step = math.log(large["households"] / small["households"])
        grown = {name: round(math.log(large[name] / small[name]) / step, 2) for name in COLUMNS[1:] if small[name] > 0 and large[name] > 0}
        found.append({"from": small["households"], "to": large["households"], **grown})
    return found


def table(rows):
    print("".join(f"{name:>14}" for name in COLUMNS) + "     recall  precision")
    for one in rows:
        figures = "".join(f"{one[name]:>14}" for name in COLUMNS)
        shares = "".join("          –" if one[name] is None else f"{one[name]:11.4f}" for name in ("recall", "precision"))
        print(figures + shares)
    for one in rows:
        phases = ", ".join(f"{name} {seconds:.0f}" for name, seconds in one["phases_s"].items())
        print(f"{one['households']} households, seconds: {phases}")
        for problem in one["problems"]:
            print(f"  - {problem}")
    for one in powers(rows):
        print(f"power {one['from']} → {one['to']}: " + ", ".join(f"{name} {one[name]}" for name in COLUMNS[1:] if name in one))
    print("goal: time and memory <= 1.05")


if sys.argv[1] == "row":
    print(json.dumps(row(*sys.argv[2:])))
else:
    rows = [json.loads(line) for line in sys.stdin if line.strip()]
    if sys.argv[1] == "table":
        table(rows)
    else:
        print(json.dumps({"sizes": rows, "powers": powers(rows)}, indent=2))
