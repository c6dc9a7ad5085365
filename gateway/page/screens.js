// The screens that may use the counter: which there are, how one more comes in, and how one is let in no more.

import { byId, fill, make, write } from "./dom.js";
import { dateOf } from "./labels.js";

export class Screens {
  #page;
  #known = [];

  /** `page` has acts and windows, and speaks (say, language). */
  constructor(page) {
    this.#page = page;
    byId("add-screen").addEventListener("click", () => this.#add());
    byId("screens-list").addEventListener("click", ({ target }) => {
      const { screen } = target.closest("[data-screen]")?.dataset ?? {};
      if (screen) this.#revoke(this.#known.find(({ id }) => id === screen));
    });
    byId("screen").addEventListener("close", () => this.load());
  }

  /** Ask the box again, if it can be reached; without an answer what was known stays. */
  async load() {
    if (this.#page.link !== "up") return;
    const answer = await this.#page.acts.send("GET", "/v1/pairing").catch(() => null);
    if (!answer) return;
    this.#known = answer.screens;
    this.#page.draw();
  }

  draw() {
    const { language, say } = this.#page;
    fill(byId("screens-list"), [this.#known, language], () =>
      this.#known.length ? this.#known.map((screen) => this.#line(screen)) : [make("li", { className: "soft" }, say("screens.none"))],
    );
  }

  #line({ id, name, here, paired_at, seen_at }) {
    const { language, say } = this.#page;
    const since = say("screens.since", { paired: dateOf(paired_at, language), seen: dateOf(seen_at, language) });
    return make(
      "li",
      {},
      make("span", {}, make("strong", {}, name), here ? ` (${say("screens.here")})` : null, make("span", { className: "line soft" }, since)),
      make("button", { type: "button", data: { act: "", screen: id, id }, attributes: { "aria-label": `${say("screens.revoke")} ${name}` } }, say("screens.revoke")),
    );
  }

  async #add() {
    const { say } = this.#page;
    const offer = await this.#perform("POST", "/v1/pairing/offers");
    if (!offer) return;
    write(byId("screen-url"), offer.url);
    write(byId("screen-pin"), offer.pin);
    write(byId("screen-valid"), say("screens.valid", { minutes: Math.max(1, Math.floor(offer.valid_s / 60)) }));
    this.#page.windows.show("screen");
  }

  async #revoke({ id, name, here }) {
    const { say } = this.#page;
    if (!(await this.#page.windows.isSure("screens.sure", say(here ? "screens.own" : "screens.help", { name }), "screens.ok"))) return;
    if (!(await this.#perform("DELETE", `/v1/pairing/screens/${id}`, { again: true }))) return;
    await this.load();
    // Its button has gone: the focus stays beside where it was.
    byId("add-screen").focus();
  }

  #perform(method, path, more) {
    const { acts } = this.#page;
    return acts.perform(
      () => acts.send(method, path, more),
      (sentence) => write(byId("screens-notice"), sentence),
    );
  }
}
