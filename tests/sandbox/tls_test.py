#!/usr/bin/env python3
"""The API's TCP listener with TLS, and what a network can try with it (E31, E32, E33), with a real launcher."""

import http.client
import json
import os
import pathlib
import select
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import warnings

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402

NAME = "sandbox.example.org"


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=60)


class Authority:
    """A certificate authority of the test's own."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.certificate, self.key = self.folder / "ca.pem", self.folder / "ca.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=test authority",
                "-addext", "basicConstraints=critical,CA:TRUE", "-keyout", str(self.key), "-out", str(self.certificate))

    def issue(self, path, names, days=1):
        """A certificate and its key, NAME.pem and NAME.key; days below zero: one that has expired."""
        request, extensions = self.folder / "request", self.folder / "extensions"
        extensions.write_text("subjectAltName=" + ",".join(f"DNS:{name}" for name in names) + ",IP:127.0.0.1\n")
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={names[0]}",
                "-keyout", f"{path}.key", "-out", str(request))
        openssl("x509", "-req", "-in", str(request), "-CA", str(self.certificate), "-CAkey", str(self.key), "-CAcreateserial",
                "-days", str(days), "-extfile", str(extensions), "-out", f"{path}.pem")
        os.chown(f"{path}.key", harness.MANAGER_UID, 0)
        pathlib.Path(f"{path}.key").chmod(0o600)
        pathlib.Path(f"{path}.pem").chmod(0o644)


class Imposter:
    """A server of the test's own, with that certificate or without TLS, that keeps what the first caller says."""

    def __init__(self, certificate):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(30)
        self.port = self.listener.getsockname()[1]
        self.context = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(f"{certificate}.pem", f"{certificate}.key")
        self.received = b""
        self.thread = threading.Thread(target=self.serve)

    def serve(self):
        connection, _ = self.listener.accept()
        connection.settimeout(30)
        try:
            with self.context.wrap_socket(connection, server_side=True) if self.context else connection as talk:
                self.received = talk.recv(65536)
                if not self.context:
                    talk.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        except OSError:
            pass  # the caller has gone

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.thread.join(30)
        self.listener.close()


