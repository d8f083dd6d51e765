"""A client of the chimerax-sandbox HTTP API, in one file; it needs `requests` only.

    from chimerax_sandbox import Session

    with Session(policy="default", tenant="acme") as s:
        s.upload("structure.pdb")
        s.run("open /work/structure.pdb")
        s.render("picture.png", width=1200, height=900)

The session ends with the block, whatever happens in it. Where the API is, and who calls, is said by a Client, or by the environment as for
sandboxctl: SANDBOX_HOST (unix:///PATH, http://HOST:PORT or https://HOST:PORT; the unix socket of a usual installation unless given) and
SANDBOX_TOKEN_FILE. Every failure is a SandboxError, which says what went wrong and what to do. Commands are never repeated: where an error has
`state_may_have_changed`, the command may have been carried out.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import pathlib
import shutil
import socket
import tempfile
import time
import urllib.parse
import uuid
from typing import Any, BinaryIO, Iterable, Iterator, Mapping, Optional, Sequence, Union

import requests
import requests.adapters
import urllib3

__all__ = ["Client", "Session", "Result", "Event", "FileEntry", "SandboxError", "Refused", "NotFound", "WrongState", "Ended", "NoCapacity",
           "TimedOut", "CommandFailed", "Unreachable"]

DEFAULT_HOST = "unix:///run/chimerax-sandbox/api.sock"
Path = Union[str, "os.PathLike[str]"]


# -- what can go wrong --------------------------------------------------------------------------------------------

class SandboxError(Exception):
    """A request that failed. `code` is stable and for programs, the rest is for people."""

    def __init__(self, detail: str, *, code: str = "unavailable", status: int = 0, cure: str = "", field: str = "", reason: str = "",
                 retry_after: Optional[float] = None, state_may_have_changed: bool = False, problem: Optional[Mapping[str, Any]] = None):
        super().__init__(detail if not cure else f"{detail} ({cure})")
        self.detail, self.code, self.status, self.cure, self.field, self.reason = detail, code, status, cure, field, reason
        #: Seconds after which it is worth another try, of NoCapacity.
        self.retry_after = retry_after
        #: The command may have been carried out although there is no answer to it.
        self.state_may_have_changed = state_may_have_changed
        #: The whole application/problem+json object of the answer.
        self.problem: Mapping[str, Any] = problem or {}
        #: Of commands whose answer is lost: what those before it said. `problem["failed"]` is the index of the one that was lost.
        self.results: Sequence[Result] = tuple(Result._of(one) for one in self.problem.get("results", ()))


class Unreachable(SandboxError):
    """There was no answer: nobody listens, the connection broke, or the answer took longer than was waited."""


class Refused(SandboxError):
    """401 or 403: no token, a wrong one, or one that may not do this."""


class NotFound(SandboxError):
    """404: there is no such session, file or policy that the caller may see."""


class WrongState(SandboxError):
    """409 or 412: the session is in another state, or the file has another content, than the request needs."""


class Ended(SandboxError):
    """410: the session has ended. `end` says why, and what was printed last."""

    @property
    def end(self) -> Mapping[str, Any]:
        return self.problem.get("end", {})


class NoCapacity(SandboxError):
    """A quota, or the host, is full. `reason` says what is short, `retry_after` when to come again."""


class TimedOut(SandboxError):
    """504: it took longer than was waited. A command goes on, and the session is busy until it ends."""


class CommandFailed(SandboxError):
    """ChimeraX carried the command out, and says that it failed. `result` has the log, of those before it too; `command` is the one that failed,
    and `result.failed` its index."""

    def __init__(self, result: Result):
        failed = result if result.failed is None or not result.results else result.results[result.failed]
        error = failed.error or {}
        said = error.get("message") or next((text for level in ("error", "bug") for text in failed.log.get(level, ())), "")
        super().__init__(said.strip() or "the command failed", code="command_failed", cure=failed.hint or "")
        self.type: str = error.get("type", "")
        self.command = failed.command
        self.result = result


_ERRORS = {401: Refused, 403: Refused, 404: NotFound, 409: WrongState, 412: WrongState, 410: Ended, 429: NoCapacity, 504: TimedOut}


def _error_of(response: requests.Response) -> SandboxError:
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    if not isinstance(problem, dict):
        problem = {}
    after = response.headers.get("Retry-After", "")
    # 503 is a full host too, and says what is short; or a part of the system that is down.
    kind = NoCapacity if response.status_code == 503 and problem.get("reason") else _ERRORS.get(response.status_code, SandboxError)
    return kind(
        problem.get("detail") or f"the API answered {response.status_code} {response.reason}", code=problem.get("code", "unavailable"),
        status=response.status_code, cure=problem.get("cure", ""), field=problem.get("field", ""), reason=problem.get("reason", ""),
        retry_after=float(after) if after.isdigit() else None, state_may_have_changed=problem.get("state_may_have_changed", False),
        problem=problem)


# -- what comes back ----------------------------------------------------------------------------------------------

@dataclasses.dataclass(frozen=True)
class Result:
    """What ChimeraX said to commands that it carried out."""

    values: Sequence[Any]  #: one for each command
    log: Mapping[str, Sequence[str]]  #: note, warning, error, bug
    duration_seconds: float
    error: Optional[Mapping[str, str]] = None  #: type and message of the command that failed
    hint: Optional[str] = None  #: what to do about it, where that is known
    results: Sequence[Result] = ()  #: of each command that ran; of such a one, none
    failed: Optional[int] = None  #: the index of the command that failed
    command: str = ""  #: of one command: which
    ok: bool = True

    @classmethod
    def _of(cls, said: Mapping[str, Any]) -> Result:
        return cls(said["values"], said["log"], said["duration_seconds"], said["error"], said.get("hint"),
                   tuple(cls._of(one) for one in said.get("results", ())), said.get("failed"), said.get("command", ""), said["ok"])

    @property
    def value(self) -> Any:
        """The value of the last command, None where it has none."""
        return self.values[-1] if self.values else None

    def __str__(self) -> str:
        return "\n".join(self.log.get("note", ()))


@dataclasses.dataclass(frozen=True)
class Event:
    """One of a stream: `data` is as the API's documentation says for its `type`."""

    id: str
    type: str
    data: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class FileEntry:
    """What a folder of the workspace holds."""

    name: str  #: bytes that are no UTF-8 are in it as os.fsdecode has them
    type: str  #: file, folder, link or other
    size: int  #: bytes
    modified_at: datetime.datetime


