// What the shopkeeper does: one act at a time, each sent once. It keeps the keys of sales and voids whose answer hasn't come.

import { byId, write } from "./dom.js";
import { choiceId, stock } from "./lists.js";
import { Declined, LostAnswer, act, newKey } from "./net.js";
import { newest } from "./panels.js";

export class Acts {
  #page;
  #keys = new Map();
  busy = false;

  /** `page` has what is shown (screen, link, language, say), and shows what becomes of an act. */
  constructor(page) {
    this.#page = page;
  }

  /** Do one act at a time; say what went wrong, in place. `refused` says it elsewhere. */
  async perform(doing, refused = (sentence) => this.#page.complain(sentence)) {
    const page = this.#page;
    if (this.busy || page.link !== "up") return undefined;
    const focused = document.activeElement;
    this.busy = true;
    refused("");
    page.enable();
    try {
      return await doing();
    } catch (error) {
      if (error instanceof LostAnswer) refused(page.say(error.keyed ? "act.lost" : "act.lost.unkeyed"));
      else if (error instanceof Declined) refused(error.message || page.say("act.failed"));
      else throw error;
      return undefined;
    } finally {
      this.busy = false;
      page.settle();
      page.draw();
      // A button can't keep the focus while it can't be pressed.
      if (document.activeElement === document.body) focused.focus({ preventScroll: true });
    }
  }

  send(method, path, more = {}) {
    return act(method, path, { ...more, language: this.#page.language });
  }

  /** What a button of the counter offers. */
  takeUp(offer) {
    if (!offer || this.#page.settling) return;
    if (offer.act === "clear") this.clear();
    if (offer.act === "dismiss") this.#takeAway("/v1/counter/result");
    if (!offer.order) return;
    const [read] = this.#page.screen.presented;
    const body = { ...offer.order, presented: read.number };
    this.perform(() => this.send("POST", "/v1/operations", { body, key: read.key }));
  }

  clear() {
    const { screen } = this.#page;
    if (!screen.presented.length && !screen.result) return;
    this.#page.typing.set("");
    this.#takeAway("/v1/counter");
  }

  /** Only what is seen now: a repeat that comes late must not take the next customer's card away. */
  #takeAway(path) {
    const { screen } = this.#page;
    const seen = `boot=${screen.boot}&up_to=${newest(screen)}`;
    this.perform(() => this.send("DELETE", `${path}?${seen}`, { again: true }));
  }

  /** A sale or a void: its key is made once, and kept until an answer to it is known. */
  #intend(body) {
    const intent = JSON.stringify(body);
    if (!this.#keys.has(intent)) this.#keys.set(intent, newKey());
    const key = this.#keys.get(intent);
    return this.perform(async () => {
      try {
        const answer = await this.send("POST", "/v1/operations", { body, key });
        this.#keys.delete(intent);
        return answer;
      } catch (error) {
        if (error instanceof Declined) this.#keys.delete(intent);
        throw error;
      }
    });
  }

  /** A key whose operation is in the list has had its effect: the next sale takes a new one. */
  forgetAnswered(screen) {
    const done = new Set(screen.operations.map((operation) => operation.event_id));
    for (const [intent, key] of this.#keys) if (done.has(key)) this.#keys.delete(intent);
  }

  async sell() {
    const page = this.#page;
    const choice = stock(page.screen).find((one) => choiceId(one) === page.chosen);
    if (!choice || page.settling) return;
    const { training } = page.screen;
    const answer = await this.#intend({ kind: "sell", programme: choice.programme, amount_minor: choice.face_minor, training });
    if (!answer) return;
    page.chosen = "";
    page.draw();
  }

  async void(event) {
    const { screen, windows } = this.#page;
    const { training } = screen;
    const operation = screen.operations.find(({ event_id }) => event_id === event);
    const what = operation ? `${operation.time} · ${operation.message}` : "";
    if (await windows.isSure("void.title", what, "void.ok")) await this.#intend({ kind: "void", event, training });
  }

  print(event) {
    return this.perform(async () => {
      await this.send("POST", "/v1/prints", { body: { event } });
      this.#page.announce(this.#page.say("act.printing"), "heard-politely");
    });
  }

  answerPrint(job, printed) {
    return this.perform(() => this.send("POST", `/v1/prints/${job}/answer`, { body: { printed } }));
  }

  async closeDay() {
    const { say, windows } = this.#page;
    if (await windows.isSure("day.sure", say("day.help"), "day.ok")) await this.perform(() => this.send("POST", "/v1/day-closures"));
  }

  async switchTraining() {
    const { say, screen, windows } = this.#page;
    const on = !screen.training;
    const sure = on
      ? await windows.isSure("training.sure", say("training.warning"), "training.ok")
      : await windows.isSure("training.end", say("training.real"), "training.finish");
    if (sure) await this.perform(() => this.send("PUT", "/v1/training", { body: { on }, again: true }));
  }

  async readCode() {
    const code = byId("code-text").value.trim();
    if (!code) return;
    const refused = (sentence) => write(byId("code-notice"), sentence);
    const read = await this.perform(() => this.send("POST", "/v1/scans", { body: { code, device: "page" } }), refused);
    if (read) byId("code").close();
  }

  async pair() {
    const notice = byId("pairing-notice");
    write(notice, "");
    try {
      await this.send("POST", "/v1/pairing", { body: { pin: byId("pin").value, name: byId("pin-name").value } });
      byId("pin").value = "";
      this.#page.connect();
    } catch (error) {
      write(notice, error instanceof Declined && error.message ? error.message : this.#page.say("act.failed"));
      byId("pin").select();
    }
  }
}
