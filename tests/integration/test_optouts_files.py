"""Opt-outs out of the files of Campaign's export, on a real sshd: alone, and as the net under the API."""

import csv
import io

import pytest

from exporting import EXPORT, Files, contact, lab, origin, running  # noqa: F401 (fixtures)
from opting import WORKFLOW, Opting

PAIRS = [{"dynamics": "donotbulkemail", "campaign": "denyListEmail"},
         {"dynamics": "donotphone", "campaign": "denyListPhone"}]
FILE = "optout_20261121_060000.csv"
COLUMNS = ["externalId", "denyListEmail", "denyListEmailLastModified", "denyListPhone", "denyListPhoneLastModified",
           "lastModified"]
AT = "2026-11-21 05:58:31.667Z"
OPTOUTS = {**{name: value for name, value in EXPORT.items() if not name.endswith("Logs")}, "files": "optout_*"}


def row(number, **changes):
    """Of somebody who wants no mail; what is given replaces what is usual."""
    return {"externalId": contact(number), "denyListEmail": "1", "denyListEmailLastModified": AT, "denyListPhone": "0",
            "denyListPhoneLastModified": "", "lastModified": AT, **changes}


def text(rows, **titles):
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([titles.get(name, name) for name in COLUMNS])
    writer.writerows([one[name] for name in COLUMNS] for one in rows)
    return out.getvalue()


# The reader alone.

class Filing(Files, Opting):
    """An instance whose reader follows opt-in-out, where Campaign has no filter."""

    task = f"{WORKFLOW}/reader/exports"
    counted = "records"

    def __init__(self, ferry, **export):
        super().__init__(ferry, direction="campaign-to-dynamics", filter=None, export={**OPTOUTS, **export})
        self.sftp = ferry.sftp

    def wait_for_state(self, state, mapping_ids=("profiles", "exports"), timeout=30):
        return super().wait_for_state(state, mapping_ids, timeout)

    def wait_for_counters(self, **wanted):
        """What a worker tells of itself comes after what it did."""
        def look():
            found = self.status("exports").get("counters", {})
            return all(found.get(name) == value for name, value in wanted.items()) and found
        return self.ferry.wait_until(look, 60, f"the reader counts {wanted}")

    def committed(self):
        """A broker under load may not know its partitions for a moment."""
        found, = self.ferry.wait_until(lambda: (self.seen("campaign"),), 60, "the topic can be read")
        return sorted(found, key=lambda record: record["place"])

    def rejected(self):
        found, = self.ferry.wait_until(lambda: (self.rejects(),), 60, "the rejects can be read")
        return {message.key().decode(): dict(message.headers())["ferry-reason"].decode() for message in found}


LAB = Filing


def test_rows_become_reasons_to_look_with_file_and_line(running, ferry):
    running.put(FILE, text([row(1), row(2, externalId=contact(2).upper(), denyListPhone="1",
                                        denyListPhoneLastModified="2026-11-21 07:00:00.000Z")]))
    running.wait_until_moved()
    first, second = running.committed()
    assert {name: first[name] for name in ("contactId", "side", "source", "place", "values")} == {
        "contactId": contact(1), "side": "CAMPAIGN", "source": "FILE", "place": f"{FILE}:2",
        "values": {"denyListEmail": True, "denyListPhone": False}}
    assert (second["contactId"], second["place"]) == (contact(2), f"{FILE}:3")
    assert [str(record["changedAt"]) for record in (first, second)] == [
        "2026-11-21 05:58:31.667000+00:00", "2026-11-21 07:00:00+00:00"]
    mark, = running.marked()
    assert (mark["file"], mark["done"], mark["records"], mark["attributes"]) == (
        FILE, True, 2, ["denyListEmail", "denyListPhone"])
    counters = running.wait_for_counters(filesRead=1, recordsRead=2)
    assert counters["source"] == "FILE" and counters["newsAgeSeconds"] >= 0
    running.wait_for_warning("profiles", "export files only", "as old as the export")
    assert running.rejected() == {}


def test_old_names_and_configured_titles_are_understood(ferry):
    lab = Filing.alone(ferry, delimiter=",", columns={"denyListPhone": "No longer contact by phone"})
    ferry.start_reader()
    lab.start()
    lab.put(FILE, text([row(1)], denyListEmail="blackListEmail", denyListEmailLastModified="blackListEmailLastModified",
                       denyListPhone="No longer contact by phone"))
    lab.wait_until_moved()
    record, = lab.committed()
    assert record["values"] == {"denyListEmail": True, "denyListPhone": False} and record["changedAt"].year == 2026
    lab.put("optout_2.csv", text([row(1)]))  # the title that the configuration names is not there
    lab.wait_for_warning("exports", "optout_2.csv", "No longer contact by phone")
    assert lab.committed() == [record]


