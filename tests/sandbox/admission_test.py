#!/usr/bin/env python3
"""A full host: who is admitted, who waits, in which order, and what the others are told."""

import concurrent.futures
import hashlib
import pathlib
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402

PLACES, QUEUE = 10, 30
TOKEN = "token-of-acme"
TENANTS = ("acme", "globex", "initech")
ADMISSION = f"max_sessions = {PLACES}\nqueue_length = {QUEUE}\nqueue_timeout = \"10m\"\n"


def create(site, tenant, wait="", headers=None, **more):
    return site.api("POST", f"/v1/sessions{wait}", {"tenant": tenant, "policy": "test", **more}, headers=headers, timeout=90)


def sessions(site, state):
    return site.api("GET", f"/v1/sessions?state={state}").json["sessions"]


def serving(site):
    return sessions(site, "ready,busy")


def pressure(site):
    answer = site.api("GET", "/v1/pressure")
    assert answer.status == (200 if answer.json["admitting"] else 503), answer
    assert (answer.status == 503) == ("Retry-After" in answer.headers), answer
    return answer.json


def end_all(site):
    """The queue first, so that nothing comes after."""
    for state in ("queued", "starting,ready,busy"):
        for session in sessions(site, state):
            assert site.delete(session["id"], grace=0).status == 200
    site.assert_no_residue()


def is_full(site):
    """The engine's probe, which takes a place for a moment, has gone."""
    view = pressure(site)
    return len(serving(site)) == PLACES and view["sessions"]["taken"] == PLACES and view["starts"]["now"] == 0


def hundred_for_ten(site):
    """100 creates for 10 places: 10 ready, 30 wait, 60 are refused; then the queue is served tenant by tenant."""
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda n: create(site, TENANTS[n % 3]), range(100)))
    taken = [answer.json for answer in answers if answer.status == 202]
    refused = [answer for answer in answers if answer.status == 429]
    assert len(taken) == PLACES + QUEUE and len(refused) == 100 - PLACES - QUEUE, [answer.status for answer in answers]
    for answer in refused:
        assert answer.json["reason"] in ("queue_full", "tenant_queue_full") and int(answer.headers["Retry-After"]) >= 1, answer
    harness.wait_for(lambda: is_full(site), "ten sessions are ready", timeout=60)
    assert len(sessions(site, "queued")) == QUEUE
    view = pressure(site)
    assert not view["admitting"] and view["reason"] == "queue_full" and view["queue"]["length"] == QUEUE, view

    waiting = {session["id"]: session["tenant"] for session in sessions(site, "queued")}
    order = []
    while waiting:
        victim = serving(site)[0]["id"]
        site.delete(victim, grace=0)

        def started():
            return [id for id in waiting if site.get(id)["state"] in ("ready", "busy")]

        (id,) = harness.wait_for(started, "the next of the queue is ready", timeout=60)
        order.append(waiting.pop(id))
    # While all three wait, each has one of any three that follow one another.
    counts = {tenant: order.count(tenant) for tenant in TENANTS}
    while_all_wait = order[:3 * min(counts.values())]
    for first in range(0, len(while_all_wait), 3):
        assert sorted(while_all_wait[first:first + 3]) == sorted(TENANTS), (counts, order)
    assert len(serving(site)) == PLACES
    end_all(site)


def fill(site):
    for n in range(PLACES):
        assert create(site, TENANTS[n % 3]).status == 202
    harness.wait_for(lambda: is_full(site), "ten sessions are ready", timeout=60)


def retry_after_holds(site):
    """Each of those who were refused comes back when told, and gets into the queue, though others wait there by then."""
    fill(site)
    for n in range(QUEUE):
        assert create(site, TENANTS[n % 3], queue_timeout_seconds=2 + n * 0.2).status == 202
    started = time.monotonic()
    answers = [create(site, TENANTS[n % 3]) for n in range(20)]
    told = [int(answer.headers["Retry-After"]) for answer in answers]
    assert all(answer.status == 429 and answer.json["reason"] == "queue_full" for answer in answers), answers
    assert told == sorted(told) and told[0] < told[-1], told
    for n, after in enumerate(told):
        time.sleep(max(0.0, started + after - time.monotonic()))  # the promise is about time that goes by
        answer = create(site, TENANTS[n % 3], queue_timeout_seconds=600)
        assert answer.status == 202, (n, told, answer)
    assert len(sessions(site, "queued")) >= len(told)
    end_all(site)


