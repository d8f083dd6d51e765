#!/usr/bin/env python3
"""The dashboard in a real browser, against a real launcher and manager: what a user sees and does, and what an attacker does not.

usage: dashboard_test.py INSTALLATION    Screenshots go to build/screenshots, or to the folder of SANDBOX_SCREENSHOTS."""

import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import browser as chromium  # noqa: E402
import stack as harness  # noqa: E402

ADMIN, ACME, GLOBEX = "admin-token-of-the-tests", "acme-token-of-the-tests", "globex-token-of-the-tests"
SCREENSHOTS = pathlib.Path(os.environ.get("SANDBOX_SCREENSHOTS") or pathlib.Path(__file__).resolve().parents[2] / "build/screenshots")
ATTACK = "<img src=x onerror=\"window.owned=1\"><script>window.owned=1</script>{{7*7}}'\"&lt;b&gt;"
ROW = "table.sessions tbody tr"


class Dashboard:
    def __init__(self, site, page):
        self.site, self.page = site, page
        self.url = f"http://127.0.0.1:{site.tcp_port}/"

    # -- helpers --------------------------------------------------------------------------------------------------

    def log_in(self, token):
        self.page.open("about:blank")
        self.page.open(self.url)
        self.page.type("#token", token)
        self.page.press("enter")

    def enter(self, token=ADMIN):
        self.log_in(token)
        self.page.wait_text("New sessions are admitted")

    def row(self, name):
        """The selector of a session's row, once it is there."""
        number = self.page.wait(lambda: self.page.script(
            "return [...document.querySelectorAll(arguments[0])].findIndex((row) => row.querySelector('th a').textContent === arguments[1]) + 1",
            ROW, name), f"a row of {name}")
        return f"{ROW}:nth-child({number})"

    def names(self):
        return self.page.script("return [...document.querySelectorAll('table.sessions tbody th a')].map((link) => link.textContent)")

    def line(self, name, figure="CPU"):
        return self.page.script("return document.querySelector(arguments[0])?.getAttribute('d')", f"{self.row(name)} [data-label={figure}] .spark-line")

    def clean(self):
        """Nothing was logged, asked of another host, refused by the page's policy, or kept."""
        page = self.page.collect()
        assert not page.messages, page.messages
        own = (self.url, f"blob:{self.url}")
        foreign = [request["url"] for request in page.requests if not request["url"].startswith((*own, "about:", "chrome:", "data:"))]
        assert not foreign, foreign
        page.requests.clear()
        kept = page.script("return [document.cookie, Object.keys(localStorage).length, Object.keys(sessionStorage).length, location.href]")
        assert kept[:3] == ["", 0, 0] and "token-of-the-tests" not in kept[3], kept

    # -- tests ----------------------------------------------------------------------------------------------------

    def two_sessions(self):
        page, site = self.page, self.site
        one = site.create(name="molecule-of-acme", labels={"project": "ribosome"})
        two = site.create(tenant="globex", name="molecule-of-globex")
        for session in (one, two):
            site.run_command(session["id"], "sim burn 1 60s")
        self.enter()
        # The host's room, which enter() waits for, and the list are two answers.
        page.wait(lambda: self.names() == ["molecule-of-globex", "molecule-of-acme"], "both are listed, the newest first")
        for name in self.names():
            before = page.wait(lambda: self.line(name), f"a line of {name}")
            page.wait(lambda: self.line(name) != before, f"the line of {name} moves")
            page.wait(lambda: "measured" not in page.text(f"{self.row(name)} [data-label=CPU]"), f"the CPU of {name} is shown")
        text = page.text()
        for part in ("acme", "globex", "Memory promised", "Queue", "I/O stalls (PSI)"):
            assert part in text, f"{part}: {text}"
        page.screenshot(SCREENSHOTS / "overview-light.png")
        page.emulate(dark=True, width=1280)
        page.screenshot(SCREENSHOTS / "overview-dark.png")
        page.emulate(width=390)
        page.wait(lambda: page.script("return document.documentElement.scrollWidth") <= 390, "nothing is wider than a telephone")
        page.screenshot(SCREENSHOTS / "overview-narrow.png")
        page.emulate()
        self.clean()

    def session_page(self):
        page, route = self.page, f"/v1/sessions/{self.acme()['id']}"
        assert self.site.api("PUT", f"{route}/files/helix.pdb", harness.helix()).status == 201
        self.site.run_command(self.acme()["id"], "open /work/helix.pdb")
        self.enter()
        page.click(f"{self.row('molecule-of-acme')} th a")
        page.wait_text("REST server started", "pre.log")
        page.wait_text("starting → ready", ".events")
        assert "no longer known" not in page.text(".events"), "all of it is known"
        page.wait_text("project=ribosome", ".head")
        before = page.wait(lambda: page.text(".chart .value").strip("–"), "a figure of the CPU")
        page.wait(lambda: page.text(".chart .value") != before, "the figure of the CPU changes")
        assert len(page.find_all(".chart canvas")) == 3
        for button in page.find_all(".columns button"):
            page.call("POST", f"/element/{button}/click", {})
        page.wait(lambda: page.script("return document.querySelector('.picture img')?.naturalWidth === 1280"), "the picture is shown")
        self.site.run_command(self.acme()["id"], "sim print a-new-line-of-the-log")
        page.wait_text("a-new-line-of-the-log", "pre.log")
        page.screenshot(SCREENSHOTS / "session-light.png")
        page.emulate(dark=True, width=1280)
        time_before = page.text(".chart .value")
        page.wait(lambda: page.text(".chart .value") != time_before, "the charts are drawn in their new colours")
        page.screenshot(SCREENSHOTS / "session-dark.png")
        page.emulate(width=390)
        page.wait(lambda: page.script("return document.documentElement.scrollWidth") <= 390, "nothing is wider than a telephone")
        page.screenshot(SCREENSHOTS / "session-narrow.png")
        page.emulate()
        self.clean()

    def acme(self):
        return next(session for session in self.site.api("GET", "/v1/sessions?tenant=acme").json["sessions"] if session["name"] == "molecule-of-acme")

    def freeze_and_extend(self):
        page = self.page
        self.enter()
        row = self.row("molecule-of-acme")
        page.click(f"{row} .actions button[aria-label^=Freeze]")
        page.wait_text("All its processes stop", "dialog")
        page.click("dialog .buttons .quiet")
        page.wait(lambda: not page.find_all("dialog"), "the dialog goes")
        assert self.acme()["state"] != "frozen", "a question that was answered with no does nothing"
        page.click(f"{row} .actions button[aria-label^=Freeze]")
        page.wait_text("Freeze molecule-of-acme?", "dialog")
        page.screenshot(SCREENSHOTS / "confirm.png")
        page.click("dialog .buttons .primary")
        page.wait_text("frozen", f"{row} .state")
        assert self.acme()["state"] == "frozen"
        page.click(f"{row} .actions button[aria-label^=Thaw]")
        page.wait_text("ready", f"{row} .state")
        before = self.acme()["expires"]["lifetime_at"]
        page.click(f"{row} .actions button[aria-label^=Extend]")
        page.click("dialog .buttons .primary")
        page.wait_text("molecule-of-acme: extended", ".notices")
        assert self.acme()["expires"]["lifetime_at"] > before
        self.clean()

    def end(self):
        page = self.page
        self.enter()
        page.click(f"{self.row('molecule-of-globex')} .actions button[aria-label^=End]")
        page.click("dialog .buttons .danger")
        page.wait(lambda: self.names() == ["molecule-of-acme"], "the ended one goes from the list")
        page.click("#show-ended")
        page.wait_text("ended: deleted", self.row("molecule-of-globex"))
        page.click(f"{self.row('molecule-of-globex')} th a")
        page.wait_text("Ended: deleted", ".end")
        page.wait_text("ending → ended", ".events")
        page.screenshot(SCREENSHOTS / "ended.png")
        # The one thing that Chromium itself says: that the session is 410, which the page expects.
        page.collect().messages[:] = [message for message in page.messages if "410 (Gone)" not in message["message"]]
        self.clean()

    def wrong_token(self):
        page = self.page
        for token, words in (("no-token-of-this-site", "does not know this token"), ("two words", "one word without spaces")):
            self.log_in(token)
            page.wait_text(words, "#login-error")
            assert page.script("return document.activeElement.id") == "token", "the user can try again at once"
            assert "Sessions" not in page.text("main")
        page.screenshot(SCREENSHOTS / "login.png")
        page.collect().messages[:] = [message for message in page.messages if "401 (Unauthorized)" not in message["message"]]
        self.clean()

    def own_sessions_alone(self):
        page = self.page
        other = self.site.create(tenant="globex", name="secret-of-globex")
        self.enter(ACME)
        assert self.row("molecule-of-acme")
        assert "globex" not in page.text() and page.text("#who") == "tenant acme"
        page.script("location.hash = arguments[0]", f"#/sessions/{other['id']}")
        page.wait_text("there is no such session")
        own = self.site.create(name="one-of-acme")
        self.log_in(own["token"])
        page.wait_text("one-of-acme", "h1")
        page.wait_text("REST server started", "pre.log")
        assert not page.find_all("a.back") and "molecule" not in page.text()
        page.click("#log-out")
        page.wait_text("Log in", "main h1")
        assert "one-of-acme" not in page.text()
        page.collect().messages[:] = [message for message in page.messages if "404 (Not Found)" not in message["message"]]
        self.clean()
        for session in (own, other):
            self.site.delete(session["id"], grace=0)

    def hostile_texts(self):
        page = self.page
        session = self.site.create(name=ATTACK[:128], labels={"note": ATTACK})
        self.site.run_command(session["id"], f"sim print {ATTACK.replace(' ', '_')}")
        self.enter()
        page.click(f"{self.row(ATTACK[:128])} .actions button[aria-label^=End]")
        page.wait_text("<img src=x", "dialog")
        page.press("escape")
        page.click(f"{self.row(ATTACK[:128])} th a")
        page.wait_text("<img_src=x", "pre.log")
        page.wait_text("<script>", ".facts")
        page.screenshot(SCREENSHOTS / "hostile.png")
        assert page.script("return [window.owned ?? null, document.querySelectorAll('main script, img[src=x]').length, document.querySelectorAll('[onerror]').length]") \
            == [None, 0, 0]
        # The probe works where it may: as markup of a page without a policy it runs.
        page.open("data:text/html,<img src=x: onerror=\"window.owned=1\">")
        page.wait(lambda: page.script("return window.owned === 1"), "the attack works on a page that lets it")
        page.collect()
        page.messages.clear()
        page.requests.clear()
        # And were the page to have a defect, its policy would be in the way.
        self.enter()
        for attempt in ("document.querySelector('main').innerHTML = arguments[0]", "const s = document.createElement('script'); s.text = 'window.owned=1'; document.body.append(s)",
                        "document.body.setAttribute('onclick', 'window.owned=1'); document.body.click()"):
            try:
                page.script(f"try {{ {attempt} }} catch (error) {{ return String(error) }}", ATTACK)
            except chromium.BrowserError:
                pass
        assert page.script("return window.owned ?? null") is None
        page.collect()
        assert any("Content Security Policy" in message["message"] or "TrustedHTML" in message["message"] for message in page.messages), page.messages
        page.messages.clear()
        page.requests.clear()
        self.site.delete(session["id"], grace=0)

    def keyboard(self):
        """From the login to the end of a session without a mouse."""
        page = self.page
        self.site.create(name="ended-by-keys")
        self.enter()
        self.row("ended-by-keys")

        def tab_to(name):
            for _ in range(60):
                if page.focused() == name:
                    return
                page.press("tab")
            raise AssertionError(f"tab never came to {name}, but to {page.focused()}")
        tab_to("ended-by-keys")
        page.press("enter")
        page.wait_text("ended-by-keys", "h1")
        tab_to("End ended-by-keys")
        page.press("enter")
        page.wait_text("End ended-by-keys?", "dialog")
        assert page.focused() == "Cancel", "the harmless answer is the first"
        page.press("tab", "tab", "tab")
        assert page.script("return document.activeElement.closest('dialog') !== null || document.activeElement === document.body"), page.focused()
        tab_to("End session")
        page.press("enter")
        page.wait_text("Ended: deleted", ".end")
        unnamed = page.script("""return [...document.querySelectorAll('button, input, select, a, [role=img], [tabindex="0"], svg')]
            .filter((e) => !(e.innerText || e.getAttribute('aria-label') || e.labels?.length || e.closest('[aria-label]'))).map((e) => e.outerHTML)""")
        assert not unnamed, unnamed
        page.collect().messages[:] = [message for message in page.messages if "410 (Gone)" not in message["message"]]
        self.clean()

    def manager_goes(self):
        """An upgrade of the manager while the page is open: it goes on by itself."""
        page = self.page
        self.enter()
        pid = self.site.manager_pid()
        assert self.site.api("POST", "/v1/admin/handover").status == 202
        harness.wait_for(lambda: self.site.manager_pid() != pid and self.site.is_ready(), "the next manager")
        page.script("document.querySelector('#filter').value = ''")
        made = self.site.create(name="made-after-the-upgrade")
        self.row("made-after-the-upgrade")
        self.site.delete(made["id"], grace=0)
        page.wait(lambda: "made-after-the-upgrade" not in self.names(), "the page follows again")
        page.collect()
        page.messages.clear()
        page.requests.clear()


