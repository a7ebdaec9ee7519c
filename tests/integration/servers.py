"""One small class for each real server: start, wait_until_running by its own protocol, stop.

Every process dies with pytest, also when pytest is killed: setpriv asks the kernel for it. The
kernel looks at the *thread* that started the process, so start servers from pytest's main thread.
"""

import contextlib
import functools
import getpass
import json
import os
import pathlib
import signal
import socket
import subprocess

import confluent_kafka.admin
import requests

import support
from support import ROOT, wait_until

# The programs under test; script/test sets it to the build it made.
BUILD = pathlib.Path(os.environ.get("FERRY_BUILD", ROOT / "build" / "release")).resolve()

START_TIMEOUT = 90  # several brokers start at once, beside a linter


@functools.cache
def program(name):
    for path in sorted(BUILD.rglob(name)):
        if path.is_file() and os.access(path, os.X_OK):
            return path
    raise FileNotFoundError(f"{name} is not in {BUILD}; cmake --preset release && "
                            "cmake --build --preset release")


class Server:
    """A process with a log. Subclasses say what to run and when it runs."""

    def __init__(self, name, folder):
        self.name = name
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / f"{name}.log"
        self.process = None
        self._log_start = 0
        self._ending = False  # we asked for its end

    def command(self):
        raise NotImplementedError

    def wait_until_running(self):
        raise NotImplementedError

    def start(self, wait=True):
        assert not self.alive(), f"{self.name} is running already"
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        self._ending = False
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *map(str, self.command())],
                stdin=subprocess.DEVNULL, stdout=self._stdout(log), stderr=log, cwd=self.folder)
        if wait:
            self.wait_until_running()
        return self

    def _stdout(self, log):
        return log

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def check_alive(self):
        """Fails when it ended though nobody asked it to."""
        if self.process is not None and not self.alive() and not self._ending:
            raise AssertionError(f"{self.name} ended by itself with {self.process.returncode}; "
                                 f"its log: {self.log}")

    def _wait(self, condition, what):
        def look():
            self.check_alive()
            return condition()
        return wait_until(look, START_TIMEOUT, f"{self.name}: {what}")

    # Ends and pauses.

    def wait_for_exit(self, timeout=30):
        """The exit code of a process that should end by itself."""
        self._ending = True
        return self.process.wait(timeout)

    def stop(self, timeout=30):
        """As an operator does it. The exit code must be that of a clean end."""
        if not self.alive():
            return
        self._ending = True
        self.resume()
        self.process.terminate()
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill9()
            raise AssertionError(f"{self.name} did not stop within {timeout} s of SIGTERM") from None
        assert code == self.clean_exit, f"{self.name} ended with {code}; its log: {self.log}"

    clean_exit = 0

    def kill9(self):
        """The power fails."""
        if self.alive():
            self._ending = True
            self.process.kill()
            self.process.wait()

    def pause(self):
        """SIGSTOP: the machine is too busy, the container is frozen."""
        self.process.send_signal(signal.SIGSTOP)
        status = pathlib.Path(f"/proc/{self.pid}/stat")
        wait_until(lambda: status.read_text().rsplit(")", 1)[1].split()[0] in "tT", what="stopped")

    def resume(self):
        if self.alive():
            self.process.send_signal(signal.SIGCONT)

    # What it said.

    def log_text(self, whole=False):
        """Since the last start, or of all its lives."""
        if not self.log.exists():
            return ""
        text = self.log.read_bytes()
        return (text if whole else text[self._log_start:]).decode(errors="replace")

    def log_tail(self, lines=60):
        return "\n".join(self._telling(self.log_text(whole=True).splitlines())[-lines:])

    def _telling(self, lines):
        return lines

    def events(self, event, **fields):
        """Log lines of this life with event=EVENT and these fields, as dicts."""
        wanted = {"event": event, **fields}
        lines = map(support.logfmt, self.log_text().splitlines())
        return [line for line in lines if wanted.items() <= line.items()]


class Kafka(Server):
    """Apache Kafka by script/kafka; keeps its port and its data over a restart."""

    clean_exit = 128 + signal.SIGTERM

    def __init__(self, folder, properties=(), brief=True):
        """brief: it need not be as fast as it can."""
        super().__init__("kafka", folder)
        self.properties = properties
        self.brief = brief

    def command(self):
        extra = [word for line in self.properties for word in ("--set", line)]
        extra += ["--brief"] if self.brief else []
        return [ROOT / "script" / "kafka", "run", "--dir", self.folder, *extra]

    def _stdout(self, log):
        return subprocess.DEVNULL  # the broker writes into the same kafka.log by itself

    def wait_until_running(self):
        self._wait(self._answers, "answers a metadata request")
        return self

    def _telling(self, lines):
        return [line for line in lines if "] INFO " not in line]

    def _answers(self):
        # Its address stands in server.properties before its process becomes the broker.
        try:
            client = confluent_kafka.admin.AdminClient({
                "bootstrap.servers": self.bootstrap, "reconnect.backoff.max.ms": 100,
                "log_level": 0})
            return client.list_topics(timeout=1).brokers
        except FileNotFoundError:
            return None

    @property
    def bootstrap(self):
        for line in (self.folder / "server.properties").read_text().splitlines():
            if line.startswith("advertised.listeners="):
                return line.split("PLAINTEXT://", 1)[1]
        raise FileNotFoundError("no address in server.properties yet")


