// The counter page: it draws the state that the box pushes and sends what the shopkeeper decides. It keeps nothing but what is
// being typed, and the keys of sales and voids whose answer hasn't come.

import { Camera } from "./camera.js";
import { byId, fillSteps, show, write } from "./dom.js";
import { day } from "./labels.js";
import { choiceId, drawBox, drawDay, drawOperations, drawPrints, drawSell, stock } from "./lists.js";
import { tidy } from "./money.js";
import { Declined, Link, LostAnswer, act, newKey } from "./net.js";
import { choose, drawOffers, drawPanel, newest, offers, verdicts } from "./panels.js";
import { Reloader, remembered, remember } from "./reload.js";
import { Screens } from "./screens.js";
import { Sounds } from "./sounds.js";
import { speaker } from "./words.js";

/** A press that was meant for what stood there a moment ago must not hit what stands there now. */
const SETTLE_MS = 300;
const VIEWS = ["counter", "sell", "day", "box"];

class Page {
  screen = null;
  link = "connecting";
  trouble = "";
  language = document.documentElement.lang;
  say = speaker("fr");
  busy = false;
  settling = 0;
  offered = {};
  chosen = "";
  shown = "";
  seen = 0;
  boot = "";
  read = "";
  keys = new Map();
  opened = null;
  answered = () => undefined;

  constructor() {
    this.sounds = new Sounds(() => this.drawSoundHint());
    this.reloader = new Reloader(() => this.isQuiet);
    this.camera = new Camera(() => this.draw());
    this.screens = new Screens(this);
    this.net = new Link({
      onState: (screen, first) => this.take(screen, first),
      onLost: (refusal) => this.setLink("lost", refusal),
      onUnpaired: () => this.setLink("unpaired"),
    });
    this.speak(remembered("language") ?? (navigator.language.startsWith("fr") ? "fr" : "en"));
    this.listen();
    this.turnTo();
    this.draw();
    this.net.start(remembered("language"));
  }

  // ---- what comes from the box

  take(screen, first) {
    const before = this.screen;
    this.screen = screen;
    if (screen.language !== this.language) this.speak(screen.language);
    if (first) {
      this.setLink("up");
      this.turnTo(document.body.dataset.view);
    }
    this.forgetAnswered(screen);
    const [read] = screen.presented;
    const id = read ? `${screen.boot} ${read.number}` : "";
    const { result } = screen;
    if (id !== this.read || (result?.accepted && !result.aside && before?.result?.number !== result.number)) this.setTyped("");
    this.read = id;
    const news = newest(screen) > (screen.boot === this.boot ? this.seen : 0);
    if (news && before) this.comeToCounter();
    this.draw();
    // After a reconnect the page shows the truth in silence.
    if (!first && news) this.tell(verdicts(screen, this.seen), read);
    this.seen = newest(screen);
    this.boot = screen.boot;
    this.reloader.follow(screen.page);
  }

  tell(said, read) {
    for (const { accepted, message } of said.slice(-1)) {
      this.sounds.play(accepted);
      this.announce(message, accepted ? "heard-politely" : "heard-now");
    }
    if (!said.length && read) this.announce(read.message, "heard-politely");
  }

  /** The same sentence twice is spoken twice. */
  announce(message, region) {
    byId(region).textContent = "";
    requestAnimationFrame(() => (byId(region).textContent = message));
  }

  comeToCounter() {
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
    this.complain("");
    if (location.hash && location.hash !== "#counter") location.replace("#counter");
    this.turnTo("counter");
  }

  /** `refusal`: why a box that answers shows nothing; null when it doesn't answer. */
  setLink(link, refusal = null) {
    const trouble = link !== "lost" ? "" : refusal === null ? this.say("link.lost") : refusal || this.say("link.refused");
    if (trouble && trouble !== this.trouble) this.announce(trouble, "heard-politely");
    this.trouble = trouble;
    const paired = this.link === "unpaired" && link !== "unpaired";
    this.link = link;
    this.draw();
    if (link === "unpaired") byId("pin").focus();
    if (paired) byId("main").focus();
  }