def test_each_bad_row_is_counted_or_rejected_and_the_others_are_told(running):
    content = text([row(1), row(2, externalId="4711"), row(3, externalId=""), row(4, denyListPhone="perhaps"),
                    row(5, denyListEmailLastModified="yesterday"), row(6, denyListEmail="0",
                                                                       denyListEmailLastModified="")])
    content += f"{contact(7)},1\n"
    content += text([row(8)]).partition("\n")[2]
    running.put(FILE, content)
    running.wait_until_moved()
    told = running.committed()
    assert [record["place"] for record in told] == [f"{FILE}:2", f"{FILE}:6", f"{FILE}:9"]
    undated = told[1]
    assert (undated["contactId"], undated["changedAt"].timestamp()) == (contact(5), 0)
    assert undated["values"]["denyListEmail"]
    rejects = running.rejected()
    assert sorted(rejects) == [origin(FILE, content, 5), origin(FILE, content, 8)]
    assert rejects[origin(FILE, content, 5)] == (
        f"In line 5 of {FILE} the column denyListPhone is neither true nor false.")
    assert "2 columns" in rejects[origin(FILE, content, 8)]
    running.wait_for_counters(recordsRead=3, recordsRejected=2, withoutContact=2, untouched=1, badTimes=1)


@pytest.mark.parametrize("step", ["produced:15000", "before-commit:2", "after-commit:2"])
def test_a_reader_that_is_killed_in_mid_file_tells_each_row_once(lab, monkeypatch, step):
    rows = 30000
    lab.put(FILE, text([row(number) for number in range(rows)]))
    reader = lab.crash_in_mid_file(monkeypatch, step, rows)
    reader.start()
    lab.wait_until_moved(timeout=120)
    assert [record["place"] for record in lab.committed()] == sorted(f"{FILE}:{line}" for line in range(2, rows + 2))
    lab.wait_for_counters(filesRead=1, recordsRead=rows)


def test_a_file_that_is_replaced_is_read_again_and_the_same_content_is_not(ferry):
    lab = Filing.alone(ferry, finished="leave")
    ferry.start_reader()
    lab.start()
    lab.put(FILE, text([row(1)]), mtime=1795240800)
    lab.wait_for_counters(filesRead=1)
    lab.put(FILE, text([row(2), row(3)]), mtime=1795244400)
    lab.put("optout_again.csv", text([row(1)]), mtime=1795244400)
    lab.put("optout_last.csv", text([row(4)]), mtime=1795244400)  # read behind the others, by name
    lab.wait_for_counters(filesRead=3, recordsRead=4)
    assert sorted(record["contactId"] for record in lab.committed()) == sorted(map(contact, range(1, 5)))


# All of it.

