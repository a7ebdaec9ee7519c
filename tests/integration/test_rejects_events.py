"""What an administrator is shown of e-mail events that were refused."""

import json
import uuid

from exporting import sent, text
from instance import EGRESS
from test_events import Mails

NAME = "acs_broadlog_bad.csv"
LATER = "2027-01-01 00:00:00Z"  # than the first start


def test_what_was_refused_is_listed_with_its_place_and_as_it_was(ferry):
    mails = Mails(ferry, contacts=2)
    assert "Nothing is configured yet: ferryctl apply" in ferry.ctl("describe", "workflow", EGRESS).stdout
    mails.run()
    assert ferry.ctl("get", "rejects", EGRESS, "--values").stdout.splitlines()[1:] == []
    contact = mails.admin.rows("contact")[0]["id"]
    lost = str(uuid.uuid4())
    rows = text([sent(1, externalId=contact, eventDate=LATER), sent(2, externalId=contact, status=9, eventDate=LATER),
                 sent(3, externalId=lost, eventDate=LATER)])
    part = mails.reader.folder / "upload"
    part.write_text(rows)
    part.rename(ferry.sftp.exports / NAME)
    items = ferry.wait_until(lambda: len(found := ferry.ctl_json("get", "rejects", EGRESS, "--values")["items"]) == 2
                             and {item["reason"][:len(NAME) + 8]: item for item in found}, 60, "two rejects")
    row, event = items[f"{NAME}, line 3"], items[f"{NAME}, line 4"]
    assert row["reason"] == f"{NAME}, line 3: status is none that Ferry knows."
    assert row["raw"].rstrip() == rows.splitlines()[2]
    assert event["id"] == "send:3" and event["fields"]["contactId"] == lost
    assert (event["fields"]["file"], event["fields"]["line"]) == (NAME, 4)
    lines = ferry.ctl("get", "rejects", EGRESS, "--values").stdout.splitlines()
    assert any(line.endswith(json.dumps(row["raw"])) for line in lines), "on one line"
    assert any("send:3" in line and lost in line for line in lines)
    assert lost not in ferry.ctl("get", "rejects", EGRESS).stdout, "only when it is asked for"
    ferry.wait_until(lambda: "rows of files 1, events 1" in ferry.ctl("describe", "workflow", EGRESS).stdout)