class Registry(Server):
    """Apicurio's schema registry with Confluent's API; in memory, so that its end is the end of its ids."""

    clean_exit = 128 + signal.SIGTERM
    jar = next((ROOT / "build" / "registry" / "lib").glob("*-runner.jar"), None)

    def __init__(self, folder, port):
        super().__init__("registry", folder)
        self.port = port
        self.url = f"http://127.0.0.1:{port}/apis/ccompat/v7"

    def command(self):
        assert self.jar, "no schema registry in build/registry/lib; run script/bootstrap test"
        return ["java", "-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                "-Dquarkus.http.host=127.0.0.1", f"-Dquarkus.http.port={self.port}",
                "-jar", self.jar]

    def wait_until_running(self):
        self._wait(lambda: requests.get(self.url + "/subjects", timeout=5).ok, "lists subjects")
        return self

    def get(self, path):
        answer = requests.get(self.url + path, timeout=10)
        assert answer.ok, f"GET {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def put(self, path, **body):
        answer = requests.put(self.url + path, json=body, timeout=10)
        assert answer.ok, f"PUT {path}: {answer.status_code} {answer.text}"

    def register(self, subject, schema):
        answer = requests.post(f"{self.url}/subjects/{subject}/versions",
                               json={"schema": json.dumps(schema)}, timeout=10)
        assert answer.ok, f"{subject}: {answer.status_code} {answer.text}"
        return answer.json()["id"]


class Sandbox(Server):
    """ferry-sandbox: Dynamics 365 and Campaign on three free ports. `admin` is its control API."""

    TENANT = "11111111-aaaa-4bbb-8ccc-000000000001"
    DYNAMICS_CLIENT, DYNAMICS_SECRET = "ferry-dynamics", "dynamics-secret"
    ORGANISATION = "acme"
    CAMPAIGN_CLIENT, CAMPAIGN_SECRET = "ferry-campaign", "campaign-secret"

    def __init__(self, folder, record=True, **flags):
        """flags: contacts=1000, seed=7, limit_requests=0, key_patch_strict=True ..."""
        super().__init__("sandbox", folder)
        self.flags = flags | {"record": record}
        self.addresses = self.folder / "sandbox.addresses"
        self.dynamics = self.campaign = self.admin = None

    def command(self):
        words = [program("ferry-sandbox"),
                 "--dynamics-port", "0", "--campaign-port", "0", "--admin-port", "0"]
        for flag, value in self.flags.items():
            if value is not False:
                words.append("--" + flag.replace("_", "-"))
                if value is not True:
                    words.append(str(value))
        return words

    def _stdout(self, log):
        return self.addresses.open("wb")

    def wait_until_running(self):
        line = self._wait(lambda: self.addresses.read_text().partition("\n")[1] and
                          self.addresses.read_text(), "prints its addresses")
        found = json.loads(line)
        self.dynamics, self.campaign = found["dynamics"], found["campaign"]
        self.admin = support.SandboxAdmin(found["admin"])
        self._wait(self.admin.health, "answers")
        return self


