// The windows over the page: one at a time; once the last is closed, the focus is back where it was.

import { byId, fillSteps, show, write } from "./dom.js";

export class Windows {
  #page;
  #origin = null;
  #opened = null;
  #answered = () => undefined;

  /** `page` speaks (say, language) and does what an open operation offers (acts). */
  constructor(page) {
    this.#page = page;
    const click = (id, doing) => byId(id).addEventListener("click", doing);
    click("operation-print", () => page.acts.print(this.#opened).then(() => byId("operation").close()));
    click("operation-receipt", () => this.showReceipt(this.#opened));
    click("operation-void", () => page.acts.void(this.#opened));
    click("sure-ok", () => byId("sure").close("ok"));
    for (const button of document.querySelectorAll("dialog .leave")) button.addEventListener("click", () => button.closest("dialog").close());
    for (const dialog of document.querySelectorAll("dialog")) dialog.addEventListener("close", () => this.#leave());
    // Keys go before events: a window may be open again when its last close is told.
    byId("sure").addEventListener("close", ({ target }) => target.open || this.#answered(target.returnValue === "ok"));
    byId("receipt-code").addEventListener("error", ({ target }) => {
      target.hidden = true;
      write(byId("receipt-failed"), page.say("receipt.failed"));
    });
  }

  get isOpen() {
    return document.querySelector("dialog[open]") !== null;
  }

  /** Open a window in the place of the one that is open. */
  show(id) {
    if (!this.isOpen) this.#origin = document.activeElement;
    this.close();
    byId(id).showModal();
  }

  close() {
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  }

  /** A browser leaves the focus nowhere, or in the window, when the list that it came from was built anew meanwhile. */
  #leave() {
    const { activeElement, body } = document;
    if (this.isOpen || (activeElement !== body && !activeElement.closest("dialog"))) return;
    const { id } = this.#origin.dataset;
    const again = id === undefined ? null : document.querySelector(`main [data-id="${CSS.escape(id)}"], aside [data-id="${CSS.escape(id)}"]`);
    for (const place of [this.#origin, again, byId("main")]) {
      place?.focus();
      if (document.activeElement === place) return;
    }
  }

  openOperation(event) {
    this.#opened = event;
    this.drawOperation();
    this.show("operation");
  }

  /** An open operation fills in live. */
  drawOperation() {
    const { say, screen } = this.#page;
    const operation = screen.operations.find(({ event_id }) => event_id === this.#opened);
    if (!operation) return;
    write(byId("operation-title"), say("operation.title", { time: operation.time }));
    write(byId("operation-amount"), operation.amount ?? "");
    write(byId("operation-message"), [operation.message, operation.voided && say("operations.voided")].filter(Boolean).join(" – "));
    fillSteps(byId("operation-steps"), operation.stage, say);
    show(byId("operation-print"), operation.can_print);
    show(byId("operation-receipt"), !["close", "void"].includes(operation.kind));
    show(byId("operation-void"), operation.can_void);
  }

  showReceipt(event) {
    write(byId("receipt-failed"), "");
    byId("receipt-code").hidden = false;
    byId("receipt-code").src = `/v1/operations/${event}/receipt.svg?language=${this.#page.language}`;
    this.show("receipt");
  }

  typeCode() {
    byId("code-text").value = "";
    write(byId("code-notice"), "");
    this.show("code");
  }

  /** Ask once; closing the window is a no. */
  isSure(title, text, ok) {
    const { say } = this.#page;
    write(byId("sure-title"), say(title));
    write(byId("sure-text"), text);
    write(byId("sure-ok"), say(ok));
    byId("sure").returnValue = "";
    this.#answered(false);
    this.show("sure");
    return new Promise((resolve) => (this.#answered = resolve));
  }
}
