// The basket's amount: typed with keys or a finger. Keys that are pressed anywhere on the counter reach it.

import { byId, write } from "./dom.js";
import { tidy } from "./money.js";
import { choose } from "./panels.js";

export class Typing {
  #page;
  #separator = ",";

  /** `page` has what is shown (screen, link, offered, windows), and acts. */
  constructor(page) {
    this.#page = page;
    document.addEventListener("keydown", (event) => this.#press(event));
    byId("amount").addEventListener("input", ({ target }) => this.#typed(target.value));
    byId("keypad").addEventListener("click", ({ target }) => {
      const { key } = target.closest("[data-key]")?.dataset ?? {};
      if (key) this.#typed(key === "erase" ? this.amount.slice(0, -1) : this.amount + key);
    });
    // The pad leaves the focus where it is, so that Enter still confirms and doesn't type the last digit again.
    byId("keypad").addEventListener("mousedown", (event) => event.preventDefault());
  }

  get amount() {
    return byId("amount").value;
  }

  set(text) {
    byId("amount").value = tidy(text, this.#separator);
  }

  speak(language) {
    this.#separator = language === "fr" ? "," : ".";
    byId("amount").placeholder = `0${this.#separator}00`;
    write(byId("keypad").querySelector('[data-key=","] span'), this.#separator);
    this.set(this.amount);
  }

  #typed(text) {
    this.set(text);
    this.#page.complain("");
    this.#page.draw();
  }

  #press(event) {
    const { acts, link, offered, screen, windows } = this.#page;
    if (event.key === "Enter" && event.repeat) event.preventDefault();
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (windows.isOpen || link === "unpaired" || !screen) return;
    const atCounter = document.body.dataset.view === "counter";
    if (event.key === "Escape") {
      event.preventDefault();
      if (atCounter) acts.clear();
      else location.hash = "#counter";
    } else if (event.key === "Enter") {
      if (!atCounter || event.target.closest("button, a, input:not(#amount)")) return;
      event.preventDefault();
      if (!byId("primary").disabled) acts.takeUp(offered.primary);
    } else if (event.target !== byId("amount") && choose(screen).name === "card" && atCounter) {
      if (!/^([0-9.,]|Backspace)$/.test(event.key)) return;
      event.preventDefault();
      byId("amount").focus({ preventScroll: true });
      this.#typed(event.key === "Backspace" ? this.amount.slice(0, -1) : this.amount + event.key);
    }
  }
}
