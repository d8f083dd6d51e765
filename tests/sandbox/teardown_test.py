#!/usr/bin/env python3
"""sandbox-launcher --pin-gateway and --tear-down, which units and the packages' scripts call."""

import fcntl
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import stack as harness  # noqa: E402


def launcher(site, option):
    return subprocess.run([str(site.find("sbin/sandbox-launcher")), "--config", str(site.folder / "sandboxd.toml"), option],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)


def works(site, option):
    done = launcher(site, option)
    assert done.returncode == 0, done


def is_refused(site, option):
    done = launcher(site, option)
    assert done.returncode != 0 and "another sandbox-launcher" in done.stderr, done


def has_gateway(site):
    return os.path.ismount(site.run / "net")


def makes_nothing(site):
    works(site, "--tear-down")
    assert not site.run.exists() and not site.state.exists()


def removes_a_gateway_alone(site):
    for _ in range(2):
        works(site, "--pin-gateway")
        assert has_gateway(site)
    works(site, "--tear-down")
    assert not site.run.exists(), list(site.run.rglob("*"))


def waits_for_nobody(site):
    """A launcher that has yet to make the gateway has the folder to itself."""
    site.run.mkdir(0o755)
    with open(site.run / "launcher.lock", "w", encoding="ascii") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        is_refused(site, "--pin-gateway")
        assert not (site.run / "net").exists()
    works(site, "--pin-gateway")
    works(site, "--tear-down")


def spares_a_launcher(site):
    site.start(manager=False)
    works(site, "--pin-gateway")
    is_refused(site, "--tear-down")
    client, session = harness.LauncherClient(site), harness.session_name(1)
    assert client.receive(client.launch(session, 1))["type"] == "launched"
    client.close()
    site.launcher.kill()
    site.launcher.wait(10)
    works(site, "--tear-down")
    site.assert_no_residue({kind: [session] if kind == "log_folders" else [] for kind in site.residue()})
    assert not site.run.exists(), list(site.run.rglob("*"))


def main():
    harness.private_host()
    tap = harness.Tap()
    with harness.Stack(sys.argv[1]) as site:
        tap.test("where no launcher has run, a tear-down does nothing", makes_nothing, site)
        tap.test("a gateway that no launcher has come to is torn down, too", removes_a_gateway_alone, site)
        tap.test("the gateway is not made beside who is at work in the same folder", waits_for_nobody, site)
        tap.test("a tear-down ends the sessions of a launcher that died, and spares one that runs", spares_a_launcher, site)
    tap.finish()


if __name__ == "__main__":
    main()
