// What stands above everything: the shop, training, and whether box and centre can be reached.

import { byId, show, write } from "./dom.js";
import { day } from "./labels.js";

export function drawHead({ business_day, language, shop, training }) {
  document.body.classList.toggle("is-training", training);
  show(byId("training"), training);
  write(byId("shop"), shop.name);
  byId("shop").title = `${shop.till} · ${day(business_day, language, { dateStyle: "medium" })}`;
  document.title = `${shop.name} – Comptoir`;
}

/** `trouble`: why the box shows nothing, while it does so. */
export function drawStatus(screen, link, trouble, say) {
  const { connection, queue } = link === "up" ? screen : {};
  const state = connection ? (connection.up ? "good" : "offline") : link;
  byId("status").dataset.state = state;
  byId("link").className = `dot ${{ good: "good", offline: "waiting", connecting: "waiting" }[state] ?? "bad"}`;
  write(byId("link"), connection?.message ?? (trouble || say("link.connecting")));
  write(byId("queue"), queue?.message ?? "");
}
