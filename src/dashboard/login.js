// The way in: a token, looked at by the server before anything is shown.

import { logIn, logOut, Problem, request } from "./api.js";
import { el } from "./dom.js";

/** Shows the form. `enter` gets who the caller is; `lost` is called when the token is of no use any more. */
export function showLogin(main, { message = "", enter, lost }) {
  const token = el("input", {
    id: "token", type: "password", autocomplete: "off", autocapitalize: "off", spellcheck: "false", required: true,
    "aria-describedby": "token-help",
  });
  const failure = el("p", { id: "login-error", class: "error", role: "alert" }, message);
  const button = el("button", { type: "submit", class: "primary" }, "Log in");
  const form = el("form", { class: "card login", novalidate: true },
    el("h1", {}, "Log in"),
    el("label", { for: "token" }, "Token"), token,
    el("p", { id: "token-help", class: "hint" }, "Of an admin, a tenant, or one session. It stays in this page’s memory and is gone when you leave."),
    failure, button);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = token.value.trim();
    const refuse = (why) => {
      logOut();
      failure.textContent = why;
      button.disabled = false;
      token.focus();
      token.select();
    };
    if (!/^[\x21-\x7e]+$/.test(text)) return refuse("A token is one word without spaces. Paste it as you got it.");
    button.disabled = true;
    failure.textContent = "";
    logIn(text, () => {});
    try {
      const caller = await request("GET", "/v1/whoami");
      logIn(text, lost);
      enter(caller);
    } catch (error) {
      refuse(error instanceof Problem && error.status === 401 ? "The server does not know this token. Check that all of it was pasted."
        : error instanceof Problem ? error.text : "The server does not answer. Check that sandboxd runs.");
    }
  });
  main.replaceChildren(form);
  token.focus();
}
