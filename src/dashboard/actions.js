// What can be done to a session, each after a question where it stops or ends something.

import { Problem, request } from "./api.js";
import { ask } from "./dialogs.js";
import { el, notify } from "./dom.js";

const LIVE = ["starting", "ready", "busy", "frozen", "recovering"];

/** By its name where it has one. */
export function nameOf(session) {
  return session.name || session.id;
}

async function perform(session, method, path, body, done) {
  try {
    const after = await request(method, `/v1/sessions/${session.id}${path}`, { body });
    notify(`${nameOf(session)}: ${done}.`);
    return after;
  } catch (error) {
    notify(`${nameOf(session)}: ${error instanceof Problem ? error.text : "the server does not answer"}`, true);
    return null;
  }
}

async function freeze(session) {
  const yes = await ask({
    title: `Freeze ${nameOf(session)}?`, confirm: "Freeze",
    text: "All its processes stop, and keep what they have. The next command, or Thaw, lets them go on.",
  });
  return yes && perform(session, "POST", "/freeze", undefined, "frozen");
}

function thaw(session) {
  return perform(session, "POST", "/thaw", undefined, "thawed");
}

async function extend(session) {
  const seconds = await ask({
    title: `Extend ${nameOf(session)}?`, confirm: "Extend", label: "By",
    text: "Its end is put off, as far as its policy allows.",
    choices: [["900", "15 minutes"], ["1800", "30 minutes"], ["3600", "1 hour"], ["14400", "4 hours"]],
  });
  return seconds && perform(session, "POST", "/extend", { seconds: Number(seconds) }, "extended");
}

async function end(session) {
  const yes = await ask({
    title: `End ${nameOf(session)}?`, confirm: "End session", danger: true,
    text: "ChimeraX is closed. What was not downloaded or saved elsewhere is lost.",
  });
  return yes && perform(session, "DELETE", "", undefined, "ended");
}

/** The buttons that fit the session's state; `changed` gets the session as it is after one of them. */
export function actionButtons(session, changed) {
  const button = (text, action, kind = "quiet") => el("button", {
    type: "button", class: kind, "aria-label": `${text} ${nameOf(session)}`,
    onclick: async (event) => {
      const origin = event.currentTarget;
      origin.disabled = true;
      const after = await action(session);
      origin.disabled = false;
      if (after) changed(after);
    },
  }, text);
  const buttons = [];
  if (session.state === "frozen") buttons.push(button("Thaw", thaw));
  else if (session.state === "ready" || session.state === "busy") buttons.push(button("Freeze", freeze));
  if (LIVE.includes(session.state)) buttons.push(button("Extend", extend));
  if (session.state !== "ended" && session.state !== "ending") buttons.push(button("End", end, "quiet danger-text"));
  return buttons;
}
