"""Opt-In/Out without its controller: the test makes the topics and gives the run orders itself."""

from reading import Reading

WORKFLOW = "opt-in-out"
TOPICS = ("optouts.dynamics", "optouts.campaign", "optouts.load")
FILTER = {"name": "byOptOutsSince", "parameter": "since_parameter"}
EMAIL = {"name": "denyListEmail", "dynamics": "donotbulkemail", "campaign": "blackListEmail",
         "time": "blackListEmailLastModified"}
PHONE = {"name": "denyListPhone", "dynamics": "donotphone", "campaign": "blackListPhone",
         "time": "blackListPhoneLastModified"}


class Opting(Reading):
    """An instance whose reader follows opt-in-out."""

    workflow = WORKFLOW

    def __init__(self, ferry, **changes):
        super().__init__(ferry, tables=())
        self.make_topics(*TOPICS)
        self.mappings = []
        self.consent = {"direction": "both", "rule": "original", "clockToleranceMs": 60000, "table": "contact",
                        "entitySet": "contacts", "primaryId": "contactid", "api": "profileAndServicesExt",
                        "resource": "profile", "key": "externalId", "filter": FILTER, "attributes": [EMAIL, PHONE],
                        **changes}

    def more(self):
        return {"optOuts": self.consent}

    def wait_for_state(self, state, mapping_ids=None, timeout=30):
        direction = self.consent["direction"]
        tasks = [task for task, other in (("contact", "campaign-to-dynamics"), ("profiles", "dynamics-to-campaign"))
                 if direction != other]
        return super().wait_for_state(state, mapping_ids or tasks, timeout)

    def seen(self, topic):
        """The records of optouts.<topic>, in order within a contact."""
        return [record for _, record in self.topics.records(f"optouts.{topic}")]

    def latest_seen(self, topic):
        return {record["contactId"]: record for record in self.seen(topic)}

    def wait_for_warning(self, task, *words, timeout=30):
        def look():
            warning = self.status(task).get("warning")
            return warning and all(word in warning["message"] for word in words) and warning
        return self.ferry.wait_until(look, timeout, f"a warning with {words}")