  /** A key whose operation is in the list has had its effect: the next sale takes a new one. */
  forgetAnswered(screen) {
    const done = new Set(screen.operations.map((operation) => operation.event_id));
    for (const [intent, key] of this.keys) if (done.has(key)) this.keys.delete(intent);
  }

  // ---- drawing

  draw() {
    const { body } = document;
    const { screen, say } = this;
    body.dataset.link = this.link;
    const unpaired = this.link === "unpaired";
    show(byId("pairing"), unpaired);
    for (const part of [byId("status"), byId("nav"), byId("main"), document.querySelector("aside")]) part.hidden = unpaired;
    this.drawStatus();
    if (screen && !unpaired) {
      body.classList.toggle("is-training", screen.training);
      show(byId("training"), screen.training);
      write(byId("shop"), screen.shop.name);
      byId("shop").title = `${screen.shop.till} · ${day(screen.business_day, screen.language, { dateStyle: "medium" })}`;
      document.title = `${screen.shop.name} – Comptoir`;
      this.drawCounter();
      const choices = stock(screen);
      if (!choices.some((choice) => choiceId(choice) === this.chosen)) this.chosen = choices.length === 1 ? choiceId(choices[0]) : "";
      drawSell(screen, this.chosen, say);
      drawOperations(screen, say);
      drawPrints(screen, say);
      drawDay(screen, say);
      drawBox(screen, say);
      this.screens.draw();
      this.camera.draw(screen, this.link === "up", say);
      this.drawOpened();
    }
    this.enable();
  }

  drawCounter() {
    const panel = choose(this.screen);
    const shown = `${panel.name} ${this.screen.boot} ${newest(this.screen)}`;
    drawPanel(this.screen, panel, this.say);
    this.offered = offers(panel, byId("amount").value, this.screen, this.say);
    drawOffers(panel, this.offered);
    if (shown === this.shown) return;
    const first = this.shown === "";
    this.shown = shown;
    this.settle();
    if (!first && document.body.dataset.view === "counter") this.focusPanel(panel);
  }

  focusPanel(panel) {
    if (panel.name === "card") byId("amount").focus({ preventScroll: true });
    else if (this.offered.primary) this.wantsPrimary = true;
    else byId("main").focus({ preventScroll: true });
  }

  drawStatus() {
    const { screen, say } = this;
    const status = byId("link");
    const up = this.link === "up" && screen;
    status.className = `dot ${up ? (screen.connection.up ? "good" : "waiting") : this.link === "connecting" ? "waiting" : "bad"}`;
    byId("status").dataset.state = up ? (screen.connection.up ? "good" : "offline") : this.link;
    write(status, up ? screen.connection.message : this.trouble || say("link.connecting"));
    write(byId("queue"), up ? (screen.queue.message ?? "") : "");
    this.drawSoundHint();
  }

  drawSoundHint() {
    show(byId("wake"), this.sounds.blocked);
  }

  /** An open operation fills in live. */
  drawOpened() {
    const operation = this.screen.operations.find(({ event_id }) => event_id === this.opened);
    if (!operation) return;
    write(byId("operation-title"), this.say("operation.title", { time: operation.time }));
    write(byId("operation-amount"), operation.amount ?? "");
    write(byId("operation-message"), [operation.message, operation.voided && this.say("operations.voided")].filter(Boolean).join(" – "));
    fillSteps(byId("operation-steps"), operation.stage, this.say);
    show(byId("operation-print"), operation.can_print);
    show(byId("operation-receipt"), !["close", "void"].includes(operation.kind));
    show(byId("operation-void"), operation.can_void && !operation.voided);
  }

  enable() {
    const can = this.link === "up" && !this.busy;
    for (const button of document.querySelectorAll("[data-act]")) button.disabled = !can || button.dataset.idle === "true";
    byId("main").setAttribute("aria-busy", String(this.busy));
    if (this.wantsPrimary && !byId("primary").disabled) {
      byId("primary").focus({ preventScroll: true });
      this.wantsPrimary = false;
    }
  }

