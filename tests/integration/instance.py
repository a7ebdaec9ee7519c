"""An instance of Ferry of one test's own: its prefix, its sandbox, its services, its ferryctl."""

import json
import subprocess

import servers
import support

INGRESS = "dynamics-to-campaign"
EGRESS = "campaign-to-dynamics"


class Instance:
    """Many share one broker: the prefix keeps their topics, groups and transactions apart."""

    def __init__(self, name, folder, kafka, seed):
        self.name = name
        self.folder = folder
        self.kafka = kafka
        self.seed = seed  # for every random choice of the test
        self.servers = []
        self.sandbox = None
        self.sftp = None  # where Campaign's exports lie: started, readers started from then on use it
        self.registry = None  # a servers.Registry: set, services started from then on use it
        self.topics = support.Topics(kafka.bootstrap, name)
        (folder / "dynamics.secret").write_text(servers.Sandbox.DYNAMICS_SECRET + "\n")
        (folder / "campaign.secret").write_text(servers.Sandbox.CAMPAIGN_SECRET + "\n")

    # Servers: each is started and answers when the call returns.

    def start_sandbox(self, **flags):
        self.sandbox = servers.Sandbox(self.folder, **{"seed": self.seed % 2**31, **flags})
        return self._add(self.sandbox)

    def start_sftp(self, **options):
        self.sftp = servers.Sftp(self.folder / "sftp", support.free_port(), **options)
        return self._add(self.sftp)

    def start_controller(self, number=0, **settings):
        return self._add(servers.Controller(f"controller-{number}", self.folder, {
            **self._common(), **self._dynamics(), **self._campaign(),
            "api.listen": "127.0.0.1:0", **_keys(settings)}))

    def start_reader(self, number=0, campaign=True, **settings):
        """campaign: it knows Campaign's API too, whose opt-outs it reads."""
        return self._add(servers.Reader(f"reader-{number}", self.folder, {
            **self._common(), **self._dynamics(), **self._sftp(),
            **({**self._campaign(), "campaign.poll.interval.ms": 200} if campaign else {}),
            "state.dir": self.folder / f"reader-{number}.state", **_keys(settings)}))

    def start_writer(self, number=0, **settings):
        return self._add(servers.Writer(f"writer-{number}", self.folder, {
            **self._common(), **self._campaign(),
            "state.dir": self.folder / f"writer-{number}.state", **_keys(settings)}))

    def start_events_writer(self, number=0, **settings):
        """A writer that knows Dynamics too."""
        return self._add(servers.Writer(f"writer-{number}", self.folder, {
            **self._common(), **self._campaign(), **self._dynamics(),
            "state.dir": self.folder / f"writer-{number}.state", **_keys(settings)}))

    def start_all(self, **sandbox_flags):
        """A sandbox and one of each service: sandbox, controller, reader, writer."""
        return (self.start_sandbox(**sandbox_flags), self.start_controller(), self.start_reader(),
                self.start_writer())

    def _add(self, server):
        self.servers.append(server)
        return server.start()

    def stop(self):
        """Everything ends cleanly, what is connected to last; then the topics go."""
        faults = []
        last = (servers.Sandbox, servers.Sftp)
        for server in sorted(self.servers, key=lambda one: isinstance(one, last)):
            try:
                server.check_alive()
                server.stop()
            except AssertionError as fault:
                faults.append(str(fault))
        if self.kafka.alive():
            self.topics.delete_all()
        assert not faults, "; ".join(faults)

    def kill(self):
        for server in self.servers:
            server.kill9()

    def wait_until(self, condition, timeout=30.0, what=None):
        """As support.wait_until, and fails at once when one of the servers has ended."""
        def look():
            for server in self.servers:
                server.check_alive()
            return condition()
        return support.wait_until(look, timeout, what or getattr(condition, "__name__", None))

    # Settings.

    def use_registry(self, registry):
        self.registry = self.topics.registry = registry

    def _common(self):
        registry = {"schema.registry.url": self.registry.url} if self.registry else {}
        return {**registry, "instance": self.name, "kafka.bootstrap.servers": self.kafka.bootstrap,
                "topics.replication.factor": 1, "topics.min.insync.replicas": 1,
                "log.level": "debug"}

    def _dynamics(self):
        return {"dynamics.url": self.sandbox.dynamics,
                "dynamics.authority.url": self.sandbox.dynamics,
                "dynamics.tenant": self.sandbox.TENANT,
                "dynamics.client.id": self.sandbox.DYNAMICS_CLIENT,
                "dynamics.client.secret.file": self.folder / "dynamics.secret",
                "dynamics.poll.interval.ms": 200}

    def _sftp(self):
        return {"sftp.host": self.sftp.host, "sftp.port": self.sftp.port,
                "sftp.user": self.sftp.user, "sftp.private.key.file": self.sftp.key,
                "sftp.known.hosts.file": self.sftp.known_hosts, "sftp.poll.interval.ms": 100,
                "sftp.timeout.ms": 5000} if self.sftp else {}

    def _campaign(self):
        return {"campaign.url": f"{self.sandbox.campaign}/{self.sandbox.ORGANISATION}",
                "campaign.token.url": f"{self.sandbox.campaign}/ims/token/v3",
                "campaign.client.id": self.sandbox.CAMPAIGN_CLIENT,
                "campaign.client.secret.file": self.folder / "campaign.secret"}

    # ferryctl, as a person uses it.

    def ctl(self, *words, check=True, stdin=None, server=None):
        """Runs ferryctl against a controller, by default the first; a CompletedProcess."""
        controller = server or next(
            one for one in self.servers if isinstance(one, servers.Controller))
        run = subprocess.run(
            [servers.program("ferryctl"), "--server", controller.url, *map(str, words)],
            input=stdin, capture_output=True, text=True, timeout=120)
        assert not check or run.returncode == 0, (
            f"ferryctl {' '.join(map(str, words))} ended with {run.returncode}: "
            f"{run.stderr or run.stdout}")
        return run

    def ctl_json(self, *words):
        return json.loads(self.ctl(*words, "-o", "json").stdout)

    def apply(self, configuration, workflow=INGRESS):
        file = self.folder / f"{workflow}.json"
        file.write_text(json.dumps(configuration, indent=2))
        return self.ctl("apply", "-f", file)

    def start(self, workflow=INGRESS):
        self.ctl("start", workflow, "--wait")

    def workflow(self, workflow=INGRESS):
        items = self.ctl_json("get", "workflows")["items"]
        return next(item for item in items if item["id"] == workflow)

    def status(self, workflow=INGRESS):
        return self.workflow(workflow)["status"]

    def backlog(self, workflow=INGRESS):
        return self.workflow(workflow)["backlog"]


def _keys(settings):
    """dynamics_page_size=10 -> dynamics.page.size; a key that needs more goes in a dict as it is."""
    return {key.replace("_", "."): value for key, value in settings.items()}