class Sftp(Server):
    """OpenSSH's own server for one folder, where Campaign's exports lie; keys only.

    Every connection is a process of its own, which outlives the daemon that began it: what is done
    to the server is done to all of them.
    """

    SSHD = "/usr/sbin/sshd"  # sshd wants its absolute path
    FIRST_LINE = b"SSH-2.0-OpenSSH"

    def __init__(self, folder, port, key_type="ed25519", read_only=False, denied=()):
        """denied: requests that are answered with "permission denied", as opendir or rename."""
        super().__init__("sftp", folder)
        self.host, self.port, self.user = "127.0.0.1", port, getpass.getuser()
        self.read_only, self.denied = read_only, denied
        self.home = self.folder / "home"
        self.exports = self.home / "d365_loads" / "exports"
        self.exports.mkdir(parents=True, exist_ok=True)
        self.key, self.known_hosts = self.folder / "client_key", self.folder / "known_hosts"
        self._make_key(self.key, key_type)
        self._host_key = self.folder / "host_key"
        self.known_hosts.write_text(self.new_host_key())

    def _make_key(self, path, key_type="ed25519"):
        for old in (path, path.with_suffix(".pub")):
            old.unlink(missing_ok=True)
        subprocess.run(["ssh-keygen", "-q", "-t", key_type, "-N", "", "-C", "ferry", "-f", path],
                       check=True)
        return path.with_suffix(".pub").read_text()

    def new_host_key(self):
        """From the next start it is another server: its line, which is not in known_hosts."""
        kind, key = self._make_key(self._host_key).split()[:2]
        return f"[{self.host}]:{self.port} {kind} {key}\n"

    def command(self):
        if os.geteuid() == 0:
            pathlib.Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        file = self.folder / "sshd_config"
        file.write_text(self._configuration())
        return [self.SSHD, "-D", "-e", "-f", file]

    def _configuration(self):
        words = ["internal-sftp", "-d", self.home]
        words += ["-R"] if self.read_only else []
        words += ["-P", ",".join(self.denied)] if self.denied else []
        return "".join(line + "\n" for line in (
            f"ListenAddress {self.host}", f"Port {self.port}", f"HostKey {self._host_key}",
            "PidFile none", f"AuthorizedKeysFile {self.key}.pub", "StrictModes no", "UsePAM no",
            "PasswordAuthentication no", "KbdInteractiveAuthentication no", "UseDNS no",
            "MaxStartups 100", "LogLevel VERBOSE", "Subsystem sftp internal-sftp",
            "ForceCommand " + " ".join(map(str, words))))

    def wait_until_running(self):
        self._wait(self._greets, "says that it is OpenSSH")
        return self

    def _greets(self):
        with socket.create_connection((self.host, self.port), timeout=1) as connection:
            return connection.recv(100).startswith(self.FIRST_LINE)

    def sessions(self):
        """The processes of its connections."""
        parents = {}
        for status in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                parents[int(status.parent.name)] = int(status.read_text().rsplit(")", 1)[1].split()[1])
        found = [self.pid]
        for process in found:
            found += [child for child, parent in parents.items() if parent == process]
        return found[1:]

    def cut(self):
        """Ends every connection in the middle of whatever it does; how many processes that were."""
        return self._signal(signal.SIGKILL)

    def _signal(self, number):
        """Also to the processes that those begin meanwhile; how many there were."""
        told = set()
        while new := set(self.sessions()) - told:
            for process in new:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, number)
            told |= new
        return len(told)

    def _close(self):
        """Ends every connection, and accepts none in between."""
        super().pause()
        self.cut()

    def stop(self, timeout=30):
        if self.alive():
            self._close()
            self.process.terminate()  # before it goes on
            super().stop(timeout)

    def kill9(self):
        if self.alive():
            self._close()
            super().kill9()

    def pause(self):
        super().pause()
        self._signal(signal.SIGSTOP)

    def resume(self):
        if self.alive():
            self._signal(signal.SIGCONT)
            super().resume()


class Program(Server):
    """One of Ferry's services: a file of settings, a health port, a log in logfmt."""

    binary = None

    def __init__(self, name, folder, settings):
        super().__init__(name, folder)
        self.settings = {"worker.name": name, "health.listen": "127.0.0.1:0",
                         "log.format": "logfmt", **settings}
        self.file = self.folder / f"{name}.properties"

    def command(self):
        self.file.write_text("".join(f"{key}={value}\n" for key, value in self.settings.items()))
        return [program(self.binary), "--config", self.file]

    def address(self, name="health"):
        """Where it listens, as it logs it."""
        lines = self.events("listening", name=name)
        return f"http://{lines[-1]['address']}" if lines else None

    # What /readyz may still wait for: until the session of a killed predecessor is over, say. A test that pauses one
    # and starts another, or kills at a chosen step, has no time for that.
    begun = "not yet in the consumer group"

    def wait_until_running(self):
        self._wait(lambda: self.address(), "listens for health checks")
        self._wait(self._begun, "is ready")
        return self

    def _begun(self):
        answer = self.get("/readyz")
        return answer.ok or self.begun in answer.text

    def get(self, path):
        return requests.get(self.address() + path, timeout=10)

    def metrics(self):
        return support.metrics(self.get("/metrics").text)

    def memory(self):
        """RssAnon in bytes: what it holds for itself alone."""
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no RssAnon")


class Reader(Program):
    binary = "ferry-reader"
    begun = "run orders"  # its topics are there


class Writer(Program):
    binary = "ferry-writer"


class Controller(Program):
    binary = "ferry-controller"

    def wait_until_running(self):
        super().wait_until_running()
        self._wait(lambda: self.url, "listens for its API")
        return self

    @property
    def url(self):
        return self.address("api")
