const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 5000;
/** The orchestrator sends its status every second; silent this long, it hangs or the connection is dead. */
const SILENCE_MS = 5000;
/** Of what is told again and again only the last counts. */
const REPEATED = /^\{"type":"(status_update|harmony_update)"/;

/**
 * The orchestrator's stream, connected again by itself whenever it is lost.
 *
 * Dispatches `message` (detail: the message) and `state` (detail: "connecting", "live" or "reconnecting"). While the
 * page is hidden only the last status and the last harmony are kept, unread.
 */
export class Stream extends EventTarget {
  /** @type {"connecting"|"live"|"reconnecting"} */
  state = "connecting";
  /** ms since the epoch */
  lastMessageAt = 0;
  /** ms since the epoch */
  nextAttemptAt = 0;
  #url;
  /** @type {WebSocket|undefined} */
  #socket;
  #attempts = 0;
  #timer = 0;
  /** @type {Map<string, string>} */
  #skipped = new Map();

  /** @param {string} url */
  constructor(url) {
    super();
    this.#url = url;
    document.addEventListener("visibilitychange", () => this.#seen());
    addEventListener("online", () => this.#hurry());
    setInterval(() => this.#listenForSilence(), 1000);
  }

  connect() {
    clearTimeout(this.#timer);
    this.nextAttemptAt = 0;
    this.lastMessageAt = Date.now();
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#take(data);
    socket.onclose = () => {
      if (this.#socket === socket) this.#lost();
    };
  }

  #take(text) {
    this.lastMessageAt = Date.now();
    this.#attempts = 0;
    this.#enter("live");
    const repeated = document.hidden && REPEATED.exec(text);
    if (repeated) this.#skipped.set(repeated[1], text);
    else this.dispatchEvent(new CustomEvent("message", { detail: JSON.parse(text) }));
  }

  #lost() {
    this.#socket = undefined;
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#attempts++) * (0.75 + Math.random() / 2);
    this.nextAttemptAt = Date.now() + wait;
    this.#timer = setTimeout(() => this.connect(), wait);
    this.#enter("reconnecting");
  }

  #enter(state) {
    if (this.state === state) return;
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
  }

  /** A stopped process keeps its sockets open, so that only silence tells. */
  #listenForSilence() {
    if (!this.#socket || document.hidden || Date.now() - this.lastMessageAt < SILENCE_MS) return;
    const socket = this.#socket;
    this.#lost();
    socket.close();
  }

  #hurry() {
    if (!this.#socket) this.connect();
  }

  #seen() {
    if (document.hidden) return;
    // Timers of hidden pages are throttled: silence is counted from now on.
    this.lastMessageAt = Date.now();
    this.#hurry();
    for (const text of this.#skipped.values())
      this.dispatchEvent(new CustomEvent("message", { detail: JSON.parse(text) }));
    this.#skipped.clear();
  }
}