# -- HTTP ---------------------------------------------------------------------------------------------------------

class _UnixConnection(urllib3.connection.HTTPConnection):
    def __init__(self, path: str, timeout: Any):
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        if isinstance(self.timeout, (int, float)):
            self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class _UnixPool(urllib3.connectionpool.HTTPConnectionPool):
    def __init__(self, path: str):
        super().__init__("localhost")
        self._path = path

    def _new_conn(self) -> _UnixConnection:
        return _UnixConnection(self._path, self.timeout.connect_timeout)


class _UnixAdapter(requests.adapters.HTTPAdapter):
    """Every request goes to one unix socket."""

    def __init__(self, path: str):
        self._pool = _UnixPool(path)
        super().__init__()

    def get_connection(self, url: Any, proxies: Any = None) -> _UnixPool:
        return self._pool

    def get_connection_with_tls_context(self, request: Any, verify: Any, proxies: Any = None, cert: Any = None) -> _UnixPool:
        return self._pool

    def close(self) -> None:
        self._pool.close()


class Client:
    """The API of one site, as one caller. `timeout` is how long, in seconds, an answer may take that is not waited for on purpose."""

    def __init__(self, host: Optional[str] = None, *, token: Optional[str] = None, token_file: Optional[Path] = None,
                 verify: Union[bool, str] = True, timeout: float = 60.0):
        """Of `host`, `token` and `token_file` the environment says what is not given. `verify` is as in requests: a file with the
        certificates to trust, for https."""
        host = host or os.environ.get("SANDBOX_HOST") or DEFAULT_HOST
        token_file = token_file or os.environ.get("SANDBOX_TOKEN_FILE")
        if token is None and token_file:
            token = pathlib.Path(token_file).read_text(encoding="utf-8").strip()
        self.timeout = timeout
        self._http = requests.Session()
        self._http.trust_env = False  # neither a proxy nor a .netrc is meant for this
        self._http.verify = verify
        if host.startswith("unix://"):
            self._base = "http://localhost"
            self._http.mount("http://", _UnixAdapter(host[len("unix://"):]))
        elif host.startswith(("http://", "https://")):
            self._base = host.rstrip("/")
        else:
            raise ValueError(f"{host!r} is no address of an API: unix:///PATH, http://HOST:PORT or https://HOST:PORT")
        if token:
            self._http.headers["Authorization"] = f"Bearer {token}"

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def request(self, method: str, path: str, *, wait: float = 0.0, **more: Any) -> requests.Response:
        """One request, as requests.Session.request takes it. `wait` is what the server is asked to wait, in seconds, on top of the
        timeout. Raises a SandboxError for every answer over 399."""
        try:
            response = self._http.request(method, self._base + path, timeout=(self.timeout, self.timeout + wait), **more)
        except requests.Timeout as error:
            raise Unreachable(f"no answer came from {self._base}{path} in {self.timeout + wait:g} s", code="timed_out",
                              state_may_have_changed=method != "GET") from error
        except requests.RequestException as error:
            raise Unreachable(f"there is no answer from the API: {error}", cure="Does sandboxd run, and is its address right?",
                              state_may_have_changed=method != "GET") from error
        if response.status_code >= 400:
            with response:
                raise _error_of(response)
        return response

    def _json(self, method: str, path: str, **more: Any) -> Any:
        with self.request(method, path, **more) as response:
            try:
                return response.json()
            except (ValueError, RecursionError) as error:
                raise SandboxError(f"the API's answer cannot be read: {error}", cure="Is it the API of chimerax-sandbox?",
                                   status=response.status_code, state_may_have_changed=method != "GET") from error

    def sessions(self, *, state: Optional[str] = None, tenant: Optional[str] = None, label: Optional[str] = None) -> Iterator[Session]:
        """The sessions that the caller may see. `label` is KEY=VALUE."""
        asked = {"state": state, "tenant": tenant, "label": label, "cursor": None}
        while True:
            page = self._json("GET", "/v1/sessions", params={name: value for name, value in asked.items() if value})
            for one in page["sessions"]:
                yield Session._of(self, one)
            asked["cursor"] = page.get("next_cursor")
            if not asked["cursor"]:
                return

    def session(self, id: str) -> Session:
        """One that lives. Raises Ended for one that has ended, NotFound for one that is not the caller's."""
        return Session._of(self, self._json("GET", f"/v1/sessions/{_quoted(id)}"))

    def policies(self) -> Sequence[Mapping[str, Any]]:
        """Those that the caller may use."""
        return self._json("GET", "/v1/policies")["policies"]

    def quota(self) -> Sequence[Mapping[str, Any]]:
        """What the caller's tenant has, and what it may have."""
        return self._json("GET", "/v1/quota")["quotas"]

    def events(self, last_id: Optional[str] = None) -> Iterator[Event]:
        """What happens to all sessions that the caller may see, until the server goes; `last_id` is the event to go on after."""
        return self._events("/v1/events", last_id)

    def _events(self, path: str, last_id: Optional[str]) -> Iterator[Event]:
        headers = {"Accept": "text/event-stream", **({"Last-Event-ID": last_id} if last_id else {})}
        with self.request("GET", path, headers=headers, stream=True) as response:
            yield from _parse_events(response)


