"""A month's snapshot against the last one and the register, from CSV to findings in a file. Prints seconds and counts."""

import json
import sys
import time

import duckdb

folder = sys.argv[1]
WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
total = " + ".join(f"cast(substr(id_number, {i + 1}, 1) as integer) * {w}" for i, w in enumerate(WEIGHTS))
good = f"substr('10X98765432', ({total}) % 11 + 1, 1) = substr(id_number, 18, 1)"


def months(name):
    columns = "{'id_number': 'varchar', 'name': 'varchar', 'kind': 'varchar', 'base_fen': 'bigint', 'paid_month': 'varchar'}"
    return f"select * from read_csv('{folder}/{name}.csv', header = true, columns = {columns}) where {good}"


began = time.perf_counter()
base = duckdb.connect()
base.execute("set threads to 2")
people = "{'id_number': 'varchar', 'name': 'varchar', 'aided': 'boolean'}"
base.execute(f"create table register as select * from read_csv('{folder}/register.csv', header = true, columns = {people})")
base.execute(f"create table before as {months('last')}")
base.execute(f"create table now as {months('now')}")
base.execute(
    f"""copy (
        select coalesce(n.id_number, b.id_number) as id_number, coalesce(n.paid_month, b.paid_month) as paid_month,
               case when b.id_number is null then 'new' when n.id_number is null then 'gone' else 'changed' end as change
        from now n full join before b on b.id_number = n.id_number and b.paid_month = n.paid_month
        where b.id_number is null or n.id_number is null or (n.kind, n.base_fen) is distinct from (b.kind, b.base_fen)
    ) to '{folder}/changes.csv'"""
)
base.execute(
    f"""copy (
        select r.id_number from register r join now n on n.id_number = r.id_number and n.name = r.name
        where r.aided and n.kind = 'employee' and n.base_fen >= 208000
        group by r.id_number having count(distinct n.paid_month) >= 2
    ) to '{folder}/findings.csv'"""
)
seconds = time.perf_counter() - began
count = "select count(*) from read_csv('{0}/{1}.csv', header = true)"
found = base.execute(count.format(folder, "findings")).fetchone()[0]
changed = base.execute(count.format(folder, "changes")).fetchone()[0]
print(json.dumps({"seconds": seconds, "findings": found, "changes": changed}))
