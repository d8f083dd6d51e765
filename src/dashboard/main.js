// Starts the page: who is there, and which view the address names. Each view gets a signal that ends it.

import { logOut } from "./api.js";
import { showLogin } from "./login.js";
import { showOverview } from "./overview.js";
import { forgetPictures } from "./picture.js";
import { showSession } from "./session.js";

const main = document.getElementById("main");
const who = document.getElementById("who");
const logOutButton = document.getElementById("log-out");
let caller = null;
let view = new AbortController();

function nextView() {
  view.abort();
  view = new AbortController();
  return view.signal;
}

function show() {
  if (!caller) return;
  const signal = nextView();
  const named = /^#\/sessions\/([a-z][a-z2-7]{15})$/.exec(location.hash)?.[1];
  const id = caller.role === "session" ? caller.session : named;
  if (id) showSession(main, id, caller, signal);
  else showOverview(main, caller, signal);
  scrollTo(0, 0);
}

function enter(its) {
  caller = its;
  who.textContent = caller.role === "tenant" ? `tenant ${caller.tenant}` : caller.role === "session" ? "one session" : "admin";
  logOutButton.hidden = false;
  show();
  main.focus({ preventScroll: true });
}

function leave(message = "") {
  nextView();
  logOut();
  forgetPictures();
  caller = null;
  who.textContent = "";
  logOutButton.hidden = true;
  document.title = "ChimeraX sandbox";
  for (const dialog of document.querySelectorAll("dialog")) dialog.remove();
  showLogin(main, { message, enter, lost: () => caller && leave("The server does not know this token any more. Log in again.") });
}

logOutButton.addEventListener("click", () => leave());
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address names a view
  main.focus();
});
addEventListener("hashchange", show);
addEventListener("pagehide", () => leave()); // a page that the browser keeps to come back to has no token, and no connections
fetch("/version", { credentials: "omit" }).then((answer) => answer.json()).then((answer) => {
  document.getElementById("version").textContent = answer.version;
}).catch(() => {});
leave();