class Carried:
    """Controller, reader, writer, and the systems; people who edit, and Campaign that exports."""

    def __init__(self, ferry, people=5, **sandbox):
        self.ferry = ferry
        self.admin = ferry.start_sandbox(contacts=0, **sandbox).admin
        ferry.start_sftp()
        ferry.start_controller()
        ferry.start_reader()
        ferry.start_events_writer()
        self.people = [self.admin.insert("contact", lastname="Moe")["id"] for _ in range(people)]
        for person in self.people:
            self.admin.campaign_insert("profile", externalId=person, lastName="Moe")
        self.admin.call("POST", "/consent", {"pairs": PAIRS})
        ferry.apply({"direction": "both", "attributes": PAIRS, "export": {}}, WORKFLOW)
        ferry.start(WORKFLOW)
        self.wait_until(self.loaded, "the first reads are at their end, and looked at")

    def wait_until(self, condition, what):
        return self.ferry.wait_until(condition, 60, what)

    def loaded(self):
        shown = self.shown()
        phases = [(stream["reader"]["counters"] or {}).get("phase") for stream in shown["streams"][:2]]
        return phases == ["DELTA", "DELTA" if shown["filter"] else "FULL"] and self.looked_at()

    def looked_at(self):
        """Nothing waits in any partition of the three streams."""
        topics = self.ferry.topics
        return len(topics.committed(WORKFLOW)) == 24 and topics.lag(WORKFLOW) == 0

    def edit(self, system, person, **flags):
        answer = self.admin.call("POST", "/consent/edit", {
            "edits": [{"system": system, "contact": person, "set": flags}]}).json()
        assert answer == {"edited": 1, "missing": []}

    def export(self, **options):
        """Until all of it is looked at; the report of the file."""
        before = self.read("filesRead")
        report = self.admin.export_optouts(self.ferry.sftp.exports, **options)
        self.wait_until(lambda: self.read("filesRead") == before + 1, "the file is read")
        self.wait_until_agreed()
        return report

    def read(self, counter):
        return (self.shown()["streams"][1]["exports"]["counters"] or {}).get(counter, 0)

    def wait_until_agreed(self):
        self.wait_until(lambda: self.admin.call("GET", "/consent").json()["disagreements"] == 0 and
                        self.looked_at(), "both systems say the same, and all is looked at")

    def shown(self):
        return self.ferry.ctl_json("describe", "workflow", WORKFLOW)["optOuts"]

    def writes(self, person):
        line, = self.admin._lines("/consent/writes", contact=person)
        return {system: sum(of["client"] for of in line[system].values()) for system in ("dynamics", "campaign")}

    def decisions(self, person):
        return self.ferry.ctl_json("get", "decisions", "--contact", person)["items"]

    def news(self):
        return {one["source"]: one["newsAgeSeconds"] for one in self.shown()["sources"]}


def test_the_export_alone_carries_an_opt_out_to_dynamics(ferry):
    carried = Carried(ferry, optout_filter="byAnotherName")
    first, second, *_ = carried.people
    assert carried.news() == {"FILE": None}, "nothing is read yet"
    carried.edit("campaign", first, denyListEmail=True)
    report = carried.export()
    assert carried.admin.row("contact", first)["columns"]["donotbulkemail"]
    decision, = carried.decisions(first)
    place, = [f"{line['file']}:{line['line']}" for line in carried.admin.exported_optouts() if line["contact"] == first]
    assert (decision["source"], decision["place"], decision["winner"], decision["state"]) == (
        "FILE", place, "CAMPAIGN", "WRITTEN")
    assert place.startswith(report["file"] + ":")
    carried.wait_until(lambda: carried.news()["FILE"] is not None, "the age of the news is known")
    assert "FILE, " in ferry.ctl("describe", "workflow", WORKFLOW).stdout
    # What Ferry writes to Campaign is in the next file, and ends there.
    carried.edit("dynamics", second, donotphone=True)
    carried.wait_until(lambda: carried.admin.campaign_row("profile", second)["values"].get("blackListPhone"),
                       "Campaign was told")
    carried.export()
    assert second in {line["contact"] for line in carried.admin.exported_optouts()}
    assert carried.writes(first) == {"dynamics": 1, "campaign": 0}
    assert carried.writes(second) == {"dynamics": 0, "campaign": 1}
    assert [one["source"] for one in carried.decisions(second)] == ["DELTA"]
    assert all("Unknown filter" in breach for breach in carried.admin.breaches()), "but for the look for it"


def test_with_both_sources_nothing_is_written_twice_and_nothing_comes_back(ferry):
    carried = Carried(ferry)
    first, second, third, *_ = carried.people
    carried.edit("campaign", first, denyListEmail=True)
    carried.edit("dynamics", second, donotphone=True)
    carried.wait_until(lambda: carried.decisions(first) and carried.decisions(second), "the API told of them")
    carried.wait_until_agreed()
    carried.export()
    carried.edit("campaign", third, denyListPhone=True)
    carried.wait_until(lambda: carried.decisions(third), "the API told of it")
    carried.export(all=True)  # all of it again, as a workflow that was run by hand
    carried.wait_until(lambda: carried.read("recordsRead") == 5, "two rows and three")
    assert carried.writes(first) == carried.writes(third) == {"dynamics": 1, "campaign": 0}
    assert carried.writes(second) == {"dynamics": 0, "campaign": 1}
    for person in (first, second, third):
        assert [(one["source"], one["state"]) for one in carried.decisions(person)] == [
            ("DELTA" if person == second else "API", "WRITTEN")]
    carried.wait_until(lambda: all(age is not None for age in carried.news().values()), "both tell of their age")
    assert carried.admin.breaches() == []
