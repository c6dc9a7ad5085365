// The counter page: it draws the state that the box pushes, and keeps nothing but what is being typed.

import { Acts } from "./acts.js";
import { Camera } from "./camera.js";
import { byId, show, write } from "./dom.js";
import { drawHead, drawStatus } from "./head.js";
import { choiceId, drawBox, drawDay, drawOperations, drawPrints, drawSell, stock } from "./lists.js";
import { Link } from "./net.js";
import { news } from "./news.js";
import { choose, drawOffers, drawPanel, newest, offers, verdicts } from "./panels.js";
import { Reloader, remembered, remember } from "./reload.js";
import { Screens } from "./screens.js";
import { Sounds } from "./sounds.js";
import { Typing } from "./typing.js";
import { Windows } from "./windows.js";
import { speaker } from "./words.js";

/** For so long, buttons that have just come can't be pressed. */
const SETTLE_MS = 300;
const VIEWS = ["counter", "sell", "day", "box"];

class Page {
  screen = null;
  link = "connecting";
  trouble = "";
  language = document.documentElement.lang;
  say = speaker("fr");
  settling = 0;
  offered = {};
  chosen = "";
  shown = "";
  seen = 0;
  boot = "";
  read = "";

  constructor() {
    this.sounds = new Sounds(() => this.drawSoundHint());
    this.reloader = new Reloader(() => this.isQuiet);
    this.acts = new Acts(this);
    this.windows = new Windows(this);
    this.typing = new Typing(this);
    this.camera = new Camera(this.windows, () => this.draw());
    this.screens = new Screens(this);
    this.net = new Link({
      onState: (screen, first) => this.take(screen, first),
      onLost: (refusal) => this.setLink("lost", refusal),
      onUnpaired: () => this.setLink("unpaired"),
    });
    this.speak(remembered("language") ?? (navigator.language.startsWith("fr") ? "fr" : "en"));
    this.listen();
    this.listenToLists();
    this.listenToForms();
    this.turnTo();
    this.draw();
    this.net.start(remembered("language"));
  }

  // ---- what comes from the box

  take(screen, first) {
    const before = this.screen;
    this.screen = screen;
    if (screen.language !== this.language) this.speak(screen.language);
    if (before?.language === screen.language) this.announce(news(before, screen, this.trouble !== "", this.say).join(" "), "heard-also");
    // What was asked in one mode must not be done in the other.
    if (before && before.training !== screen.training) {
      this.windows.close();
      this.settle();
    }
    if (first) {
      this.setLink("up");
      this.turnTo(document.body.dataset.view);
    }
    this.acts.forgetAnswered(screen);
    const [read] = screen.presented;
    const id = read ? `${screen.boot} ${read.number}` : "";
    const { result } = screen;
    if (id !== this.read || (result?.accepted && !result.aside && before?.result?.number !== result.number)) this.typing.set("");
    this.read = id;
    const isNew = newest(screen) > (screen.boot === this.boot ? this.seen : 0);
    if (isNew && before) this.comeToCounter();
    this.draw();
    // After a reconnect the page shows the truth in silence.
    if (!first && isNew) this.tell(verdicts(screen, this.seen), read);
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
    if (!message) return;
    byId(region).textContent = "";
    requestAnimationFrame(() => (byId(region).textContent = message));
  }

