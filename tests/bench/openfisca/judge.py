"""OpenFisca's side of J3: the same rules as a country package, loaded from and stored to the same database.

Reads the rules once from the file named first, then one command a line from standard input, answers one line of JSON each:
{"input": "records" | "facts", "explained": bool, "store": bool, "sample": bool}.
Facts come by binary COPY straight into numpy arrays and results go back by COPY: the least a Python program can do.
"""

import asyncio
import json
import sys
import time

import asyncpg
import numpy as np
from openfisca_core.entities import build_entity
from openfisca_core.parameters import ParameterNode
from openfisca_core.periods import DateUnit
from openfisca_core.simulations import SimulationBuilder
from openfisca_core.taxbenefitsystems import TaxBenefitSystem
from openfisca_core.variables import Variable

WIDTHS = {"uuid": "V16", "boolean": "?", "bigint": ">i8"}
MATHS = {
    "where": np.where,
    # Products with a ratio are exact in the database; what is left of floating point must not lift them over a whole.
    "ceil": lambda x: np.ceil(np.round(x, 6)),
    "floor": lambda x: np.floor(np.round(x, 6)),
    "round": lambda x: np.floor(np.round(np.abs(x), 6) + 0.5) * np.sign(x),
    "abs": np.abs,
    "greatest": np.maximum,
    "least": np.minimum,
}


def compiled(text):
    return eval(compile(f"lambda v, p: {text}", "pack", "eval"), dict(MATHS))


class Country:
    """The pack's rules as variables of OpenFisca."""

    def __init__(self, spec):
        self.spec = spec
        self.day = spec["today"]
        household = build_entity(key="household", plural="households", label="", roles=[{"key": "member"}])
        person = build_entity(key="person", plural="persons", label="", is_person=True)
        self.system = TaxBenefitSystem([person, household])
        self.entities = {"person": self.system.person_entity, "household": self.system.group_entities[0]}
        self.levels = {}
        self.parameters()
        for fact in spec["leaves"]:
            self.variable(fact["name"], fact["level"], fact["kind"], None)
            if fact["known"] == "sometimes":
                self.variable(fact["name"] + "__known", fact["level"], "boolean", None)
        for fact in spec["made"]:
            self.made(fact)
        for rule in spec["rules"]:
            self.rule(rule)

    def parameters(self):
        """One value for every place is a parameter; one that differs is looked up by the household's place."""
        self.varying = {}
        data = {}
        for name, values in self.spec["parameters"].items():
            if len(set(values)) == 1:
                data[name] = {"values": {"2000-01-01": {"value": values[0]}}}
            else:
                self.varying[name] = np.array(values)
        self.system.parameters = ParameterNode("", data=data)
        self.variable("place", "household", "integer", None)
        for name, values in self.varying.items():
            kind = "ratio" if values.dtype.kind == "f" else "integer"
            look = lambda household, period, parameters, values=values: values[household("place", period)]
            self.variable("p_" + name, "household", kind, look)

    def variable(self, name, level, kind, formula):
        boolean = kind == "boolean"
        body = {"value_type": bool if boolean else int, "entity": self.entities[level], "definition_period": DateUnit.DAY}
        if formula is not None:
            body["formula"] = formula
        made = self.system.add_variable(type(name, (Variable,), body))
        # OpenFisca computes in 32 bits, which fen and products of fen leave.
        made.dtype = np.bool_ if boolean else np.float64 if kind == "ratio" else np.int64
        self.levels[name] = level

    def scope(self, population, period, parameters, level):
        """How an expression of this level reads facts and parameters; households' are spread over their members."""

        def fact(name):
            if level == "members":
                return population.members(name, period) if self.levels[name] == "person" else spread(name)
            if level == "person" and self.levels[name] == "household":
                return population.household(name, period)
            return population(name, period)

        def spread(name):
            return population.project(population(name, period))

        def parameter(name):
            return fact("p_" + name) if name in self.varying else parameters(period)[name]

        return fact, parameter

    def formula(self, text, level, kind):
        run = compiled(text)
        whole = kind not in ("boolean", "ratio")

        def formula(population, period, parameters):
            value = run(*self.scope(population, period, parameters, level))
            if np.ndim(value) == 0:
                value = np.full(population.count, value)
            return np.rint(value) if whole and value.dtype.kind == "f" else value

        return formula

    def made(self, fact):
        name, level, kind = fact["name"], fact["level"], fact["kind"]
        sometimes = fact["known"] not in ("True", "False")
        if fact["lifted"] is None:
            self.variable(name, level, kind, self.formula(fact["value"], level, kind))
            if sometimes:
                self.variable(name + "__known", level, "boolean", self.formula(fact["known"], level, "boolean"))
            return
        how, value, known = fact["lifted"], compiled(fact["value"]), compiled(fact["inner_known"])

        def members(household, period, parameters, run):
            value = run(*self.scope(household, period, parameters, "members"))
            return np.broadcast_to(value, household.members.count)

        def lifted(household, period, parameters):
            if how == "count":
                return household.nb_persons()
            values = members(household, period, parameters, value)
            if how in ("sum", "count_if"):
                return np.rint(household.sum(values))
            one = {"bool_or": household.any, "bool_and": household.all, "max": household.max, "min": household.min}
            return one[how](values)

        def all_known(household, period, parameters):
            doubt = household.any(~members(household, period, parameters, known))
            return ~doubt | household.any(members(household, period, parameters, value)) if how == "bool_or" else ~doubt

        self.variable(name, level, kind, lifted)
        if sometimes:
            self.variable(name + "__known", level, "boolean", all_known)

    def rule(self, rule):
        level = rule["level"]
        key = "rule_" + rule["key"]
        self.variable(key, level, "boolean", self.formula(rule["verdict"]["value"], level, "boolean"))
        self.variable(key + "__known", level, "boolean", self.formula(rule["verdict"]["known"], level, "boolean"))
        if rule["amount"]:
            self.variable(key + "__amount", level, "integer", self.formula(rule["amount"]["value"], level, "integer"))
            self.variable(key + "__paid", level, "boolean", self.formula(rule["amount"]["known"], level, "boolean"))
        for n, condition in enumerate(rule["conditions"]):
            self.variable(f"{key}__c{n}", level, "boolean", self.formula(condition["value"], level, "boolean"))
            self.variable(f"{key}__k{n}", level, "boolean", self.formula(condition["known"], level, "boolean"))


