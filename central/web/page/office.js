// The office page: keeps the newest state coming, draws it, and sends what people decide.

import { byId, write } from "./dom.js";
import { draw, drawAges } from "./draw.js";
import { speaker } from "./words.js";

const RETRY_MS = 3000;
const RETRY_FULL_MS = 30000;
/** The centre sends a state each minute at least: a stream that is silent for longer is dead, whatever the browser thinks. */
const SILENT_MS = 90000;
const AGES_EVERY_MS = 15000;
const RETRY_ACT_AFTER_MS = [500, 2000];

let language = localStorage.getItem("language") ?? (navigator.language.startsWith("fr") ? "fr" : "en");
let say = speaker(language);
let state = null;
let stream = null;
let watchdog;
let retry;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function show(view) {
  document.body.dataset.view = view;
  byId("signing").hidden = view !== "signing";
  byId("office").hidden = view !== "office";
  byId("leave").hidden = view !== "office";
}

function speak(chosen) {
  language = chosen;
  say = speaker(language);
  document.documentElement.lang = language;
  document.title = `Comptoir – ${say("signing.title")}`;
  for (const element of document.querySelectorAll("[data-say]")) write(element, say(element.dataset.say));
  write(byId("language"), say("other"));
  byId("language").lang = language === "fr" ? "en" : "fr";
  write(byId("leave"), say("leave"));
  write(byId("desk-done"), "");
  if (document.body.dataset.link) linked(document.body.dataset.link === "up");
  redraw();
}

function redraw() {
  if (state) draw(state, { language, say, decide: ask, see });
}

function linked(isUp, why) {
  document.body.dataset.link = isUp ? "up" : "down";
  write(byId("live"), why ?? say(isUp ? "live.on" : "live.off"));
}

// ---- the state

function take(newest) {
  state = newest;
  if (document.body.dataset.view !== "office") show("office");
  redraw();
}

function follow() {
  stream = new EventSource("/v1/office/live");
  watch();
  // Who has the newest state already gets none when the link is back.
  stream.addEventListener("open", () => state && linked(true));
  stream.addEventListener("state", ({ data }) => {
    watch();
    linked(true);
    take(JSON.parse(data));
  });
  stream.addEventListener("signed-out", enter);
  stream.addEventListener("full", () => lose(say("live.full"), RETRY_FULL_MS));
  stream.addEventListener("error", () => {
    linked(false);
    // The browser tries again by itself, unless it was refused.
    if (stream.readyState === EventSource.CLOSED) lose();
  });
}

function watch() {
  clearTimeout(watchdog);
  watchdog = setTimeout(lose, SILENT_MS, undefined, 0);
}

/** Say that the link is gone, and why if that is known; begin again after a while. */
function lose(why, afterMs = RETRY_MS) {
  leaveStream();
  linked(false, why);
  retry = setTimeout(enter, afterMs);
}

function leaveStream() {
  stream?.close();
  clearTimeout(watchdog);
  clearTimeout(retry);
}

async function enter() {
  leaveStream();
  const response = await fetch("/v1/office/session", { cache: "no-store", headers: { "Accept-Language": language } }).catch(() => null);
  if (!response?.ok) {
    lose(response ? await refusal(response) : undefined);
    return;
  }
  const { user, has_users: hasUsers } = await response.json();
  byId("signing-nobody").hidden = hasUsers;
  if (user) {
    byId("leave").title = user;
    follow();
    return;
  }
  state = null;
  delete document.body.dataset.link;
  write(byId("live"), "");
  show("signing");
  byId("name").focus();
}

// ---- what people do

/** Send an act; one that can be repeated is sent again when its answer was lost. */
async function send(method, path, { body, again = false } = {}) {
  const headers = { "Accept-Language": language };
  if (body) headers["Content-Type"] = "application/json";
  for (const wait of again ? [...RETRY_ACT_AFTER_MS, null] : [null]) {
    const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) }).catch(() => null);
    if (response?.ok) return response;
    if (response) throw Object.assign(new Error(await refusal(response)), { status: response.status });
    if (wait !== null) await pause(wait);
  }
  throw new Error(say("live.off"));
}

/** Why something was refused: what the centre says, or at least that it failed. */
async function refusal(response) {
  const { detail } = await response.json().catch(() => ({}));
  return detail || say("failed", { status: response.status });
}

/** A decision stays: ask once more before it is taken. */
function ask(event, decision, amount) {
  const given = { amount, shop: event.shop_name ?? event.device };
  write(byId("sure-title"), say(`decide.${decision}`, given));
  write(byId("sure-text"), say(`sure.${decision}`, given));
  write(byId("sure-yes"), say(`decide.${decision}`, given));
  byId("sure-yes").onclick = () => {
    byId("sure").close();
    settle([{ target: event.event_id, decision, loss_minor: event.loss_minor }]);
  };
  byId("sure").showModal();
}

function see(ids) {
  settle(ids.map((target) => ({ target, decision: "acknowledge", loss_minor: 0 })));
}

async function settle(acts) {
  write(byId("desk-notice"), "");
  write(byId("desk-done"), "");
  try {
    for (const { target, ...body } of acts) await send("POST", `/v1/office/desk/${target}/decision`, { body, again: true });
    write(byId("desk-done"), say(acts[0].decision === "acknowledge" ? "desk.seen" : "desk.done"));
  } catch (error) {
    if (error.status === 401) {
      await enter();
      return;
    }
    write(byId("desk-notice"), error.message);
  }
  const response = await fetch("/v1/office/state", { cache: "no-store" }).catch(() => null);
  if (response?.ok) take(await response.json());
  byId("desk-title").focus({ preventScroll: true });
}

byId("signing-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  write(byId("signing-notice"), "");
  const body = { name: byId("name").value.trim(), passphrase: byId("passphrase").value.trim() };
  try {
    await send("POST", "/v1/office/session", { body });
    byId("passphrase").value = "";
    await enter();
  } catch (error) {
    write(byId("signing-notice"), error.message);
    byId("passphrase").select();
  }
});
byId("leave").addEventListener("click", async () => {
  await send("DELETE", "/v1/office/session").catch(() => null);
  await enter();
});
byId("language").addEventListener("click", () => {
  localStorage.setItem("language", language === "fr" ? "en" : "fr");
  speak(localStorage.getItem("language"));
});
byId("sure-no").addEventListener("click", () => byId("sure").close());
setInterval(() => state && !document.hidden && drawAges(language), AGES_EVERY_MS);
document.addEventListener("visibilitychange", () => state && !document.hidden && drawAges(language));
speak(language);
enter();
