"""Opt-In/Out without its controller: the test makes the topics and gives the run orders itself."""

import json

import requests

from reading import Reading, murmur2

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

    def set_checkpoint(self, task, document):
        """By hand, which nobody should."""
        key = f"{self.workflow}/reader/{task}"
        self._producer.produce(f"{self.ferry.name}.checkpoints", key=key, partition=murmur2(key) % 4,
                               value=json.dumps(document))
        assert self._producer.flush(60) == 0

    def wait_for_warning(self, task, *words, timeout=30):
        def look():
            warning = self.status(task).get("warning")
            return warning and all(word in warning["message"] for word in words) and warning
        return self.ferry.wait_until(look, timeout, f"a warning with {words}")


class Person:
    """Somebody who changes profiles by Campaign's API, which gives each opt-out its time."""

    def __init__(self, sandbox):
        self.base = f"{sandbox.campaign}/{sandbox.ORGANISATION}/campaign/profileAndServicesExt/profile"
        self._http = requests.Session()
        token = self._http.post(f"{sandbox.campaign}/ims/token/v3", timeout=60, data={
            "grant_type": "client_credentials", "client_id": sandbox.CAMPAIGN_CLIENT,
            "client_secret": sandbox.CAMPAIGN_SECRET, "scope": "openid,AdobeID,campaign_sdk"}).json()
        self._headers = {"Authorization": f"Bearer {token['access_token']}", "X-Api-Key": sandbox.CAMPAIGN_CLIENT,
                         "Cache-Control": "no-cache", "Content-Type": "application/json"}

    def _call(self, verb, path, body=None):
        answer = self._http.request(verb, self.base + path, json=body, headers=self._headers, timeout=60)
        assert answer.ok, f"{verb} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def add(self, key, **fields):
        return self._call("POST", "", {"externalId": key, **fields})

    def change(self, key, **fields):
        return self._call("PATCH", f"/{key}", fields)

    def look(self, key):
        return self._call("GET", f"/{key}")
