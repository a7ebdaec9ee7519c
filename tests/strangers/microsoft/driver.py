"""Microsoft's client for Dataverse, driven from outside.

Reads one call a line, {"call": "records.create", "args": [...], "options": {...}}, where call names
a method of DataverseClient, and answers one line: {"result": ...} or {"error": {...}}.
"""

import dataclasses
import json
import operator
import os
import sys

import azure.identity
from PowerPlatform.Dataverse.client import DataverseClient
from PowerPlatform.Dataverse.core.errors import DataverseError
from PowerPlatform.Dataverse.models.filters import FilterExpression, col
from PowerPlatform.Dataverse.models.record import QueryResult, Record


def connect(url, tenant, application, secret):
    # Instance discovery asks a host of Microsoft's whether the authority may be trusted.
    credential = azure.identity.ClientSecretCredential(
        tenant, application, secret, authority=url, disable_instance_discovery=True)
    return DataverseClient(url, credential)


def plain(value):
    """What the client returned, as JSON can hold it."""
    if isinstance(value, Record):
        return {"id": value.id, "etag": value.etag, "data": value.data}
    if isinstance(value, QueryResult):
        return [record.data for record in value]
    if dataclasses.is_dataclass(value):
        return dataclasses.asdict(value)
    if hasattr(value, "__next__"):
        return [plain(item) for item in value]
    return value


def condition(words):
    """["and", ["eq", "lastname", "Lee"], ["in", "jobtitle", ["a", "b"]]] as an expression."""
    name, *rest = words
    if name in ("and", "or"):
        left, right = map(condition, rest)
        return left & right if name == "and" else left | right
    if name == "not":
        return ~condition(rest[0])
    if name in ("eq", "ne", "gt", "ge", "lt", "le"):
        return getattr(operator, name)(col(rest[0]), rest[1])
    return getattr(col(rest[0]), {"in": "in_"}.get(name, name))(*rest[1:])


def query(client, table, columns, where=None, order=(), page_size=None, top=None):
    """Through the query builder: the pages, each a list of records."""
    builder = client.query.builder(table).select(*columns)
    if where:
        builder = builder.where(condition(where))
    for column in order:
        builder = builder.order_by(column.lstrip("-"), descending=column.startswith("-"))
    if page_size:
        builder = builder.page_size(page_size)
    if top:
        builder = builder.top(top)
    return [plain(page) for page in builder.execute_pages()]


def batch(client, operations, continue_on_error=False):
    """operations: [method of the batch, arguments...], or a list of those as one change set."""
    request = client.batch.new()
    for operation in operations:
        if isinstance(operation[0], str):
            operator.attrgetter(operation[0])(request)(*operation[1:])
            continue
        with request.changeset() as together:
            for name, *arguments in operation:
                operator.attrgetter(name)(together)(*arguments)
    return request.execute(continue_on_error=continue_on_error).responses


OWN = {"query": query, "batch": batch}


def answer(client, call, args, options={}):
    try:
        if call in OWN:
            result = OWN[call](client, *args, **options)
        else:
            result = operator.attrgetter(call)(client)(*args, **options)
        if isinstance(result, list):
            return {"result": [plain(item) for item in result]}
        return {"result": plain(result)}
    except DataverseError as error:
        return {"error": error.to_dict()}
    except Exception as error:  # the client's own despair, or a question it cannot be asked
        return {"error": {"message": f"{type(error).__name__}: {error}"}}


def main():
    with connect(*(os.environ[name] for name in
                   ("STRANGER_URL", "STRANGER_TENANT", "STRANGER_ID", "STRANGER_SECRET"))) as client:
        for line in sys.stdin:
            print(json.dumps(answer(client, **json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
