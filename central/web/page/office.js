// The office page: it draws the state that central pushes, and sends decisions. Texts are set as text, never as HTML.

import { ago, moment, money, speaker } from "./words.js";

const RETRY_MS = 3000;
const AGES_EVERY_MS = 15000;
const byId = (id) => document.getElementById(id);

let language = localStorage.getItem("language") ?? (navigator.language.startsWith("fr") ? "fr" : "en");
let say = speaker(language);
let state = null;
let stream = null;

function make(tag, text = "", name = "") {
  const element = document.createElement(tag);
  element.textContent = text;
  element.className = name;
  return element;
}

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
  for (const element of document.querySelectorAll("[data-say]")) element.textContent = say(element.dataset.say);
  byId("language").textContent = say("other");
  byId("language").lang = language === "fr" ? "en" : "fr";
  if (state) draw();
}

// ---- drawing

function draw() {
  drawGlance();
  drawDesk();
  byId("shops").replaceChildren(...state.shops.map(drawShop));
  drawBooks();
  drawEvents();
}

function glance(title, value, note, kind) {
  const item = make("li", "", kind);
  item.append(make("span", title), make("strong", value), make("span", note ?? "", "soft"));
  return item;
}

function amounts(byCurrency) {
  return Object.entries(byCurrency).map(([currency, minor]) => money(minor, currency, language)).join(" + ");
}

function sum(boxes) {
  const total = {};
  for (const { health } of boxes)
    for (const [currency, minor] of Object.entries(health?.value_at_risk_minor ?? {})) total[currency] = (total[currency] ?? 0) + minor;
  return total;
}

function drawGlance() {
  const { shops, books, open_cases: cases } = state;
  const there = shops.filter((box) => box.online && !box.silent).length;
  const rows = shops.reduce((count, { health }) => count + (health?.unbooked_rows ?? 0), 0);
  const risk = amounts(sum(shops));
  const may = {};
  for (const programme of books.programmes) may[programme.currency] = (may[programme.currency] ?? 0) + programme.may_be_accepted_minor;
  byId("glance").replaceChildren(
    glance(say("glance.books"), say(books.holds ? "glance.balance" : "glance.broken"), "", books.holds ? "" : "bad"),
    glance(say("glance.shops"), `${there} / ${shops.length}`, "", there === shops.length ? "" : "wait"),
    glance(say("glance.unbooked"), String(rows), risk && say("glance.risk", { amount: risk }), rows ? "wait" : ""),
    glance(say("glance.desk"), String(cases), "", cases ? "wait" : ""),
    glance(say("glance.may"), amounts(may) || money(0, "EUR", language), "", ""),
  );
}

function drawDesk() {
  const { desk } = state;
  const open = desk.findings.filter((finding) => !finding.settled).map(drawCase);
  for (const kind of ["forks", "quarantine", "conflicts"]) open.push(...desk[kind].map((row) => drawRow(kind === "quarantine" ? "quarantine" : kind.slice(0, -1), row)));
  byId("desk").replaceChildren(...open);
  byId("desk-none").hidden = open.length > 0;
  const settled = desk.findings.filter((finding) => finding.settled).map(drawCase);
  byId("desk-settled").hidden = settled.length === 0;
  byId("desk-settled").querySelector("ul").replaceChildren(...settled);
}

function currencyOf(programme) {
  return state.books.programmes.find((known) => known.programme === programme)?.currency ?? "EUR";
}

function drawCase(finding) {
  const card = make("li", "", "card case");
  const currency = currencyOf(finding.programme);
  card.append(make("h3", say(`kind.${finding.kind}`)));
  if (finding.loss_minor) card.append(make("p", say("desk.lost", { amount: money(finding.loss_minor, currency, language) })));
  const list = make("ul");
  for (const event of finding.events) list.append(drawInvolved(event, currency));
  card.append(list, make("p", `${finding.programme} · ${finding.instrument}`, "soft"));
  return card;
}

function drawInvolved(event, currency) {
  const item = make("li");
  const amount = event.amount_minor === null ? "" : money(event.amount_minor, currency, language);
  item.append(make("strong", amount), make("span", ` ${say("desk.at", { shop: event.shop_name ?? event.device, at: moment(event.at, language) })}`));
  if (event.credited) item.append(make("p", `${say("desk.funded", { amount: money(event.funded_minor, currency, language) })} · ${say(`desk.credited.${event.credited}`)}`, "soft"));
  for (const decision of event.decided ?? []) item.append(make("p", say(`decided.${decision}`), "soft"));
  const choices = make("div", "", "choices");
  for (const decision of event.choices ?? []) {
    const button = make("button", say(`desk.${decision}`));
    button.type = "button";
    button.addEventListener("click", () => decide(event.event_id, decision, choices));
    choices.append(button);
  }
  item.append(choices);
  return item;
}

function drawRow(kind, row) {
  const card = make("li", "", "card");
  card.append(make("h3", say(`kind.${kind}`)), make("p", `${row.device} ${row.epoch}/${row.seq}`));
  if (row.reason) card.append(make("p", row.reason));
  if (row.at) card.append(make("p", moment(row.at, language), "soft"));
  return card;
}