  comeToCounter() {
    this.windows.close();
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

  // ---- drawing

  draw() {
    const { body } = document;
    const { screen, say } = this;
    body.dataset.link = this.link;
    const unpaired = this.link === "unpaired";
    show(byId("pairing"), unpaired);
    for (const part of [byId("status"), byId("nav"), byId("main"), document.querySelector("aside")]) part.hidden = unpaired;
    drawStatus(screen, this.link, this.trouble, say);
    this.drawSoundHint();
    if (screen && !unpaired) {
      drawHead(screen);
      this.drawCounter();
      const choices = stock(screen);
      if (!choices.some((choice) => choiceId(choice) === this.chosen)) this.chosen = choices.length === 1 ? choiceId(choices[0]) : "";
      drawSell(screen, this.chosen, say);
      drawOperations(screen, say);
      // On a phone the panel moves.
      if (drawPrints(screen, say)) this.settle();
      drawDay(screen, say);
      drawBox(screen, say);
      this.screens.draw();
      this.camera.draw(screen, this.link === "up", say);
      this.windows.drawOperation();
    }
    this.enable();
  }

  drawCounter() {
    const panel = choose(this.screen);
    const shown = `${panel.name} ${this.screen.boot} ${newest(this.screen)}`;
    drawPanel(this.screen, panel, this.say);
    this.offered = offers(panel, this.typing.amount, this.screen, this.say);
    drawOffers(panel, this.offered);
    if (shown === this.shown) return;
    const first = this.shown === "";
    this.shown = shown;
    this.settle();
    if (!first && document.body.dataset.view === "counter") this.focusPanel(panel);
  }

  focusPanel(panel) {
    if (panel.name === "card") this.reach(byId("amount"));
    else if (this.offered.primary) this.wantsPrimary = true;
    else byId("main").focus({ preventScroll: true });
  }

  /** Scrolls only where it is covered. */
  reach(element) {
    element.focus({ preventScroll: true });
    element.scrollIntoView({ block: "nearest" });
  }

  drawSoundHint() {
    show(byId("wake"), this.sounds.blocked);
  }

  enable() {
    const can = this.link === "up" && !this.acts.busy;
    for (const button of document.querySelectorAll("[data-act]")) button.disabled = !can || button.dataset.idle === "true";
    byId("main").setAttribute("aria-busy", String(this.acts.busy));
    if (this.wantsPrimary && !byId("primary").disabled) {
      this.reach(byId("primary"));
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
    this.typing.speak(language);
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

  complain(sentence) {
    const { view } = document.body.dataset;
    const here = view === "counter" ? "notice" : `${view}-notice`;
    for (const notice of document.querySelectorAll("main .notice")) write(notice, notice.id === here ? sentence : "");
  }

  connect() {
    this.setLink("connecting");
    this.net.start(remembered("language"));
  }

  // ---- what it listens to

  /** Nothing is being typed, asked or done: a moment in which the page may be loaded anew. */
  get isQuiet() {
    return !this.acts.busy && !this.typing.amount && !byId("pin").value && !this.windows.isOpen;
  }

  listen() {
    const { acts, windows } = this;
    const click = (id, doing) => byId(id).addEventListener("click", doing);
    // A press that was meant for what stood there a moment ago is none.
    const settled = (doing) => () => this.settling || doing(this.screen.result?.event_id);
    window.addEventListener("hashchange", () => {
      this.turnTo();
      this.complain("");
    });
    click("primary", () => acts.takeUp(this.offered.primary));
    click("spend-part", () => acts.takeUp(this.offered.part));
    click("spend-all", () => acts.takeUp(this.offered.all));
    click("second", () => acts.takeUp(this.offered.second));
    click("off", settled(() => acts.clear()));
    click("after-print", settled((event) => acts.print(event)));
    click("after-receipt", settled((event) => windows.showReceipt(event)));
    click("after-void", settled((event) => acts.void(event)));
    click("type-code", () => windows.typeCode());
    click("day-close", () => acts.closeDay());
    click("training-switch", () => acts.switchTraining());
    click("wake", () => this.sounds.wake());
    click("language", () => this.changeLanguage());
  }

  listenToForms() {
    const { acts } = this;
    for (const [id, doing] of [["sell-form", () => acts.sell()], ["code-form", () => acts.readCode()], ["pairing-form", () => acts.pair()]]) {
      byId(id).addEventListener("submit", (event) => {
        event.preventDefault();
        doing();
      });
    }
  }

  listenToLists() {
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
      if (operation) this.windows.openOperation(operation);
    });
    byId("prints").addEventListener("click", ({ target }) => {
      const { print, printed } = target.closest("[data-print]")?.dataset ?? {};
      if (print) this.acts.answerPrint(print, printed === "true");
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
