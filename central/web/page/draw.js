// The office as a pure function of the state that central pushes.

import { byId, fill, fillEach, make, write } from "./dom.js";
import { ago, amounts, moment, money } from "./words.js";

const LEVELS = ["well", "look", "trouble"];

/** Draw a state. `say` gives sentences; `decide(event, decision, amount)` and `see(ids)` are called for a choice. */
export function draw(state, { language, say, decide, see }) {
  const to = { state, language, say, decide, see };
  write(byId("tenant"), state.tenant);
  drawVerdict(to);
  drawTiles(to);
  drawDesk(to);
  drawShops(to);
  drawBooks(to);
  drawEvents(to);
  drawAges(language);
}

/** Times that only grow older need no new state. */
export function drawAges(language) {
  for (const element of document.querySelectorAll("time[data-ago]")) write(element, ago(element.dateTime, language));
}

function since(iso) {
  const element = make("time");
  element.dateTime = iso;
  element.dataset.ago = "";
  return element;
}

function at(iso, language) {
  const element = make("time", "", moment(iso, language));
  element.dateTime = iso;
  return element;
}

/** "Vue ⟨il y a 2 minutes⟩": a sentence with an element where it says {ago}. */
function around(sentence, element) {
  const [before, after = ""] = sentence.split("{ago}");
  return [before, element, after];
}

const counted = (say, name, count) => say(`${name}.${count === 1 ? "one" : "many"}`, { count });

// ---- all at a glance

function drawVerdict({ state, say, language }) {
  byId("verdict").dataset.level = LEVELS[state.level];
  write(byId("verdict-title"), say(`verdict.${LEVELS[state.level]}`));
  const reasons = reasonsOf(state, say, language);
  fill(byId("reasons"), [reasons, language], () => reasons.map((reason) => make("li", "", reason)));
}

function reasonsOf({ link, books, desk, shops }, say, language) {
  const reasons = link.up ? [] : [say("reason.link", { since: moment(link.since, language) })];
  if (books.holds === false) reasons.push(say("reason.books"));
  if (desk.counts.to_decide) reasons.push(counted(say, "reason.decide", desk.counts.to_decide));
  const troubles = shops.flatMap(({ boxes }) => boxes.flatMap((box) => box.troubles));
  for (const trouble of ["silent", "late", "away", "device", "never", "clock", "configuration"]) {
    const count = troubles.filter((found) => found === trouble).length;
    if (count) reasons.push(counted(say, `reason.${trouble}`, count));
  }
  if (desk.counts.to_know) reasons.push(counted(say, "reason.know", desk.counts.to_know));
  return reasons.length ? reasons : [say("reason.none")];
}

function drawTiles(to) {
  const { state, say, language } = to;
  const boxes = state.shops.flatMap((shop) => shop.boxes);
  const online = boxes.filter((box) => box.online && !box.troubles.includes("silent")).length;
  const rows = boxes.reduce((count, box) => count + box.unbooked_rows, 0);
  // Rows are on their way for a moment all the time; they wait where a box is late, or can't be reached.
  const waits = Math.max(0, ...boxes.filter((box) => box.unbooked_rows).map((box) => (box.troubles.includes("late") ? 2 : box.online ? 0 : 1)));
  const risk = amounts(sum(boxes.map((box) => box.value_at_risk_minor)), language);
  const may = amounts(sum(state.books.programmes.map((one) => ({ [one.currency]: one.may_be_accepted_minor }))), language);
  const tiles = [
    ["shops", boxes.length && state.link.up ? `${online} / ${boxes.length}` : "–", say(state.link.up ? "tile.shops.note" : "box.unheard"), state.link.up ? (online === boxes.length ? 0 : 1) : 2, "shops-title"],
    ["queue", String(rows), risk ? say("tile.queue.risk", { amount: risk }) : say(`tile.queue.${rows ? "some" : "none"}`), waits, "shops-title"],
    ["books", say(`tile.books.${verdictOn(state.books)}`), state.books.checked_at, state.books.holds === false ? 2 : 0, "books-title"],
    ["desk", String(state.desk.counts.to_decide), say(state.desk.counts.to_decide ? "tile.desk.some" : "tile.desk.none"), state.desk.counts.to_decide ? 1 : 0, "desk-title"],
    ["may", may || money(0, "EUR", language), say("tile.may.note"), 0, "books-title"],
  ];
  fill(byId("tiles"), [tiles, language], () => tiles.map((tile) => drawTile(tile, say)));
}

