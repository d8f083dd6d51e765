#!/usr/bin/env python3
"""Metrics and statistics of real sessions: what a Prometheus reads over TCP equals what was done, and rules and dashboard name what there is."""

import hashlib
import http.client
import json
import pathlib
import re
import subprocess
import sys
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402

TOKEN = "a-token-for-the-scraper"
MONITORING = pathlib.Path(__file__).resolve().parents[2] / "tools/monitoring"
OPEN_METRICS = "application/openmetrics-text; version=1.0.0"


def prepare(site):
    site.write_policy("test", "[recovery]\nmax_restarts = 0\n")
    site.write_policy("small", "[recovery]\nmax_restarts = 2\n")
    tiny = site.tenants / "tiny.toml"
    tiny.write_text('max_sessions = 1\npolicies = ["test"]\n')
    tiny.chmod(0o644)
    config = site.folder / "sandboxd.toml"
    config.write_text(f'admin_token_hashes = ["{hashlib.sha256(TOKEN.encode()).hexdigest()}"]\n' + config.read_text())


def scrape(site, accept="text/plain"):
    answer = site.api("GET", "/metrics", token=TOKEN, tcp=True, headers={"Accept": accept})
    assert answer.status == 200, answer
    return answer


def series(text):
    """Every sample as written, with its value."""
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def only_admins(site):
    session = site.create()
    for token, status in ((None, 401), ("wrong", 401), (session["token"], 403)):
        assert site.api("GET", "/metrics", token=token, tcp=True).status == status, (token, status)
    site.delete(session["id"])