def does_not_wait(site):
    fill(site)
    answer = create(site, "acme", queue_timeout_seconds=0)
    assert answer.status == 429 and answer.json["reason"] == "host_sessions" and "Retry-After" in answer.headers, answer
    done = site.sandboxctl("create", "-t", "acme", "--queue-timeout", "0", check=False)
    assert done.returncode == 5, done
    late = create(site, "acme", wait="?wait=ready", queue_timeout_seconds=0.5)
    assert late.status == 429 and late.json["end"]["reason"] == "queue_timeout", late


def gone_client(site, tcp):
    """On the full host of the test before."""
    assert is_full(site)
    if tcp:
        connection = socket.create_connection(("127.0.0.1", site.tcp_port))
    else:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(site.api_socket)
    body = b'{"tenant": "acme", "policy": "test", "name": "gone"}'
    connection.sendall(b"POST /v1/sessions?wait=ready HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + TOKEN.encode() +
                       b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    session, = harness.wait_for(lambda: sessions(site, "queued"), "it waits")
    connection.close()
    harness.wait_for(lambda: not sessions(site, "queued"), "it has left the queue")
    end = site.api("GET", f"/v1/sessions/{session['id']}").json["end"]
    assert end["reason"] == "cancelled", end
    assert len(serving(site)) == PLACES


def same_session(site):
    end_all(site)
    key = {"Idempotency-Key": "one-session"}
    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: create(site, "acme", wait="?wait=ready&timeout=60", headers=key), range(5)))
    assert {answer.status for answer in answers} == {201}, answers
    assert len({(answer.json["id"], answer.json["token"]) for answer in answers}) == 1, answers
    assert len(serving(site)) == 1
    other = create(site, "acme", headers=key, name="another")
    assert other.status == 409 and other.json["field"] == "Idempotency-Key", other
    assert site.delete(answers[0].json["id"]).status == 200
    site.assert_no_residue()


def under_pressure(site):
    """A host that can never have enough: nobody comes in, and the reason is told."""
    answer = create(site, "acme")
    assert answer.status == 503 and answer.json["reason"] == "memory_available" and answer.headers["Retry-After"], answer
    view = pressure(site)
    assert view["reason"] == "memory_available" and not view["admitting"], view
    assert [gate["state"] for gate in view["gates"] if gate["name"] == "memory_available"] == ["closed"], view
    assert not site.api("GET", "/v1/sessions").json["sessions"]


def main():
    harness.private_host()
    tap = harness.Tap()
    with harness.Stack(sys.argv[1], tenants=TENANTS, admission=ADMISSION) as site:
        site.write_tenant("acme", f'token_hashes = ["{hashlib.sha256(TOKEN.encode()).hexdigest()}"]\n')
        site.start()
        tap.test("100 creates for 10 places: 10 ready, the queue served in turn, the rest 429", hundred_for_ten, site)
        tap.test("who comes back after Retry-After finds room", retry_after_holds, site)
        tap.test("who does not want to wait, or no longer, is told 429", does_not_wait, site)
        tap.test("a client that goes away leaves the queue", gone_client, site, False)
        tap.test("a client that goes away leaves the queue, over TCP too", gone_client, site, True)
        tap.test("creates with one Idempotency-Key are one session", same_session, site)
    with harness.Stack(sys.argv[1], admission='memory_available_min = "1024T"\n') as site:
        site.start()
        tap.test("a host under pressure refuses with 503, Retry-After and the reason", under_pressure, site)
    tap.finish()


if __name__ == "__main__":
    main()