function drawTile([name, value, note, level, target], say) {
  const link = make("a", `tile ${LEVELS[level]}`, make("span", "label", say(`tile.${name}`)), make("strong", "", value));
  link.href = `#${target}`;
  link.dataset.id = name;
  link.append(make("span", "soft", name === "books" ? checked(note, say) : note));
  return make("li", "", link);
}

const verdictOn = ({ holds }) => ({ true: "well", false: "trouble" })[holds] ?? "checking";
const checked = (iso, say) => (iso ? around(say("books.checked"), since(iso)) : say("books.checking"));

function sum(amountsOf) {
  const total = {};
  for (const byCurrency of amountsOf)
    for (const [currency, minor] of Object.entries(byCurrency)) total[currency] = (total[currency] ?? 0) + minor;
  return total;
}

// ---- the desk

function drawDesk(to) {
  const { state, say, language } = to;
  const { desk } = state;
  byId("desk-none").hidden = desk.to_decide.length > 0;
  write(byId("desk-some"), some(desk.to_decide.length, desk.counts.to_decide, say));
  fill(byId("desk"), [desk.to_decide, language], () => desk.to_decide.map((found) => drawCase(found, to)));
  const known = [...desk.to_know, ...desk.rows];
  byId("known").hidden = known.length === 0;
  write(byId("known-title"), counted(say, "desk.known", desk.counts.to_know));
  const shown = known.reduce((count, { ids }) => count + (ids?.length || 1), 0);
  write(byId("known-some"), some(shown, desk.counts.to_know, say));
  fill(byId("known-list"), [known, language], () => known.map((found) => (found.kinds ? drawCase(found, to) : drawRow(found, to))));
  byId("desk-settled").hidden = desk.decisions.length === 0;
  fill(byId("desk-settled-list"), [desk.decisions, language], () => desk.decisions.map((taken) => drawDecision(taken, to)));
}

const some = (shown, count, say) => (shown < count ? say("desk.some", { shown, count }) : "");

/** There is nothing to choose: somebody only says that it was seen. */
function drawSeen(ids, { say, see }) {
  const button = make("button", "", say("decide.acknowledge"));
  button.type = "button";
  button.dataset.id = `${ids[0]} seen`;
  button.addEventListener("click", () => see(ids));
  return make("div", "choices", button);
}

function drawCase(found, to) {
  const { say, language } = to;
  const [first, ...others] = found.kinds;
  const sign = found.currency;
  const head = make("h3", "", say(`kind.${first}`));
  const lost = found.loss_minor ? make("p", "lost", say("desk.lost", { amount: money(found.loss_minor, sign, language) })) : null;
  const flags = others.map((kind) => make("span", "tag look", say(`kind.${kind}`)));
  const what = make("p", "soft", `${found.name[language]} · `, make("span", "amount", `…${found.instrument.slice(-6)}`));
  what.title = found.instrument;
  const events = make("ol", "involved", found.events.map((event) => drawInvolved(event, sign, to)));
  const about = to.say(`about.${first}`);
  const seen = found.to_see.length ? drawSeen(found.to_see, to) : null;
  return make("li", "card case", head, what, about === `about.${first}` ? null : make("p", "", about), lost, make("p", "tags", flags), events, seen);
}

function drawInvolved(event, currency, { say, language, decide }) {
  const amount = event.amount_minor === null ? "" : money(event.amount_minor, currency, language);
  const line = make("p", "line", make("span", "", make("strong", "", event.shop_name ?? event.device), " ", at(event.at, language)), make("strong", "amount", amount));
  const item = make("li", "", line);
  if (event.credited) item.append(make("p", "soft", judged(event, currency, say, language)));
  for (const taken of event.decided) item.append(make("p", "soft", say(`decided.${taken.decision}`, { by: taken.by }), " ", at(taken.at, language)));
  if (event.choices.length) {
    const buttons = event.choices.map((decision) => {
      const button = make("button", event.choices.length === 1 ? "primary" : "", say(`decide.${decision}`, { amount: atStake(event, decision, currency, language), shop: event.shop_name }));
      button.type = "button";
      button.dataset.id = `${event.event_id} ${decision}`;
      button.addEventListener("click", () => decide(event, decision, atStake(event, decision, currency, language)));
      return button;
    });
    item.append(make("div", "choices", buttons));
  }
  return item;
}