def _parse_events(response: requests.Response) -> Iterator[Event]:
    """https://html.spec.whatwg.org/multipage/server-sent-events.html, as far as the API uses it."""
    id, kind, data = "", "message", []
    try:
        for raw in response.iter_lines(chunk_size=1):
            name, _, value = raw.decode("utf-8").partition(":")
            value = value[1:] if value.startswith(" ") else value
            if name == "id":
                id = value
            elif name == "event":
                kind = value
            elif name == "data":
                data.append(value)
            elif not raw and data:
                yield Event(id, kind, json.loads("\n".join(data)))
                kind, data = "message", []
    except requests.RequestException as error:
        raise Unreachable(f"the stream of events broke: {error}") from error


def _quoted(text: str) -> str:
    return urllib.parse.quote(text, safe="")


_PIECE = 1 << 16


def _pieces(response: requests.Response) -> Iterator[bytes]:
    """A body as it comes. Raises Unreachable where it ends too early."""
    left = int(response.headers.get("Content-Length", -1))
    try:
        for piece in response.iter_content(_PIECE):
            left -= len(piece)
            yield piece
    except requests.RequestException as error:
        raise Unreachable(f"the answer broke off: {error}") from error
    if left > 0:
        raise Unreachable(f"the answer broke off: {left} bytes of it are missing")


