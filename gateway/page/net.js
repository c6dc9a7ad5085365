// The link to the box: states come over a WebSocket, acts go as POSTs. A lost answer is asked for again with the same key.

const RETRY_AFTER_MS = [400, 1000, 2000, 4000];
const ANSWER_WITHIN_MS = 10000;
const ALIVE_EVERY_MS = 10000;
const ALIVE_WITHIN_MS = 5000;
const BACKOFF_FROM_MS = 500;
const BACKOFF_TO_MS = 10000;
/** A link that lived this long was a good one: the next back-off starts small again. */
const GOOD_LINK_MS = 5000;
/** The box closes so (RFC 6455) when it can't serve one more, with a sentence for people. */
const TRY_AGAIN_LATER = 1013;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The box didn't answer: whether it did the act is not known. */
export class LostAnswer extends Error {
  /** `keyed`: doing it again can't make it count twice. */
  constructor(keyed) {
    super();
    this.keyed = keyed;
  }
}

/** The box answered that it can't; the message is a sentence for people. */
export class Declined extends Error {
  constructor(problem) {
    super(problem.detail ?? "");
    this.kind = problem.title ?? "";
  }
}

/** A UUID (version 4); `crypto.randomUUID` doesn't exist on a LAN's plain http. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** Do one act. `again`: it may be repeated, because it carries a key or means the same twice. */
export async function act(method, path, { body, key, again = false, language } = {}) {
  const headers = { Accept: "application/json" };
  if (language) headers["Accept-Language"] = language;
  if (key) headers["Idempotency-Key"] = key;
  if (body) headers["Content-Type"] = "application/json";
  const request = { method, headers, body: body && JSON.stringify(body), cache: "no-store" };
  for (const wait of again || key ? [...RETRY_AFTER_MS, null] : [null]) {
    const response = await fetchWithin(path, request, ANSWER_WITHIN_MS).catch(() => null);
    if (response) return read(response);
    if (wait !== null) await pause(wait);
  }
  throw new LostAnswer(Boolean(key));
}

async function read(response) {
  const content = await response.json().catch(() => ({}));
  if (!response.ok) throw new Declined(content);
  return content;
}

function fetchWithin(path, request, ms) {
  const given = new AbortController();
  const timer = setTimeout(() => given.abort(), ms);
  return fetch(path, { ...request, signal: given.signal }).finally(() => clearTimeout(timer));
}

/** Keeps the screen state coming. */
export class Link {
  #told;
  #language = null;
  #socket = null;
  #drop = () => undefined;
  #failures = 0;
  #round = 0;
  /** Why the box, which answers, shows nothing: a sentence, or "" where it gave none; null when it doesn't answer. */
  #refusal = null;

  /** `told` has onState(screen, first), onLost(refusal) and onUnpaired(). */
  constructor(told) {
    this.#told = told;
    // A tablet that slept, a cable pulled: find out now, not when the next customer is waiting.
    document.addEventListener("visibilitychange", () => document.hidden || this.#check());
    // Without a network a screen of the box itself still has its link.
    window.addEventListener("offline", () => this.#check());
    setInterval(() => this.#check(), ALIVE_EVERY_MS);
  }

  /** Connect, now; in a language, or in the box's own. */
  start(language) {
    this.#language = language;
    this.#failures = 0;
    this.#round += 1;
    this.#drop();
    this.#keep(this.#round);
  }

  async #keep(round) {
    while (round === this.#round) {
      const since = Date.now();
      const { heard, refusal } = await this.#connection(round);
      if (round !== this.#round) return;
      if (heard || refusal) this.#refusal = refusal;
      this.#told.onLost(this.#refusal);
      if (!heard && !refusal && (await this.#isUnpaired(round))) return;
      this.#failures = heard && Date.now() - since > GOOD_LINK_MS ? 0 : this.#failures + 1;
      const cap = Math.min(BACKOFF_TO_MS, BACKOFF_FROM_MS * 2 ** this.#failures);
      await pause(cap * (0.5 + Math.random() / 2));
    }
  }

  /** Lives as long as one WebSocket: whether it brought a state, and why the box closed it, where it says so. */
  #connection(round) {
    return new Promise((resolve) => {
      const url = new URL(`/v1/screen/live${this.#query()}`, location.href);
      url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
      const socket = (this.#socket = new WebSocket(url));
      let heard = false;
      // A dead peer never confirms a close: don't wait for it.
      const end = (this.#drop = (closed) => {
        socket.onmessage = socket.onclose = null;
        socket.close();
        if (this.#socket === socket) this.#socket = null;
        resolve({ heard, refusal: closed?.code === TRY_AGAIN_LATER ? closed.reason : null });
      });
      const slow = setTimeout(() => heard || end(), ANSWER_WITHIN_MS);
      socket.onclose = end;
      socket.onmessage = ({ data }) => {
        if (round !== this.#round) return;
        clearTimeout(slow);
        const first = !heard;
        heard = true;
        this.#told.onState(JSON.parse(data).screen, first);
      };
    });
  }

  /** A WebSocket that was refused, or failed, doesn't say why; the same question over HTTP does. */
  async #isUnpaired(round) {
    const request = { cache: "no-store", headers: this.#language ? { "Accept-Language": this.#language } : {} };
    const response = await fetchWithin(`/v1/screen${this.#query()}`, request, ANSWER_WITHIN_MS).catch(() => null);
    const { detail = "" } = response && !response.ok ? await response.json().catch(() => ({})) : {};
    if (round !== this.#round) return true;
    const unpaired = response?.status === 401;
    if (unpaired) this.#told.onUnpaired();
    else this.#told.onLost((this.#refusal = response && !response.ok ? detail : null));
    return unpaired;
  }

  /** A box without power doesn't close its sockets. Any answer, of whatever status, shows that it lives. */
  async #check() {
    const socket = this.#socket;
    if (!socket || socket.readyState !== WebSocket.OPEN) return;
    const alive = await fetchWithin("/page/icon.svg", { cache: "no-store" }, ALIVE_WITHIN_MS).catch(() => null);
    if (!alive && this.#socket === socket) this.#drop();
  }

  #query() {
    return this.#language ? `?language=${this.#language}` : "";
  }
}