function atStake(event, decision, currency, language) {
  return money(decision === "accept_loss" ? event.loss_minor : event.amount_minor, currency, language);
}

function judged(event, currency, say, language) {
  const parts = [say(`desk.credited.${event.credited}`)];
  if (event.funded_minor) parts.push(say("desk.funded", { amount: money(event.funded_minor, currency, language) }));
  if (event.loss_minor) parts.push(say("desk.unfunded", { amount: money(event.loss_minor, currency, language) }));
  return parts.join(" · ");
}

function drawRow(row, to) {
  const { say, language } = to;
  const place = `${row.epoch}/${row.first_seq}${row.first_seq === row.last_seq ? "" : `–${row.last_seq}`}`;
  const card = make("li", "card", make("h3", "", say(`kind.${row.kind}`)), make("p", "", say(`about.${row.kind}`)));
  card.append(make("p", "soft", `${row.shop_name} · ${row.device} · ${place}`, row.at ? " · " : "", row.at ? at(row.at, language) : ""));
  if (row.reason) card.append(make("p", "soft", say("desk.reason", { reason: row.reason })));
  if (row.authorisation) card.append(make("p", "soft", say("desk.holds")));
  if (row.event) {
    const raw = make("details", "", make("summary", "", say("desk.raw")), make("pre", "", row.event));
    raw.dataset.id = `${row.device} ${place} ${row.hash ?? ""}`;
    raw.lastChild.tabIndex = 0;
    card.append(raw);
  }
  if (row.ids.length) card.append(drawSeen(row.ids, to));
  return card;
}

function drawDecision(taken, { say, language }) {
  const amount = taken.amount_minor === null ? "" : ` ${money(taken.amount_minor, taken.currency, language)}`;
  const line = make("p", "line", make("span", "", make("strong", "", taken.shop_name ?? say("desk.row")), amount), at(taken.at, language));
  return make("li", "", line, make("p", "soft", say(`decided.${taken.decision}`, { by: taken.by })));
}

// ---- the fleet

function drawShops(to) {
  const { state, language } = to;
  byId("shops-none").hidden = state.shops.length > 0;
  const shops = state.shops.map((shop) => ({ id: shop.shop, shown: [withoutTimes(shop), state.link.up, language], build: () => drawShop(shop, to) }));
  fillEach(byId("shops"), shops);
  for (const box of state.shops.flatMap(({ boxes }) => boxes)) setTimes(box);
}

/** Times that a box's every message changes; they are set in place. */
const TIMES = ["seen_at", "health_at", "oldest_unbooked_at"];

function withoutTimes(shop) {
  const boxes = shop.boxes.map((box) => ({ ...box, ...Object.fromEntries(TIMES.map((name) => [name, Boolean(box[name])])) }));
  return { ...shop, boxes };
}

function setTimes(box) {
  for (const element of byId("shops").querySelectorAll(`time[data-box="${CSS.escape(box.device)}"]`)) element.dateTime = box[element.dataset.at];
}

/** A time of a box's, to be set in place. */
function sinceOf(box, name) {
  const element = since(box[name]);
  Object.assign(element.dataset, { box: box.device, at: name });
  return element;
}

function drawShop(shop, to) {
  const card = make("li", `card shop ${LEVELS[shop.level]}`, make("h3", "", shop.name));
  if (!shop.boxes.length) card.append(make("p", "soft", to.say("shops.no_box")));
  for (const box of shop.boxes) card.append(drawBox(box, shop.boxes.length > 1, to));
  return card;
}

function drawBox(box, isOneOfMany, to) {
  const { say, language } = to;
  const there = to.state.link.up ? "online" : "unheard";
  const presence = box.troubles.find((trouble) => ["never", "silent", "away"].includes(trouble)) ?? there;
  const level = { online: "well", unheard: "look", away: "look", never: "look", silent: "trouble" }[presence];
  const head = make("p", "tags", make("span", `tag ${level}`, say(`box.${presence}`)));
  if (isOneOfMany) head.append(" ", make("strong", "", say("box.till", { till: box.till })));
  if (box.seen_at) head.append(" ", make("span", "soft", around(say("box.seen"), sinceOf(box, "seen_at"))));
  const part = make("div", "box", head);
  for (const trouble of box.troubles) part.append(make("p", "todo", say(`todo.${trouble}`)));
  if (box.health_at) part.append(drawQueue(box, to));
  if (box.devices.length) part.append(make("ul", "tags", box.devices.map((device) => drawDevice(device, say))));
  part.append(drawDetails(box, isOneOfMany, to));
  return part;
}

