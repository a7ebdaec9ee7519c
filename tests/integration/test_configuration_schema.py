"""The JSON Schemas of the configurations say what Ferry says, as far as a schema can.

The examples are those of tests/unit/test_configuration.c, test_email.c and test_optinout.c, which run the C side over them.
"""

import json
import pathlib
import re

import jsonschema
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Document:
    """A schema, its examples, and the page that explains it."""

    def __init__(self, schema, examples, page):
        self.name = schema
        self.schema = json.loads((ROOT / "schemas" / f"{schema}.schema.json").read_text())
        self.examples = json.loads((ROOT / "tests/unit/data" / f"{examples}.json").read_text())
        self.page = (ROOT / "docs" / page).read_text()
        self.validator = jsonschema.Draft202012Validator(self.schema)


DOCUMENTS = [Document("configuration", "configuration", "mapping.md"),
             Document("email-events", "email-events", "events.md"),
             Document("opt-in-out", "opt-in-out", "opt-in-out.md")]
every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda one: one.name)


def named(kind, condition=lambda example: True):
    return pytest.mark.parametrize("document,example", [
        pytest.param(document, example, id=f"{document.name}: {example['name']}")
        for document in DOCUMENTS for example in document.examples[kind] if condition(example)])


@every_document
def test_the_schema_is_one(document):
    jsonschema.Draft202012Validator.check_schema(document.schema)


@named("good")
def test_a_good_example_is_accepted(document, example):
    document.validator.validate(example["configuration"])


@named("bad")
def test_a_bad_example_is_refused_unless_it_is_beyond_a_schema(document, example):
    assert document.validator.is_valid(example["configuration"]) != example["schema"]


@named("bad", lambda example: example["schema"])
def test_the_schema_sees_a_fault_where_ferry_does(document, example):
    """Same place, or a place around it: a schema may report the object instead of its member."""
    places = ["".join(f"/{part}" for part in error.absolute_path)
              for error in document.validator.iter_errors(example["configuration"])]
    for fault in example["faults"]:
        path = fault["path"].replace("~1", "/").replace("~0", "~")
        assert any(path.startswith(place) for place in places), places


@every_document
def test_the_example_of_the_documentation_is_accepted(document):
    examples = re.findall(r"```json\n(.*?)```", document.page, re.S)
    assert examples
    for example in examples:
        document.validator.validate(json.loads(example))


@every_document
def test_every_member_is_described(document):
    """What an administrator reads in an editor: each member has words of its own or of its definition."""
    def members(schema, where):
        for name, member in schema.get("properties", {}).items():
            if isinstance(member, dict):
                yield f"{where}/{name}", member
                yield from members(member, f"{where}/{name}")
                yield from members(member.get("items", {}), f"{where}/{name}[]")

    def described(member):
        reference = member.get("$ref", "").rpartition("/")[2]
        return ("description" in member
                or "description" in document.schema["$defs"].get(reference, {}))

    silent = [where for name, schema in [("", document.schema), *document.schema["$defs"].items()]
              for where, member in members(schema, name) if not described(member)]
    assert silent == []
