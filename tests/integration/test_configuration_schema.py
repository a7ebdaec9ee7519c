"""The JSON Schema of the configuration says what Ferry says, as far as a schema can.

The examples are those of tests/unit/test_configuration.c, which runs the C side over them.
"""

import json
import pathlib
import re

import jsonschema
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "schemas/configuration.schema.json").read_text())
EXAMPLES = json.loads((ROOT / "tests/unit/data/configuration.json").read_text())


def named(kind):
    return [pytest.param(example, id=example["name"]) for example in EXAMPLES[kind]]


@pytest.fixture(scope="module")
def validator():
    return jsonschema.Draft202012Validator(SCHEMA)


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("example", named("good"))
def test_a_good_example_is_accepted(validator, example):
    validator.validate(example["configuration"])


@pytest.mark.parametrize("example", named("bad"))
def test_a_bad_example_is_refused_unless_it_is_beyond_a_schema(validator, example):
    assert validator.is_valid(example["configuration"]) != example["schema"]


@pytest.mark.parametrize("example", [p for p in named("bad") if p.values[0]["schema"]])
def test_the_schema_sees_a_fault_where_ferry_does(validator, example):
    """Same place, or a place around it: a schema may report the object instead of its member."""
    places = ["".join(f"/{part}" for part in error.absolute_path)
              for error in validator.iter_errors(example["configuration"])]
    for fault in example["faults"]:
        path = fault["path"].replace("~1", "/").replace("~0", "~")
        assert any(path.startswith(place) for place in places), places


def test_the_example_of_the_documentation_is_accepted(validator):
    examples = re.findall(r"```json\n(.*?)```", (ROOT / "docs/mapping.md").read_text(), re.S)
    assert examples
    for example in examples:
        validator.validate(json.loads(example))


def test_every_member_is_described():
    """What an administrator reads in an editor: each member has words of its own or of its definition."""
    def members(schema, where):
        for name, member in schema.get("properties", {}).items():
            if isinstance(member, dict):
                yield f"{where}/{name}", member
                yield from members(member, f"{where}/{name}")
                yield from members(member.get("items", {}), f"{where}/{name}[]")

    def described(member):
        reference = member.get("$ref", "").rpartition("/")[2]
        return "description" in member or "description" in SCHEMA["$defs"].get(reference, {})

    silent = [where for name, schema in [("", SCHEMA), *SCHEMA["$defs"].items()]
              for where, member in members(schema, name) if not described(member)]
    assert silent == []