function drawQueue(box, { say, language }) {
  if (!box.unbooked_rows) return make("p", "", say("box.clear"));
  const risk = amounts(box.value_at_risk_minor, language);
  const line = make("p", "", make("strong", "", counted(say, "box.queue", box.unbooked_rows)));
  if (risk) line.append(" · ", make("strong", "", risk), ` ${say("box.risk")}`);
  if (box.oldest_unbooked_at) line.append(" · ", ...around(say("box.oldest"), sinceOf(box, "oldest_unbooked_at")));
  return line;
}

function drawDevice({ name, state }, say) {
  const level = { ready: "well", opening: "look" }[state] ?? "look";
  const given = { name: say(`device.${name}`).replace(/^device\./, ""), state: say(`state.${state}`).replace(/^state\./, "") };
  return make("li", `tag ${level}`, say("device.state", given));
}

function drawDetails(box, isOneOfMany, { say, language }) {
  const { newest, applied } = box.configuration;
  const notes = [box.device];
  if (!isOneOfMany) notes.push(say("box.till", { till: box.till }));
  if (box.software) notes.push(say("box.software", { software: box.software }));
  notes.push(applied === newest ? say("box.config", { applied }) : say("box.config.old", { applied: applied ?? "–", newest }));
  if (box.clock) notes.push(say(`box.clock.${box.clock}`));
  if (!box.grant) notes.push(say("box.nogrant"));
  return make("p", "soft small", notes.join(" · "));
}

// ---- the books

const FLOWS = ["issued", "sold", "earned", "redeemed", "cancelled", "loss", "held"];

function drawBooks(to) {
  const { state, say, language } = to;
  const { books } = state;
  const verdict = byId("books-verdict");
  verdict.className = books.holds === false ? "notice" : "";
  fill(verdict, [books.holds, books.events, books.checked_at, language], () => [
    books.checked_at && say(`books.${verdictOn(books)}`, { events: books.events, entries: books.entries }),
    " ",
    make("span", "soft", ...[checked(books.checked_at, say)].flat()),
  ]);
  fill(byId("books"), [books.programmes, language], () => books.programmes.map((programme) => drawProgramme(programme, to)));
  fill(byId("promises"), [books.promises, language], () =>
    books.promises.map(({ name, checked, violations }) =>
      make("li", "", make("p", "line", make("span", "", `${violations.length ? "✕" : "✓"} ${say(`promise.${name}`).replace(/^promise\./, "")}`), make("span", "soft", String(checked))), ...violations.map((violation) => make("p", "notice", violation))),
    ),
  );
}

function drawProgramme(programme, { say, language }) {
  const amount = (name) => money(programme[`${name}_minor`], programme.currency, language);
  const list = make("dl");
  for (const name of FLOWS.filter((flow) => programme[`${flow}_minor`])) list.append(make("div", name === "loss" || name === "held" ? "look" : "", make("dt", "", say(`books.${name}`)), make("dd", "", amount(name))));
  return make("li", "card programme", make("h3", "", programme.name[language]), make("p", "line", make("span", "soft", say("books.outstanding")), make("strong", "big", amount("outstanding"))), list);
}

// ---- what happened last

function drawEvents(to) {
  const { state, language } = to;
  byId("events-none").hidden = state.events.length > 0;
  fill(byId("events"), [state.events, language], () => state.events.map((event) => drawEvent(event, to)));
}

function drawEvent(event, to) {
  const { say, language } = to;
  const what = make("p", "line", make("span", "", make("strong", "", say(`event.${event.kind}`)), ` ${event.shop}`), make("strong", "amount", money(event.amount_minor, event.currency, language)));
  const how = [event.how && say(`how.${event.how}`), say(`booked.${event.booked}`), event.name[language]].filter(Boolean).join(" · ");
  const level = { held: "look", disputed: "look", lost: "look", nothing: "look" }[event.booked] ?? "";
  return make("li", level, what, make("p", "line soft small", make("span", "", how), at(event.at, language)));
}