async def copied(connection, sql, columns):
    """Rows of a binary COPY as an array: no column is null, so every row is as long as the next."""
    parts = []

    async def keep(part):
        parts.append(part)

    await connection.copy_from_query(sql, output=keep, format="binary")
    fields = [("n", ">i2")]
    for name, kind in columns:
        fields += [(name + "__size", ">i4"), (name, WIDTHS[kind])]
    body = b"".join(parts)
    dtype = np.dtype(fields)
    rows = (len(body) - 19 - 2) // dtype.itemsize
    return np.frombuffer(body, dtype=dtype, count=rows, offset=19)


class Run:
    """One pass from the database to the database."""

    def __init__(self, country, connection):
        self.country, self.connection, self.spec = country, connection, country.spec

    async def load(self, source):
        columns = self.spec["columns"]
        tables = self.spec["tables"][source]
        self.households = await copied(self.connection, tables["household"], columns["household"])
        self.persons = await copied(self.connection, tables["person"], columns["person"])

    def build(self):
        low = lambda ids: ids.view([("high", ">u8"), ("low", ">u8")])["low"].astype(np.uint64)
        own = low(np.ascontiguousarray(self.households["household_id"]))
        theirs = low(np.ascontiguousarray(self.persons["household_id"]))
        order = np.argsort(own)
        place = order[np.searchsorted(own[order], theirs)]
        builder = SimulationBuilder()
        builder.create_entities(self.country.system)
        builder.declare_person_entity("person", np.arange(len(self.persons)))
        group = builder.declare_entity("household", np.arange(len(self.households)))
        builder.join_with_persons(group, place, np.zeros(len(self.persons), dtype=int))
        self.simulation = builder.build(self.country.system)
        for level, rows in (("household", self.households), ("person", self.persons)):
            for name, kind in self.spec["columns"][level]:
                if kind != "uuid":
                    native = rows[name].astype(np.bool_ if kind == "boolean" else np.int64)
                    self.simulation.set_input(name, self.country.day, native)
        self.place_of_person = place

    def value(self, name):
        return self.simulation.calculate(name, self.country.day)

    def evaluate(self):
        self.counts = {}
        for rule in self.spec["rules"]:
            key = "rule_" + rule["key"]
            verdict, known = self.value(key), self.value(key + "__known")
            paid = 0
            if rule["amount"]:
                paid = int(self.value(key + "__amount")[verdict & self.value(key + "__paid")].sum())
            self.counts[rule["id"]] = [int(verdict.sum()), int((~known).sum()), paid]

    def rows(self, rule):
        """Where the rule is true: subjects, their households' places, amounts or nothing."""
        key = "rule_" + rule["key"]
        found = np.flatnonzero(self.value(key))
        table = self.persons if rule["level"] == "person" else self.households
        amount, paid = None, None
        if rule["amount"]:
            amount, paid = self.value(key + "__amount")[found], self.value(key + "__paid")[found]
        return found, table[found], amount, paid

    async def store(self):
        """Outcomes without their explanations, as the bytes of a binary COPY."""
        parts = [b"PGCOPY\n\xff\r\n\0" + bytes(8)]
        for rule in self.spec["rules"]:
            found, rows, amount, paid = self.rows(rule)
            for sums in ((True, False) if amount is not None else (None,)):
                chosen = slice(None) if sums is None else paid == sums
                parts.append(self.binary(rule, rows[chosen], amount[chosen] if sums else None))
        parts.append(b"\xff\xff")
        await self.copy_in(b"".join(parts), ["household_id", "person_key", "rule", "amount_fen"], "binary")

    def binary(self, rule, rows, amount):
        name = rule["id"].encode()
        person = rule["level"] == "person"
        fields = [("n", ">i2"), ("hs", ">i4"), ("h", "V16"), ("ps", ">i4")]
        fields += [("p", "V16")] if person else []
        fields += [("rs", ">i4"), ("r", f"S{len(name)}"), ("as", ">i4")]
        fields += [("a", ">i8")] if amount is not None else []
        out = np.empty(len(rows), dtype=fields)
        out["n"], out["hs"], out["h"] = 4, 16, rows["household_id"]
        out["ps"] = 16 if person else -1
        if person:
            out["p"] = rows["person_key"]
        out["rs"], out["r"], out["as"] = len(name), name, -1 if amount is None else 8
        if amount is not None:
            out["a"] = amount
        return out.tobytes()

    async def store_explained(self):
        """Outcomes with conditions, facts and parameters as JSON, as the lines of a text COPY."""
        lines = []
        for rule in self.spec["rules"]:
            found, rows, amount, paid = self.rows(rule)
            households = [bytes(one).hex() for one in rows["household_id"]]
            persons = [bytes(one).hex() for one in rows["person_key"]] if rule["level"] == "person" else None
            amounts = ["\\N"] * len(found)
            if amount is not None:
                amounts = [str(a) if p else "\\N" for a, p in zip(amount.tolist(), paid.tolist())]
            household = self.place_of_person[found] if rule["level"] == "person" else found
            places = self.value("place")[household].tolist()
            conditions, facts = self.conditions(rule, found), self.facts(rule, found, household)
            for n in range(len(found)):
                person = persons[n] if persons else "\\N"
                lines.append(
                    f"{households[n]}\t{person}\t{rule['id']}\t{amounts[n]}\t{conditions[n]}\t{facts[n]}\t"
                    f"{rule['parameters'][places[n]]}\n"
                )
        columns = ["household_id", "person_key", "rule", "amount_fen", "conditions", "facts", "parameters"]
        await self.copy_in("".join(lines).encode(), columns, "text")

    def conditions(self, rule, found):
        key = "rule_" + rule["key"]
        parts = []
        for n, condition in enumerate(rule["conditions"]):
            value, known = self.value(f"{key}__c{n}")[found], self.value(f"{key}__k{n}")[found]
            parts.append(np.where(known, np.where(value, "true", "false"), "null").tolist())
        names = [condition["name"] for condition in rule["conditions"]]
        template = "{" + ", ".join(f'"{name}": %s' for name in names) + "}"
        return [template % values for values in zip(*parts)] if len(found) else []

    def facts(self, rule, found, household):
        parts, names = [], []
        for fact in rule["facts"]:
            names.append(fact["name"])
            if fact["known"] == "False":
                parts.append(["null"] * len(found))
                continue
            at = found if self.country.levels[fact["name"]] == rule["level"] else household
            value = self.value(fact["name"])[at]
            if fact["kind"] == "boolean":
                texts = np.where(value, '"true"', '"false"').tolist()
            elif fact["kind"] == "date":
                texts = [f'"{day}"' for day in (np.datetime64("2000-01-01") + value).astype(str).tolist()]
            else:
                texts = [f'"{number}"' for number in value.tolist()]
            if fact["known"] == "sometimes":
                known = self.value(fact["name"] + "__known")[at].tolist()
                texts = [text if sure else "null" for text, sure in zip(texts, known)]
            parts.append(texts)
        template = "{" + ", ".join(f'"{name}": %s' for name in names) + "}"
        return [template % values for values in zip(*parts)] if len(found) else []

    async def copy_in(self, body, columns, form):
        async def give():
            for start in range(0, len(body), 1 << 20):
                yield body[start : start + (1 << 20)]

        await self.connection.copy_to_table(
            "openfisca", schema_name="bench", columns=columns, source=give(), format=form
        )


async def command(country, connection, wanted):
    run = Run(country, connection)
    times, cpu = {}, time.process_time()
    began = time.perf_counter()

    def lap(name):
        nonlocal began
        now = time.perf_counter()
        times[name] = now - began
        began = now

    await run.load(wanted["input"])
    lap("load")
    run.build()
    lap("build")
    run.evaluate()
    lap("evaluate")
    if wanted["store"]:
        await (run.store_explained() if wanted["explained"] else run.store())
        lap("store")
    return {"seconds": times, "cpu": time.process_time() - cpu, "counts": run.counts}


async def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        country = Country(json.load(file))
    connection = await asyncpg.connect(sys.argv[2])
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        print(json.dumps(await command(country, connection, json.loads(line))), flush=True)
    await connection.close()


asyncio.run(main())