class Tls:
    def __init__(self, site, authority):
        self.site, self.authority = site, authority

    def context(self, **versions):
        context = ssl.create_default_context(cafile=str(self.authority.certificate))
        for name, value in versions.items():
            setattr(context, name, value)
        return context

    def plain(self):
        return socket.create_connection(("127.0.0.1", self.site.tcp_port), timeout=30)

    def open(self, name="localhost", **versions):
        return self.context(**versions).wrap_socket(self.plain(), server_hostname=name)

    def ask(self, connection, path="/v1/sessions", host="localhost", token=None, more=""):
        """One answer over a TLS connection; its status and its body."""
        authorization = f"Authorization: Bearer {token}\r\n" if token else ""
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{authorization}{more}Connection: close\r\n\r\n".encode())
        response = http.client.HTTPResponse(connection)
        response.begin()
        body = response.read()
        harness.API.check_answer("GET", path, response.status, response.headers["Content-Type"], body)
        return response.status, body

    def token(self, **body):
        return self.site.api("POST", "/v1/tokens", body).json["token"]

    def serves(self):
        token = self.token(tenant="acme")
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            connection = self.open(minimum_version=version, maximum_version=version)
            assert self.ask(connection, token=token)[0] == 200, version
            assert "GCM" in connection.cipher()[0] or "CHACHA" in connection.cipher()[0], connection.cipher()
        assert self.ask(self.open())[0] == 401
        assert self.ask(self.open(), token="wrong")[0] == 401
        session = self.site.create()
        status, body = self.ask(self.open(), f"/v1/sessions/{session['id']}/rest/run?command=version", token=session["token"])
        assert status == 200 and b"version" in body, body
        self.site.delete(session["id"], grace=0)

    def versions(self):
        """Nothing older than TLS 1.2, no cipher without forward secrecy."""
        old = self.context()
        old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
        weak = self.context(maximum_version=ssl.TLSVersion.TLSv1_2)
        weak.set_ciphers("AES128-SHA:AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA")
        for context in (old, weak):
            try:
                context.wrap_socket(self.plain(), server_hostname="localhost")
            except ssl.SSLError as error:
                assert "ALERT" in str(error), f"refused, but not by the server: {error}"
                continue
            raise AssertionError("it was taken")

    def wrong_name(self):
        """A client sees whom it talks to; the server answers to its names alone (E33)."""
        try:
            self.open("other.example.org")
        except ssl.SSLCertVerificationError as error:
            assert "other.example.org" in str(error), error
        else:
            raise AssertionError("the certificate is not this name's")
        token = self.token(tenant="acme")
        assert self.ask(self.open(NAME), host=f"{NAME}:8600", token=token)[0] == 200
        assert self.ask(self.open(NAME), host=NAME, token=token, more=f"Origin: https://{NAME}\r\n")[0] == 200
        assert self.ask(self.open(NAME), host="evil.example", token=token)[0] == 400
        assert self.ask(self.open(NAME), host=NAME, token=token, more="Origin: https://evil.example\r\n")[0] == 403

    def plain_http(self):
        """Plain HTTP is told what to do, and gets nothing else; noise gets nothing."""
        connection = self.plain()
        connection.sendall(b"GET /v1/sessions HTTP/1.1\r\nHost: localhost\r\n\r\n")
        response = http.client.HTTPResponse(connection)
        response.begin()
        problem = json.loads(response.read())
        assert response.status == 400 and "https://" in problem["cure"], problem
        noise = self.plain()
        noise.sendall(b"\x00" * 4096)
        noise.settimeout(20)
        try:
            while noise.recv(4096):
                pass
        except ConnectionResetError:
            pass
        assert self.ask(self.open())[0] == 401, "others are served"

    def slow(self):
        """E31 handshakes that never end, drop by drop, are ended; so many connections as there may be, and the unix socket is free."""
        idle = [self.plain() for _ in range(900)]
        hello = self.hello()
        assert self.site.api("GET", "/v1/sessions").status == 200, "the unix socket has places of its own"
        held = [connection for connection in idle if not self.is_over(connection)]
        assert 700 < len(held) < 800, len(held)
        started = time.monotonic()
        for byte in hello:
            try:
                held[0].sendall(bytes([byte]))
            except OSError:
                break
            if self.is_over(held[0], 250):
                break
        else:
            raise AssertionError("a whole hello could be sent in drops")
        assert time.monotonic() - started < 15, "a handshake has its time, and no more"
        harness.wait_for(lambda: all(self.is_over(connection) for connection in held), "all of them are ended")
        for connection in idle:
            connection.close()
        assert self.ask(self.open())[0] == 401, "others are served"

    @staticmethod
    def is_over(connection, milliseconds=0):
        """The server says nothing before a hello: what can be read is the end."""
        poll = select.poll()
        poll.register(connection, select.POLLIN)
        return bool(poll.poll(milliseconds))

    def hello(self):
        """What a client says first."""
        out = ssl.MemoryBIO()
        client = self.context().wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost")
        try:
            client.do_handshake()
        except ssl.SSLWantReadError:
            pass
        return out.read()

    def sandboxctl(self, host, *arguments, trusting=True):
        token = pathlib.Path(self.authority.folder) / "token"
        if not token.exists():
            token.write_text(self.token(tenant="acme"))
        trust = ["--ca-file", str(self.authority.certificate)] if trusting else []
        return subprocess.run([str(self.site.find("bin/sandboxctl")), "--host", host, "--token-file", str(token), *trust, *arguments],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)

    def operator(self):
        """sandboxctl over TLS: tokens from their making to their end, and what it says of servers that it cannot trust."""
        here = f"https://localhost:{self.site.tcp_port}"
        assert self.sandboxctl(here, "ls").returncode == 0
        assert self.sandboxctl(f"https://127.0.0.1:{self.site.tcp_port}", "ls").returncode == 0
        made = self.sandboxctl(here, "token", "new", "--name", "of a test", "--ttl", "1h")
        assert made.returncode == 0 and "shown this once" in made.stderr, made
        secret = made.stdout.strip()
        assert self.ask(self.open(), token=secret)[0] == 200
        listed = self.sandboxctl(here, "--no-headers", "token", "ls").stdout
        line = next(line for line in listed.splitlines() if "of a test" in line)
        assert secret not in listed and "active" in line, listed
        assert self.sandboxctl(here, "token", "revoke", line.split()[0]).returncode == 0
        assert self.ask(self.open(), token=secret)[0] == 401
        assert "of a test" not in self.sandboxctl(here, "token", "ls").stdout
        assert "revoked" in self.sandboxctl(here, "token", "ls", "-a").stdout
        denied = self.sandboxctl(here, "token", "new", "--role", "admin")
        assert denied.returncode == 4 and "admin" in denied.stderr, denied

    def imposters(self):
        """Where the certificate does not hold, nothing is sent, and the operator hears why."""
        here = f"https://localhost:{self.site.tcp_port}"
        folder = self.authority.folder
        self.authority.issue(f"{folder}/other", ["other.example.org"])
        self.authority.issue(f"{folder}/expired", ["localhost"], days=-1)
        for certificate, words in (("other", "another name"), ("expired", "has expired")):
            with Imposter(f"{folder}/{certificate}") as imposter:
                done = self.sandboxctl(f"https://localhost:{imposter.port}", "ls")
            assert done.returncode == 4 and words in done.stderr, (certificate, done)
            assert imposter.received == b"", imposter.received
        with Imposter(f"{folder}/server") as imposter:
            self.sandboxctl(f"https://localhost:{imposter.port}", "ls")
        assert b"Bearer" in imposter.received, "the probe works: whom it trusts gets the token"
        with Imposter(None) as imposter:
            done = self.sandboxctl(f"https://localhost:{imposter.port}", "ls")
        assert done.returncode == 1 and "does not speak TLS" in done.stderr, done
        assert b"Bearer" not in imposter.received
        done = self.sandboxctl(here, "ls", trusting=False)
        assert done.returncode == 4 and "not trusted" in done.stderr and "--ca-file" in done.stderr, done
        done = self.sandboxctl(here.replace("https", "http"), "ls")
        assert done.returncode == 2 and "speaks TLS" in done.stderr and "https://" in done.stderr, done
        done = self.sandboxctl(here, "--ca-file", "/nonexistent", "ls", trusting=False)
        assert done.returncode == 2 and "/nonexistent" in done.stderr, done

    def truncated(self):
        """The end of an answer is the server's word: a cut one is seen."""
        connection = self.open()
        connection.sendall(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
        while connection.recv(4096):
            pass  # SSLEOFError, where the connection ends without close_notify
        connection.close()

    def gone(self):
        """A client of TLS that goes while its session is queued takes it along, as one without TLS does."""
        token = self.token(tenant="acme")
        self.site.write_policy("test", "\n[admission]\nmax_sessions = 1\n")
        assert self.site.api("POST", "/v1/admin/reload").status == 200
        holder = self.site.create()
        body = json.dumps({"policy": "test"})
        connection = self.open()
        connection.sendall((f"POST /v1/sessions?wait=ready HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
                            f"Content-Length: {len(body)}\r\n\r\n{body}").encode())
        queued = harness.wait_for(lambda: self.site.api("GET", "/v1/sessions?state=queued").json["sessions"], "it is queued")
        connection.settimeout(0.2)
        try:
            connection.unwrap()  # says farewell, and does not wait for an answer to it
        except OSError:
            pass
        connection.close()
        assert self.site.wait_ended(queued[0]["id"])["end"]["reason"] == "cancelled"
        self.site.delete(holder["id"], grace=0)


def insecure(installed):
    """Beyond loopback without TLS nothing starts, unless the site says so."""
    for settings, words in (("", ("listen_tcp[1]", "listen_insecure", "tls.certificate")), ("listen_insecure = true\n", ())):
        with harness.Stack(installed, settings=settings) as site:
            config = site.folder / "sandboxd.toml"
            loopback = f'"127.0.0.1:{site.tcp_port}"'
            config.write_text(config.read_text().replace(loopback, f'{loopback}, "0.0.0.0:{site.free_port()}"'))
            if not words:
                site.start()
                continue
            site.start(wait=False)
            assert site.launcher.wait(30) != 0
            assert all(word in site.log() for word in words), site.log()


def main():
    harness.private_host()
    tap = harness.Tap()
    with tempfile.TemporaryDirectory(dir="/run") as folder:
        pathlib.Path(folder).chmod(0o755)
        authority = Authority(folder)
        authority.issue(f"{folder}/server", ["localhost", NAME])
        # Tables come last in the file.
        settings = f'host_names = ["{NAME}"]\n[tls]\ncertificate = "{folder}/server.pem"\nkey = "{folder}/server.key"\n'
        with harness.Stack(sys.argv[1], settings=settings) as site:
            tls = Tls(site, authority)
            site.start()
            for name, function in (
                    ("TLS 1.2 and 1.3 serve the API, with tokens", tls.serves),
                    ("older TLS and weak ciphers are refused", tls.versions),
                    ("E33 the server has its names, and no others", tls.wrong_name),
                    ("plain HTTP on the TLS port is told so, noise is not", tls.plain_http),
                    ("sandboxctl over TLS, and its tokens", tls.operator),
                    ("E32 sandboxctl sends nothing to whom it cannot trust, and says why", tls.imposters),
                    ("an answer ends with the server's word for it", tls.truncated),
                    ("a client that goes takes its queued session along", tls.gone),
                    ("E31 slow handshakes and many connections", tls.slow)):
                tap.test(name, function)
    tap.test("beyond loopback only with TLS, or with the site's word", insecure, sys.argv[1])
    tap.finish()


if __name__ == "__main__":
    main()