  settle() {
    const acts = document.querySelectorAll(".acts > [data-act], .acts .pair > [data-act]");
    clearTimeout(this.settling);
    for (const button of acts) button.setAttribute("aria-disabled", "true");
    this.settling = setTimeout(() => {
      this.settling = 0;
      for (const button of acts) button.removeAttribute("aria-disabled");
    }, SETTLE_MS);
  }

  speak(language) {
    this.language = language;
    this.say = speaker(language);
    document.documentElement.lang = language;
    for (const element of document.querySelectorAll("[data-say]")) write(element, this.say(element.dataset.say));
    for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", this.say(element.dataset.label));
    byId("language").lang = language === "fr" ? "en" : "fr";
    byId("receipt-code").alt = this.say("receipt.alt");
    byId("amount").placeholder = `0${this.separator}00`;
    write(byId("keypad").querySelector('[data-key=","] span'), this.separator);
    this.setTyped(byId("amount").value);
  }

  get separator() {
    return this.language === "fr" ? "," : ".";
  }

  /** The view that the address names; an address that names none changes nothing. */
  turnTo(named = location.hash.slice(1) || "counter") {
    if (!VIEWS.includes(named)) return;
    document.body.dataset.view = named;
    if (named === "box") this.screens.load();
    for (const link of document.querySelectorAll("nav a")) {
      if (link.hash === `#${named}`) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }

  // ---- what the shopkeeper does

  /** Do one act at a time; say what went wrong, in place. `refused` says it elsewhere. */
  async perform(doing, refused = (sentence) => this.complain(sentence)) {
    if (this.busy || this.link !== "up") return undefined;
    this.busy = true;
    refused("");
    this.enable();
    try {
      return await doing();
    } catch (error) {
      if (error instanceof LostAnswer) refused(this.say("act.lost"));
      else if (error instanceof Declined) refused(error.message || this.say("act.failed"));
      else throw error;
      return undefined;
    } finally {
      this.busy = false;
      this.settle();
      this.draw();
    }
  }

  complain(sentence) {
    const { view } = document.body.dataset;
    const here = view === "counter" ? "notice" : `${view}-notice`;
    for (const notice of document.querySelectorAll("main .notice")) write(notice, notice.id === here ? sentence : "");
  }

  send(method, path, more = {}) {
    return act(method, path, { ...more, language: this.language });
  }

  /** What a button of the counter offers. */
  takeUp(offer) {
    if (!offer || this.settling) return;
    if (offer.act === "clear") this.clear();
    if (offer.act === "dismiss") this.takeAway("/v1/counter/result");
    if (!offer.order) return;
    const [read] = this.screen.presented;
    const body = { ...offer.order, presented: read.number };
    this.perform(() => this.send("POST", "/v1/operations", { body, key: read.key }));
  }

  clear() {
    if (!this.screen?.presented.length && !this.screen?.result) return;
    this.setTyped("");
    this.takeAway("/v1/counter");
  }

  /** Only what is seen now: a repeat that comes late must not take the next customer's card away. */
  takeAway(path) {
    const seen = `boot=${this.screen.boot}&up_to=${newest(this.screen)}`;
    this.perform(() => this.send("DELETE", `${path}?${seen}`, { again: true }));
  }

  /** A sale or a void: its key is made once, and kept until an answer to it is known. */
  intend(body, refused) {
    const intent = JSON.stringify(body);
    if (!this.keys.has(intent)) this.keys.set(intent, newKey());
    const key = this.keys.get(intent);
    return this.perform(async () => {
      try {
        const answer = await this.send("POST", "/v1/operations", { body, key });
        this.keys.delete(intent);
        return answer;
      } catch (error) {
        if (error instanceof Declined) this.keys.delete(intent);
        throw error;
      }
    }, refused);
  }

  async sell() {
    const choice = stock(this.screen).find((one) => choiceId(one) === this.chosen);
    if (!choice || this.settling) return;
    const { training } = this.screen;
    const answer = await this.intend({ kind: "sell", programme: choice.programme, amount_minor: choice.face_minor, training });
    if (!answer) return;
    this.chosen = "";
    this.draw();
  }

  async void(event) {
    const { training } = this.screen;
    if (!(await this.isSure("void.title", this.describe(event), "void.ok"))) return;
    await this.intend({ kind: "void", event, training });
  }

  describe(event) {
    const operation = this.screen.operations.find(({ event_id }) => event_id === event);
    return operation ? `${operation.time} · ${operation.message}` : "";
  }

  print(event) {
    return this.perform(async () => {
      await this.send("POST", "/v1/prints", { body: { event } });
      this.announce(this.say("act.printing"), "heard-politely");
    });
  }

  answerPrint(job, printed) {
    return this.perform(() => this.send("POST", `/v1/prints/${job}/answer`, { body: { printed } }));
  }

  async closeDay() {
    if (await this.isSure("day.sure", this.say("day.help"), "day.ok")) await this.perform(() => this.send("POST", "/v1/day-closures"));
  }

  async switchTraining() {
    const on = !this.screen.training;
    const sure = on
      ? await this.isSure("training.sure", this.say("training.warning"), "training.ok")
      : await this.isSure("training.end", this.say("training.real"), "training.finish");
    if (sure) await this.perform(() => this.send("PUT", "/v1/training", { body: { on }, again: true }));
  }

  async pair() {
    const notice = byId("pairing-notice");
    write(notice, "");
    try {
      await this.send("POST", "/v1/pairing", { body: { pin: byId("pin").value, name: byId("pin-name").value } });
      byId("pin").value = "";
      this.setLink("connecting");
      this.net.start(remembered("language"));
    } catch (error) {
      write(notice, error instanceof Declined && error.message ? error.message : this.say("act.failed"));
      byId("pin").select();
    }
  }

  async readCode() {
    const code = byId("code-text").value.trim();
    if (!code) return;
    const read = await this.perform(() => this.send("POST", "/v1/scans", { body: { code, device: "page" } }), (sentence) => write(byId("code-notice"), sentence));
    if (read) byId("code").close();
  }

  // ---- windows over the page

  open(event) {
    this.opened = event;
    this.drawOpened();
    byId("operation").showModal();
  }

  showReceipt(event) {
    byId("operation").close();
    write(byId("receipt-failed"), "");
    byId("receipt-code").hidden = false;
    byId("receipt-code").src = `/v1/operations/${event}/receipt.svg?language=${this.language}`;
    byId("receipt").showModal();
  }

  /** Ask once; closing the window is a no. */
  isSure(title, text, ok) {
    const dialog = byId("sure");
    byId("operation").close();
    write(byId("sure-title"), this.say(title));
    write(byId("sure-text"), text);
    write(byId("sure-ok"), this.say(ok));
    dialog.returnValue = "";
    this.answered(false);
    dialog.showModal();
    return new Promise((resolve) => (this.answered = resolve));
  }

  // ---- typing

  setTyped(text) {
    byId("amount").value = tidy(text, this.separator);
  }

  typed(text) {
    const was = byId("amount").value;
    this.setTyped(text);
    if (byId("amount").value !== was) this.complain("");
    this.draw();
  }

  key(event) {
    if (event.key === "Enter" && event.repeat) event.preventDefault();
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (document.querySelector("dialog[open]") || this.link === "unpaired" || !this.screen) return;
    const amount = byId("amount");
    if (event.key === "Escape") {
      event.preventDefault();
      this.clear();
    } else if (event.key === "Enter") {
      if (document.body.dataset.view !== "counter" || event.target.closest("button, a, input:not(#amount)")) return;
      event.preventDefault();
      if (!byId("primary").disabled) this.takeUp(this.offered.primary);
    } else if (event.target !== amount && choose(this.screen).name === "card" && document.body.dataset.view === "counter") {
      if (!/^([0-9.,]|Backspace)$/.test(event.key)) return;
      event.preventDefault();
      amount.focus({ preventScroll: true });
      this.typed(event.key === "Backspace" ? amount.value.slice(0, -1) : amount.value + event.key);
    }
  }

  /** Nothing is being typed, asked or done: a moment in which the page may be loaded anew. */
  get isQuiet() {
    return !this.busy && !byId("amount").value && !byId("pin").value && !document.querySelector("dialog[open]");
  }

  listen() {
    const click = (id, doing) => byId(id).addEventListener("click", doing);
    window.addEventListener("hashchange", () => {
      this.turnTo();
      this.complain("");
    });
    document.addEventListener("keydown", (event) => this.key(event));
    click("primary", () => this.takeUp(this.offered.primary));
    click("spend-part", () => this.takeUp(this.offered.part));
    click("spend-all", () => this.takeUp(this.offered.all));
    click("off", () => this.settling || this.clear());
    click("second", () => this.takeUp(this.offered.second));
    click("after-print", () => this.settling || this.print(this.screen.result.event_id));
    click("after-receipt", () => this.showReceipt(this.screen.result.event_id));
    click("after-void", () => this.settling || this.void(this.screen.result.event_id));
    click("operation-print", () => this.print(this.opened).then(() => byId("operation").close()));
    click("operation-receipt", () => this.showReceipt(this.opened));
    click("operation-void", () => this.void(this.opened));
    click("day-close", () => this.closeDay());
    click("training-switch", () => this.switchTraining());
    click("sure-ok", () => byId("sure").close("ok"));
    // Keys go before events: a window may be open again when its last close is told.
    byId("sure").addEventListener("close", ({ target }) => target.open || this.answered(target.returnValue === "ok"));
    click("wake", () => this.sounds.wake());
    click("language", () => this.changeLanguage());
    click("type-code", () => {
      byId("code-text").value = "";
      write(byId("code-notice"), "");
      byId("code").showModal();
    });
    this.listenToLists();
    for (const button of document.querySelectorAll("dialog .leave")) button.addEventListener("click", () => button.closest("dialog").close());
    byId("receipt-code").addEventListener("error", ({ target }) => {
      target.hidden = true;
      write(byId("receipt-failed"), this.say("receipt.failed"));
    });
    for (const [id, doing] of [["sell-form", () => this.sell()], ["code-form", () => this.readCode()], ["pairing-form", () => this.pair()]]) {
      byId(id).addEventListener("submit", (event) => {
        event.preventDefault();
        doing();
      });
    }
  }

  listenToLists() {
    byId("amount").addEventListener("input", (event) => this.typed(event.target.value));
    byId("keypad").addEventListener("click", ({ target }) => {
      const { key } = target.closest("[data-key]")?.dataset ?? {};
      if (!key) return;
      const { value } = byId("amount");
      this.typed(key === "erase" ? value.slice(0, -1) : value + key);
    });
    // The pad leaves the focus where it is, so that Enter still confirms and doesn't type the last digit again.
    byId("keypad").addEventListener("mousedown", (event) => event.preventDefault());
    byId("sell-choices").addEventListener("change", ({ target }) => {
      this.chosen = target.value;
      this.complain("");
      this.draw();
    });
    byId("box-devices").addEventListener("click", ({ target }) => {
      const { camera } = target.closest("[data-camera]")?.dataset ?? {};
      if (!camera) return;
      this.camera.open(camera);
      this.draw();
    });
    byId("operations-list").addEventListener("click", ({ target }) => {
      const { operation } = target.closest("[data-operation]")?.dataset ?? {};
      if (operation) this.open(operation);
    });
    byId("prints").addEventListener("click", ({ target }) => {
      const { print, printed } = target.closest("[data-print]")?.dataset ?? {};
      if (print) this.answerPrint(print, printed === "true");
    });
  }

  changeLanguage() {
    const language = this.language === "fr" ? "en" : "fr";
    remember("language", language);
    this.speak(language);
    this.draw();
    if (this.link !== "unpaired") this.net.start(language);
  }
}

new Page();