function drawShop(box) {
  const health = box.health ?? {};
  const kind = !box.online ? "offline" : box.silent ? "silent" : "online";
  const card = make("li", "", `card ${kind === "online" ? "" : "bad"}`);
  card.append(make("h3", box.name), make("span", say(`shops.${kind}`), `tag ${kind === "online" ? "" : "bad"}`));
  card.append(make("p", box.seen_at ? say("shops.seen", { ago: ago(box.seen_at, language) }) : say("shops.never"), "soft"));
  const rows = health.unbooked_rows ?? 0;
  const risk = amounts(health.value_at_risk_minor ?? {});
  const queue = [rows ? say("shops.queue", { count: rows }) : say("shops.clear"), risk && say("glance.risk", { amount: risk })];
  if (health.oldest_unbooked_at) queue.push(say("shops.oldest", { ago: ago(health.oldest_unbooked_at, language) }));
  card.append(make("p", queue.filter(Boolean).join(" · ")));
  const devices = make("p");
  for (const [name, device] of Object.entries(health.devices ?? {})) {
    devices.append(make("span", `${name} : ${say(`state.${device}`)}`, `tag ${device === "ready" ? "" : "wait"}`), " ");
  }
  card.append(devices);
  const { newest, applied } = box.configuration;
  const notes = [`${box.device}, ${say("shops.till", { till: box.till })}`, box.software, say("shops.config", { applied: applied ?? "–", newest })];
  if (health.clock === "suspect") notes.push(say("shops.clock"));
  if (!box.grant) notes.push(say("shops.nogrant"));
  card.append(make("p", notes.filter(Boolean).join(" · "), "soft"));
  return card;
}

function table(element, heads, rows) {
  const head = make("tr");
  for (const [title, kind] of heads) head.append(Object.assign(make("th", title, kind ?? ""), { scope: "col" }));
  const body = rows.map((cells) => {
    const row = make("tr");
    cells.forEach((cell, at) => row.append(make("td", cell, heads[at][1] ?? "")));
    return row;
  });
  const thead = make("thead");
  thead.append(head);
  const tbody = make("tbody");
  tbody.append(...body);
  element.replaceChildren(thead, tbody);
}

function drawBooks() {
  const { books } = state;
  const given = { events: books.events, entries: books.entries, ago: ago(books.checked_at, language) };
  byId("books-verdict").textContent = say(books.holds ? "books.holds" : "books.fails", given);
  byId("books-verdict").className = books.holds ? "" : "notice";
  const columns = ["issued", "earned", "outstanding", "redeemed", "cancelled", "loss"];
  table(
    byId("books"),
    [[say("books.programme")], ...columns.map((name) => [say(`books.${name}`), "number"])],
    books.programmes.map((programme) => [
      programme[`name_${language}`],
      ...columns.map((name) => money(programme[`${name}_minor`], programme.currency, language)),
    ]),
  );
  byId("promises").replaceChildren(
    ...books.promises.map(({ name, checked, violations }) => make("li", `${violations.length ? "✗" : "✓"} ${name} (${checked}) ${violations.join("; ")}`)),
  );
}

function drawEvents() {
  table(
    byId("events"),
    [[say("events.at")], [say("events.shop")], [say("events.what")], [say("events.amount"), "number"], [say("events.how")]],
    state.events.map((event) => [
      moment(event.at, language),
      event.shop,
      say(`event.${event.kind}`),
      money(event.amount_minor, event.currency, language),
      say(event.training ? "events.training" : event.offline ? "events.offline" : "events.online"),
    ]),
  );
}

// ---- what people do

async function send(method, path, body) {
  const headers = body ? { "Content-Type": "application/json" } : {};
  const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  if (!response.ok) throw Object.assign(new Error((await response.json().catch(() => ({}))).detail ?? ""), { status: response.status });
}

async function decide(redemption, decision, choices) {
  for (const button of choices.querySelectorAll("button")) button.disabled = true;
  try {
    await send("POST", `/v1/office/desk/${redemption}/decision`, { decision });
    byId("desk-notice").textContent = "";
    byId("live").textContent = say("desk.done");
  } catch (error) {
    byId("desk-notice").textContent = say("failed", { reason: error.message });
  }
  await refresh();
}

async function refresh() {
  const response = await fetch("/v1/office/state", { cache: "no-store" }).catch(() => null);
  if (response?.ok) take(await response.json());
}

function take(newest) {
  state = newest;
  show("office");
  draw();
}

function follow() {
  stream?.close();
  stream = new EventSource("/v1/office/live");
  stream.addEventListener("state", ({ data }) => {
    byId("live").textContent = say("live.on");
    take(JSON.parse(data));
  });
  stream.addEventListener("signed-out", enter);
  stream.addEventListener("error", () => {
    byId("live").textContent = say("live.off");
    // The browser tries again by itself, unless it was told to go away.
    if (stream.readyState === EventSource.CLOSED) setTimeout(enter, RETRY_MS);
  });
}

async function enter() {
  stream?.close();
  const response = await fetch("/v1/office/session", { cache: "no-store" }).catch(() => null);
  if (!response?.ok) {
    byId("live").textContent = say("live.off");
    setTimeout(enter, RETRY_MS);
    return;
  }
  const { user, has_users: hasUsers } = await response.json();
  byId("signing-nobody").hidden = hasUsers;
  if (user) {
    follow();
    return;
  }
  byId("live").textContent = "";
  show("signing");
  byId("name").focus();
}

byId("signing-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await send("POST", "/v1/office/session", { name: byId("name").value.trim(), passphrase: byId("passphrase").value.trim() });
    byId("passphrase").value = "";
    byId("signing-notice").textContent = "";
    await enter();
  } catch (error) {
    byId("signing-notice").textContent = say(error.status === 429 ? "signing.wait" : "signing.wrong");
    byId("passphrase").select();
  }
});
byId("leave").addEventListener("click", async () => {
  await send("DELETE", "/v1/office/session").catch(() => null);
  state = null;
  await enter();
});
byId("language").addEventListener("click", () => {
  speak(language === "fr" ? "en" : "fr");
  localStorage.setItem("language", language);
});
setInterval(() => state && !document.hidden && draw(), AGES_EVERY_MS);
speak(language);
enter();