def passes_promtool(site):
    done = subprocess.run(["promtool", "check", "metrics"], input=scrape(site).body, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr.decode()
    answer = scrape(site, OPEN_METRICS)
    assert answer.headers["Content-Type"].startswith(OPEN_METRICS), answer.headers
    assert answer.body.endswith(b"\n# EOF\n")


class Prometheus:
    """A real one on loopback, which scrapes this site each second."""

    def __init__(self, site):
        folder = site.folder / "prometheus"
        folder.mkdir()
        (folder / "token").write_text(TOKEN + "\n")
        (folder / "prometheus.yml").write_text(f"""
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: sandboxd
    authorization: {{credentials_file: {folder}/token}}
    static_configs: [{{targets: ["127.0.0.1:{site.tcp_port}"]}}]
""")
        self.port = harness.Stack.free_port()
        self.log = folder / "log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                 f"--web.listen-address=127.0.0.1:{self.port}"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)

    def query(self, expression):
        assert self.process.poll() is None, self.log.read_text()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/api/v1/query?" + urllib.parse.urlencode({"query": expression}))
            response = connection.getresponse()
            text = response.read()
            # While it starts, it says 503.
            return json.loads(text)["data"]["result"] if response.status == 200 else []
        except OSError:
            return []
        finally:
            connection.close()

    def value(self, expression):
        """Of the one sample that there is."""
        result = self.query(expression)
        return float(result[0]["value"][1]) if len(result) == 1 else None

    def wait_for_scrape(self):
        """One that began after this moment."""
        now = time.time()
        harness.wait_for(lambda: (self.value('timestamp(up{job="sandboxd"})') or 0) > now, f"a scrape\n{self.log.read_text()[-2000:]}", timeout=60)


def works(site):
    """Something of each kind; returns the series that it must have made, as the difference to before."""
    one, two, three = site.create(), site.create(), site.create(policy="small")
    for _ in range(3):
        site.run_command(one["id"], "version")
    assert site.run_command(one["id"], "no such command")["error"]
    for lost in (two, three):
        answer = site.api("POST", f"/v1/sessions/{lost['id']}/commands", {"command": "sim crash SEGV"})
        assert answer.status == 502, answer
    assert site.wait_ended(two["id"])["end"]["reason"] == "signalled"
    harness.wait_for(lambda: site.get(three["id"])["restarts"] == 1 and site.get(three["id"])["state"] == "ready", "it is started again")
    site.run_command(three["id"], "version")
    tiny = site.create("tiny")
    refused = site.api("POST", "/v1/sessions", {"tenant": "tiny", "queue_timeout_seconds": 0})
    assert refused.status == 429 and refused.json["reason"] == "tenant_sessions", refused
    assert site.api("POST", "/v1/sessions", {"tenant": "tiny", "policy": "small"}).status == 403
    for session in (one, three, tiny):
        assert site.delete(session["id"]).status == 200
    return {
        'sandboxd_session_starts_total{policy="test",result="ready",source="cold"}': 3,
        'sandboxd_session_starts_total{policy="small",result="ready",source="cold"}': 1,
        'sandboxd_session_start_duration_seconds_count{policy="test",phase="total"}': 3,
        'sandboxd_session_start_duration_seconds_count{policy="test",phase="engine"}': 3,
        'sandboxd_session_ends_total{policy="test",reason="deleted"}': 2,
        'sandboxd_session_ends_total{policy="test",reason="signalled"}': 1,
        'sandboxd_session_ends_total{policy="small",reason="deleted"}': 1,
        'sandboxd_session_restarts_total{reason="crash"}': 1,
        'sandboxd_session_restarts_total{reason="hung"}': 0,
        'sandboxd_queue_wait_seconds_count': 4,
        'sandboxd_admission_rejections_total{reason="tenant_sessions"}': 1,
        'sandboxd_admission_rejections_total{reason="denied"}': 1,
        'sandboxd_commands_total{result="answered"}': 5,
        'sandboxd_commands_total{result="failed"}': 2,
        'sandboxd_commands_total{result="timed_out"}': 0,
        'sandboxd_command_duration_seconds_count': 5,
        'sandboxd_http_request_duration_seconds_count{route="/v1/sessions/{id}/commands",method="POST",code="200"}': 5,
        'sandboxd_http_request_duration_seconds_count{route="/v1/sessions/{id}/commands",method="POST",code="502"}': 2,
        'sandboxd_http_request_duration_seconds_count{route="/v1/sessions",method="POST",code="201"}': 4,
        'sandboxd_http_request_duration_seconds_count{route="/v1/sessions",method="POST",code="429"}': 1,
        'sandboxd_http_request_duration_seconds_count{route="/v1/sessions/{id}",method="DELETE",code="200"}': 3,
        'sandboxd_audit_write_errors_total': 0,
    }


def assert_same(found, expected):
    assert found == expected, {name: (found[name], expected[name]) for name in expected if found[name] != expected[name]}


def counts_exactly(site):
    """In both formats, and in a Prometheus that scrapes them."""
    with Prometheus(site) as prometheus:
        prometheus.wait_for_scrape()
        assert prometheus.value("up") == 1, prometheus.query("up")
        before = series(scrape(site).body.decode())
        expected = {name: before.get(name, 0) + more for name, more in works(site).items()}
        for accept in ("text/plain", OPEN_METRICS):
            now = series(scrape(site, accept).body.decode())
            assert_same({name: now.get(name) for name in expected}, expected)
        prometheus.wait_for_scrape()
        assert_same({name: prometheus.value(name) for name in expected}, expected)
        assert prometheus.value("up") == 1
        assert prometheus.value('sum(sandboxd_sessions)') == 0
        assert prometheus.value("sandboxd_launcher_connected") == 1


def samples_a_session(site):
    """The figures are the kernel's, and a point of the history comes each 10 s."""
    session = site.create()
    path = f"/v1/sessions/{session['id']}/stats"
    group = pathlib.Path(site.api("GET", f"/v1/sessions/{session['id']}/inspect").json["cgroup"]["path"])
    site.run_command(session["id"], "version")
    history = harness.wait_for(lambda: (lambda it: it if it["cpus"] else None)(site.api("GET", f"{path}?history=1").json["history"]),
                               "a point of the history", timeout=40)
    assert history["interval_seconds"] == 10 and history["cpus"][0] >= 0, history
    assert len({len(values) for values in history.values() if isinstance(values, list)}) == 1, history
    before = int(re.search(r"^usage_usec (\d+)", (group / "cpu.stat").read_text(), re.M).group(1))
    time_of = site.api("GET", path).json["sampled_at"]
    stats = harness.wait_for(lambda: (lambda it: it if it["sampled_at"] > time_of else None)(site.api("GET", path).json), "the next sample")
    after = int(re.search(r"^usage_usec (\d+)", (group / "cpu.stat").read_text(), re.M).group(1))
    assert before / 1e6 <= stats["cpu"]["used_seconds"] <= after / 1e6, (before, stats, after)
    for file, value in (("memory.current", stats["memory"]["current_bytes"]), ("pids.current", stats["pids"]["current"]),
                        ("io.stat", stats["io"]["read_bytes"])):
        assert (value is not None) == (group / file).exists(), (file, stats)
    site.delete(session["id"])
    assert site.api("GET", path).status == 410


def names_exist(site):
    """Each metric that a rule or a panel asks for is one that is there, or would be on a host with more controllers."""
    known = {re.split(r"[{ ]", name)[0] for name in series(scrape(site).body.decode())}
    known |= {"up", "sandboxd_sessions_memory_bytes", "sandboxd_memory_pressure_ratio"}
    for file in ("alerts.yml", "alerts_test.yml", "dashboard.json"):
        names = set(re.findall(r"\b(?:sandboxd|process)_[a-z_]+\b", (MONITORING / file).read_text()))
        assert names and names <= known, (file, names - known)


def rules_hold(_):
    for arguments in (["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]):
        done = subprocess.run(["promtool", *arguments], cwd=MONITORING, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    panels = json.loads((MONITORING / "dashboard.json").read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    rules = set(re.findall(r"alert: (\w+)", (MONITORING / "alerts.yml").read_text()))
    tested = set(re.findall(r"Sandbox\w+", (MONITORING / "alerts_test.yml").read_text()))
    assert rules == tested, rules ^ tested


def main():
    harness.private_host()
    tap = harness.Tap()
    with harness.Stack(sys.argv[1]) as site:
        prepare(site)
        site.start()
        tap.test("the metrics are for admins", only_admins, site)
        tap.test("a Prometheus counts what was done, exactly", counts_exactly, site)
        tap.test("the text passes promtool", passes_promtool, site)
        tap.test("a session's figures are the kernel's, with a history", samples_a_session, site)
        tap.test("rules and dashboard ask for metrics that there are", names_exist, site)
        tap.test("the alert rules are right", rules_hold, site)
        site.assert_no_residue()
    tap.finish()


if __name__ == "__main__":
    main()
