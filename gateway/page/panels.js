// Which panel lies on the counter, and what its buttons will do: a function of the screen state and of what is typed.

import { byId, fill, fillSteps, make, show, write } from "./dom.js";
import { day, deviceName } from "./labels.js";
import { fromMinor, sendable, spoken } from "./money.js";

/** The newest number on the counter: a read's or a result's. */
export function newest(screen) {
  return Math.max(0, screen.result?.number ?? 0, ...screen.presented.map((read) => read.number));
}

/** What fills the counter: {name, read, result}. A result of what lay there before another read covers nothing. */
export function choose(screen) {
  const [read = null] = screen.presented;
  const result = screen.result?.aside ? null : screen.result;
  if (result) return { name: result.accepted ? "result" : "refused", read, result };
  if (!read) return { name: "ready", read, result };
  if (!read.understood || !read.actions.length) return { name: "refused", read, result };
  return { name: read.kind, read, result };
}

/** The reads and results with a number above this one that want a sound: true for yes, false for no. */
export function verdicts(screen, above) {
  const said = screen.presented.filter((read) => !read.understood || !read.actions.length).map((read) => [read.number, false, read.message]);
  if (screen.result) said.push([screen.result.number, screen.result.accepted, screen.result.message]);
  return said.filter(([number]) => number > above).map(([, accepted, message]) => ({ accepted, message }));
}

/** Whether a card lies under a result, so that one can go on with it. */
export const isUsableCard = (read) => Boolean(read?.understood && read.kind === "card" && read.actions.length);

/** What the counter's buttons do now: {primary, part, all, second}, each {label, order?, act?} or null. */
export function offers(panel, typed, screen, say) {
  const { name, read, result } = panel;
  if (name === "card") return cardOffers(read, typed, screen.language, say);
  if (name === "voucher") {
    const label = say("voucher.redeem", { amount: read.face ?? "" });
    return { primary: { label, order: { kind: "redeem" } } };
  }
  if (name === "ready") return {};
  if (name === "refused") {
    if (!result) return { primary: { label: say("refused.ok"), act: "clear" } };
    const back = { label: say("result.back"), act: "dismiss" };
    const next = { label: say("result.next"), act: "clear" };
    return isUsableCard(read) ? { primary: back, second: next } : { primary: { label: say("refused.ok"), act: "clear" } };
  }
  // After a sale, the card that lies there may be the customer's before.
  const goesOn = ["earn", "redeem"].includes(result.kind) && isUsableCard(read);
  const next = { label: say("result.next"), act: "clear" };
  return { primary: next, second: goesOn ? { label: say("result.continue"), act: "dismiss" } : null };
}

function cardOffers(read, typed, language, say) {
  const amount = sendable(typed);
  const shown = amount && spoken(amount, read.currency, language);
  const earn = { label: shown ? say("card.earn", { amount: shown }) : say("card.empty"), order: amount && { kind: "earn", amount } };
  const part = { label: shown ? say("card.redeem", { amount: shown }) : say("card.redeem.empty"), order: amount && { kind: "redeem", amount } };
  const all = read.spendable_minor > 0 && {
    label: say("card.all", { amount: spoken(fromMinor(read.spendable_minor), read.currency, language) }),
    order: { kind: "redeem", amount_minor: read.spendable_minor },
  };
  if (!read.actions.includes("redeem")) return { primary: earn };
  if (!read.actions.includes("earn")) return { primary: { ...part, label: shown ? part.label : earn.label }, all };
  return { primary: earn, part, all };
}

/** Draw the panel; the buttons are drawn by `drawOffers`. */
export function drawPanel(screen, panel, say) {
  byId("panel").dataset.panel = panel.name;
  for (const name of ["ready", "card", "voucher", "refused", "result"]) {
    show(byId(name), name === panel.name);
  }
  // The section is named by the heading that is to be seen.
  byId("view-counter").setAttribute("aria-labelledby", byId(panel.name).querySelector("h2").id);
  drawers[panel.name](screen, panel, say);
  const [, ...others] = panel.result ? [] : screen.presented;
  const also = others.map((read) => [read.programme_name, read.face].filter(Boolean).join(" ") || read.message).join(" · ");
  show(byId("also"), Boolean(also), say("also", { what: also }));
  const aside = screen.result?.aside ? screen.result : null;
  byId("aside").className = aside && !aside.accepted ? "notice" : "soft";
  show(byId("aside"), Boolean(aside), aside ? say("aside", { what: aside.message }) : "");
}

const drawers = {
  ready(screen, panel, say) {
    const troubles = screen.devices.filter((device) => !device.ready);
    fill(byId("troubles"), [troubles, screen.language], () =>
      troubles.map((device) => make("li", {}, make("strong", {}, deviceName(device, screen.devices, say)), ` – ${device.message}`)),
    );
  },
  card(screen, { read }, say) {
    find("card-name", read.programme_name);
    find("card-balance", read.balance ?? "–");
    const pending = read.pending_minor > 0 && spoken(fromMinor(read.pending_minor), read.currency, screen.language);
    find("card-note", read.refusal ? read.message : pending ? say("card.pending", { amount: pending }) : "");
  },
  voucher(screen, { read }, say) {
    find("voucher-name", read.programme_name);
    find("voucher-face", read.face ?? "");
    const date = read.expires_at && day(read.expires_at.slice(0, 10), screen.language, { dateStyle: "long" });
    find("voucher-expires", date ? say("voucher.expires", { date }) : "");
    find("voucher-note", read.refusal ? read.message : "");
  },
  refused(screen, { read, result }, say) {
    const unclear = !result && !read.understood;
    byId("panel").dataset.unclear = unclear;
    find("refused-title", say(unclear ? "unclear.title" : "refused.title"));
    find("refused-reason", (result ?? read).message);
    const named = !read?.understood || (result ?? read).message.startsWith(read.programme_name);
    find("refused-what", named ? "" : [read.programme_name, read.face].filter(Boolean).join(" · "));
  },
  result(screen, { result }, say) {
    find("result-title", say(`result.${result.kind}`));
    find("result-amount", result.amount ?? "");
    find("result-message", [result.message, result.balance && say("result.balance", { amount: result.balance })].filter(Boolean).join(" "));
    fillSteps(byId("result-steps"), result.stage, say);
    const known = screen.operations.find((operation) => operation.event_id === result.event_id);
    show(byId("after-print"), known?.can_print ?? false);
    show(byId("after-receipt"), Boolean(result.event_id) && result.kind !== "close" && result.kind !== "void");
    show(byId("after-void"), Boolean(known?.can_void));
  },
};

function find(id, text) {
  show(byId(id), text !== "", text);
}

/** Draw the counter's buttons. */
export function drawOffers(panel, offered) {
  for (const [id, offer] of [["primary", offered.primary], ["spend-part", offered.part], ["spend-all", offered.all], ["second", offered.second]]) {
    const button = byId(id);
    show(button, Boolean(offer));
    write(button, offer?.label ?? "");
    button.dataset.idle = String(Boolean(offer && !offer.act && !offer.order));
  }
  show(byId("spend"), Boolean(offered.part || offered.all));
  show(byId("after"), panel.name === "result");
  show(byId("off"), panel.name === "card" || panel.name === "voucher");
}
