// A page left open for weeks: when the box serves newer files, load them, but never under the shopkeeper's hands.

const AT_MOST_EVERY_MS = 60000;
const TRY_AGAIN_MS = 5000;

/** What this browser remembers of the page; null where it may not. */
export function remembered(name) {
  try {
    return localStorage.getItem(`comptoir-${name}`);
  } catch {
    return null;
  }
}

export function remember(name, value) {
  try {
    localStorage.setItem(`comptoir-${name}`, value);
  } catch {
    // A browser that may store nothing asks the box each time.
  }
}

export class Reloader {
  #own = document.querySelector('meta[name="comptoir-page"]').content;
  #waiting = null;

  /** `isQuiet` says whether nothing is being typed or done. */
  constructor(isQuiet) {
    this.isQuiet = isQuiet;
  }

  /** The box's page has this fingerprint now. */
  follow(page) {
    clearTimeout(this.#waiting);
    if (!this.#own || !page || page === this.#own) return;
    const since = Date.now() - Number(remembered("reloaded-at") ?? 0);
    // A clock that was set back must not stop it for good.
    if (this.isQuiet() && (since >= AT_MOST_EVERY_MS || since < 0)) {
      remember("reloaded-at", String(Date.now()));
      location.reload();
    } else {
      this.#waiting = setTimeout(() => this.follow(page), TRY_AGAIN_MS);
    }
  }
}