def _save(target: Path, pieces: Iterable[bytes]) -> pathlib.Path:
    """Into a file that is seen under its name only when all is there, with the mode of the one before it; what is not a regular file is
    written into."""
    place, written = os.path.realpath(target), pathlib.Path(os.fsdecode(target))
    if os.path.exists(target) and not os.path.isfile(target):
        with open(target, "wb") as file:
            file.writelines(pieces)
        return written
    handle, temporary = tempfile.mkstemp(prefix=".sandbox-", dir=os.path.dirname(place))
    try:
        with open(handle, "wb") as file:
            file.writelines(pieces)
        if os.path.exists(place):
            shutil.copymode(place, temporary)
        else:
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, place)
    except BaseException:
        os.unlink(temporary)
        raise
    return written


# -- a session ----------------------------------------------------------------------------------------------------

class Session:
    """A ChimeraX in a sandbox of its own, from here to the end of the `with` block, or to `end()`."""

    def __init__(self, policy: Optional[str] = None, *, tenant: Optional[str] = None, client: Optional[Client] = None,
                 name: Optional[str] = None, labels: Optional[Mapping[str, str]] = None, memory_bytes: Optional[int] = None,
                 cpus: Optional[float] = None, pids: Optional[int] = None, env: Optional[Mapping[str, str]] = None,
                 idle_timeout: Optional[float] = None, max_lifetime: Optional[float] = None, start_timeout: float = 120.0,
                 max_restarts: Optional[int] = None):
        """Makes it, and waits until it is ready, at most `start_timeout` seconds; ChimeraX is started again after a crash at most
        `max_restarts` times, as the policy says unless given. Without `policy` it is the first that the tenant may
        use; `tenant` is needed of an admin. Raises NoCapacity where a quota or the host is full, SandboxError where it did not start."""
        limits = {"memory_bytes": memory_bytes, "cpus": cpus, "pids": pids}
        asked: dict[str, Any] = {
            "policy": policy, "tenant": tenant, "name": name, "labels": labels, "env": env, "idle_timeout_seconds": idle_timeout,
            "max_lifetime_seconds": max_lifetime, "queue_timeout_seconds": start_timeout, "max_restarts": max_restarts,
            "limits": {key: value for key, value in limits.items() if value is not None} or None}
        self._owns_client = client is None
        self.client = client or Client()
        deadline = time.monotonic() + start_timeout
        try:
            # With the key a create whose answer was lost, and that is sent again, makes no second session.
            self._info = self._create({key: value for key, value in asked.items() if value is not None}, start_timeout, str(uuid.uuid4()))
        except BaseException:
            self._close_client()
            raise
        #: The token for this session alone, which a published port and another client take.
        self.token: Optional[str] = self._info.pop("token", None)
        try:
            while self._info["state"] in ("queued", "starting"):
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimedOut(f"session {self.id} is still {self._info['state']} after {start_timeout:g} s", code="timed_out")
                self.wait("ready", "ended", timeout=left)
            if self._info["state"] == "ended":
                self._raise_ended()
        except BaseException:
            self.end()
            raise

    def _create(self, asked: Mapping[str, Any], start_timeout: float, key: str) -> dict[str, Any]:
        wait = min(start_timeout, 60.0)
        ask = dict(params={"wait": "ready", "timeout": f"{wait:g}"}, json=asked, headers={"Idempotency-Key": key}, wait=wait)
        try:
            return self.client._json("POST", "/v1/sessions", **ask)
        except Unreachable:
            return self.client._json("POST", "/v1/sessions", **ask)

    @classmethod
    def _of(cls, client: Client, info: Mapping[str, Any]) -> Session:
        """One that exists. It ends with a `with` block too."""
        session = cls.__new__(cls)
        session.client, session._owns_client, session._info, session.token = client, False, dict(info), None
        return session

    def _raise_ended(self) -> None:
        end = self._info.get("end", {})
        raise Ended(f"session {self.id} ended ({end.get('reason', 'unknown')}): {end.get('message', '')}", code="gone",
                    problem={"end": end, "session": self._info})

    def _ask(self, method: str, path: str, **more: Any) -> requests.Response:
        """As Client.request does. Raises Ended where there is no answer as the session has ended by itself."""
        try:
            return self.client.request(method, self._route + path, **more)
        except SandboxError as error:
            if error.code not in ("engine", "conflict") or not self._has_ended():
                raise
            gone = Ended(f"session {self.id} ended: {self._info['end'].get('message', '')}", code="gone", status=error.status,
                         state_may_have_changed=error.state_may_have_changed, problem={"end": self._info["end"], "session": self._info})
            raise gone from error

    def _has_ended(self) -> bool:
        """ChimeraX may have gone this moment, or go in the next as after `exit`; that is told once all of it is over."""
        try:
            state = self.wait("ending", "ended", "recovering", timeout=3.0)
            return state != "recovering" and self.wait("ended", timeout=30.0) == "ended"
        except SandboxError as error:
            if isinstance(error, Ended):
                self._info = {**self._info, "state": "ended", "end": error.end}
            return isinstance(error, Ended)

    def _close_client(self) -> None:
        if self._owns_client:
            self.client.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: Any) -> None:
        self.end()

    def __repr__(self) -> str:
        return f"<Session {self.id} {self.state}>"

    # What it is

    @property
    def id(self) -> str:
        return self._info["id"]

    @property
    def state(self) -> str:
        """As last heard of: `refresh()` asks."""
        return self._info["state"]

    @property
    def info(self) -> Mapping[str, Any]:
        """The session's JSON, as last heard of."""
        return self._info

    @property
    def _route(self) -> str:
        return f"/v1/sessions/{_quoted(self.id)}"

    def refresh(self) -> Mapping[str, Any]:
        """Asks for the session's JSON. Raises Ended for one that has ended."""
        self._info = self.client._json("GET", self._route)
        return self._info

    def wait(self, *states: str, timeout: float = 60.0) -> str:
        """Waits until it is in one of the states, and says in which it is; after `timeout` seconds it may be another."""
        with self.client.request("GET", self._route + "/wait", params={"state": ",".join(states), "timeout": f"{max(timeout, 0.001):.3f}"},
                                 wait=timeout) as response:
            self._info = response.json()
        return self.state

    # ChimeraX

    def run(self, *commands: str, timeout: Optional[float] = None, check: bool = True) -> Result:
        """Runs commands, one after the other, and no other client's between them; the first that fails is the last. What each of them said is
        in `results`. `timeout` in seconds is for all of them, and as the policy's unless given. Raises CommandFailed for a command that
        ChimeraX says has failed, unless `check` is false. Where the answer of one is lost, the error's `results` has those before it."""
        asked: dict[str, Any] = {"commands": list(commands)}
        if timeout is not None:
            asked["timeout_seconds"] = timeout
        with self._ask("POST", "/commands", json=asked, wait=timeout if timeout is not None else 3600.0) as response:
            said = response.json()
        result = Result._of(said)
        if check and not said["ok"]:
            raise CommandFailed(result)
        return result

    def render(self, path: Optional[Path] = None, *, width: int = 800, height: int = 600, supersample: int = 1,
               transparent: bool = False) -> bytes:
        """A picture of what is shown, as PNG; written to a file too where `path` is given."""
        asked = {"width": width, "height": height, "supersample": supersample, "transparent": transparent}
        with self._ask("POST", "/render", json=asked, wait=3600.0) as response:
            picture = response.content
        if path is not None:
            _save(path, [picture])
        return picture

    # The workspace, /work in the session

    def _file(self, path: str) -> str:
        name = path.removeprefix("/work/").lstrip("/")
        # urllib3 resolves dots before it sends a URL (RFC 3986, 5.2.4): a file's name would become another route, such as another session's.
        if {".", ".."} & set(name.split("/")):
            raise ValueError(f"{path!r} has a part that is . or .., and would leave the workspace; give the path of the file itself")
        return f"/files/{urllib.parse.quote(name.encode('utf-8', 'surrogateescape'))}"

    def upload(self, source: Union[Path, bytes, BinaryIO], path: Optional[str] = None) -> str:
        """Puts a file, bytes, or what a binary file object or a pipe still has to give, into the workspace, under its own name unless
        `path` says another; missing folders are made. Returns its path in the session, as commands take it."""
        if isinstance(source, (str, os.PathLike)):
            path = path or pathlib.Path(source).name
            with open(source, "rb") as file:
                return self._put(file, path)
        if path is None:
            raise ValueError("bytes need a path in the workspace")
        return self._put(source, path)

    def _put(self, content: Any, path: str) -> str:
        if hasattr(content, "read") and not requests.utils.super_len(content):  # of no length that is known: in chunks
            content = iter(lambda read=content.read: read(_PIECE), b"")
        with self._ask("PUT", self._file(path), data=content, headers={"Content-Type": "application/octet-stream"}, wait=240.0):
            pass
        return "/work/" + path.removeprefix("/work/").lstrip("/")

    def download(self, path: str, target: Union[Path, BinaryIO, None] = None) -> Union[bytes, pathlib.Path, None]:
        """A file of the workspace: its content; or, where `target` is given, written there piece by piece, be it of any size: a path,
        which is returned, or a binary file object. Raises NotFound."""
        with self._ask("GET", self._file(path), stream=True) as response:
            if target is None:
                return b"".join(_pieces(response))
            if isinstance(target, (str, bytes, os.PathLike)):
                return _save(target, _pieces(response))
            for piece in _pieces(response):
                target.write(piece)
            return None

    def files(self, folder: str = "") -> Sequence[FileEntry]:
        """What a folder of the workspace holds. Raises SandboxError for one with more entries than the API tells of."""
        route = (self._file(folder) if folder.strip("/") else "/files") + "?list=1"
        found, after = [], ""
        while True:
            with self._ask("GET", route + after) as response:
                page = response.json()
            for one in page["entries"]:
                name = urllib.parse.unquote_to_bytes(one["name_encoded"]).decode("utf-8", "surrogateescape") if "name_encoded" in one else one["name"]
                found.append(FileEntry(name, one["type"], one["size"],
                                       datetime.datetime.fromisoformat(one["modified_at"].replace("Z", "+00:00"))))
            if not page["truncated"]:
                return found
            if not page.get("next"):
                raise SandboxError(f"/work/{folder} has more entries than the API tells of", code="too_large")
            after = "&after=" + page["next"]

    def delete_file(self, path: str) -> None:
        with self._ask("DELETE", self._file(path)):
            pass

    # To watch it

    def log(self, *, stream: str = "stdout", tail: Optional[int] = None) -> str:
        """What ChimeraX printed; the last `tail` bytes where it is given. After its end too, as long as it is kept."""
        asked = {"stream": stream, **({"tail": str(tail)} if tail is not None else {})}
        with self.client.request("GET", self._route + "/logs", params=asked) as response:
            return response.content.decode("utf-8", "replace")

    def stats(self) -> Mapping[str, Any]:
        """What it uses now: memory, CPU, tasks, I/O, pressure."""
        return self.client._json("GET", self._route + "/stats")

    def events(self, last_id: Optional[str] = None) -> Iterator[Event]:
        """What happens to it, until it has ended; `last_id` is the event to go on after."""
        return self.client._events(self._route + "/events", last_id)

    # To steer it

    def _post(self, verb: str, **more: Any) -> None:
        self._info = self.client._json("POST", f"{self._route}/{verb}", **more)

    def freeze(self) -> None:
        """Stops all its processes; the next command goes on with them."""
        self._post("freeze")

    def thaw(self) -> None:
        self._post("thaw")

    def touch(self) -> None:
        """Says that it is in use: its idle clock starts anew."""
        self._post("touch")

    def extend(self, seconds: float) -> None:
        """Puts the end of its lifetime off. Raises Refused beyond what its policy allows."""
        self._post("extend", json={"seconds": seconds})

    def restart(self) -> None:
        """Starts ChimeraX anew in the same sandbox: the workspace stays, models do not."""
        self._post("restart")
        self.wait("ready", "ended")
        if self.state == "ended":
            self._raise_ended()

    def update(self, *, name: Optional[str] = None, labels: Optional[Mapping[str, str]] = None, memory_bytes: Optional[int] = None,
               cpus: Optional[float] = None, pids: Optional[int] = None, idle_timeout: Optional[float] = None,
               max_lifetime: Optional[float] = None) -> None:
        """Changes what is given; `labels` takes the place of all old ones. Raises Refused beyond what its policy allows."""
        limits = {key: value for key, value in {"memory_bytes": memory_bytes, "cpus": cpus, "pids": pids}.items() if value is not None}
        change = {"name": name, "labels": labels, "limits": limits or None, "idle_timeout_seconds": idle_timeout,
                  "max_lifetime_seconds": max_lifetime}
        self._info = self.client._json("PATCH", self._route, json={key: value for key, value in change.items() if value is not None})

    def end(self, grace: Optional[float] = None) -> Mapping[str, Any]:
        """Ends it, and all that is in it, and says how it ended; again for one that has ended. `grace` is how many seconds ChimeraX has to
        go by itself, as the policy says unless given."""
        try:
            self._info = self.client._json("DELETE", self._route, params={} if grace is None else {"grace_seconds": f"{grace:g}"},
                                           wait=60.0 + (grace or 0.0))
            return self._info.get("end", {})
        finally:
            self._close_client()