def main():
    harness.private_host()
    tap = harness.Tap()
    with harness.Stack(sys.argv[1]) as site:
        site.write_policy("test", '\n[lifecycle]\nmax_lifetime = "2h"\nend_after = "1h"\n\n[override]\nmax_lifetime = "8h"\n')
        site.add_tokens(admin=ADMIN, acme=ACME, globex=GLOBEX)
        site.start()
        started = time.monotonic()
        with chromium.Browser() as page:
            print(f"# the browser started in {time.monotonic() - started:.1f} s", flush=True)
            page.emulate()
            test = Dashboard(site, page)
            for name, function in (
                    ("a wrong token is refused, and can be tried again", test.wrong_token),
                    ("an admin sees two sessions whose lines move, by day and night, on a small screen", test.two_sessions),
                    ("a session's page has charts that move, log, events and a picture", test.session_page),
                    ("a session is frozen, thawed and extended, each after a question", test.freeze_and_extend),
                    ("a session is ended, and its page says how it ended", test.end),
                    ("a tenant's token and a session's token see their own alone", test.own_sessions_alone),
                    ("names, labels and logs that are markup stay text, and the page's policy would stop them", test.hostile_texts),
                    ("everything can be done by keyboard, and has a name", test.keyboard),
                    ("the page lives through an upgrade of the manager", test.manager_goes)):
                tap.test(name, function)
    tap.finish()


if __name__ == "__main__":
    main()
