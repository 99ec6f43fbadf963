// The live connection: newest state per device, drawn at most once per animation frame, never in a hidden tab.
import { serverNow, setServerTime } from "./clock.js";
import { parse } from "./format.js";

const PING_MS = 5000;
const SILENCE_MS = 12000;
const ANSWER_MS = 3000;
const LONGEST_PAUSE_MS = 15000;

export class Live {
  /** Devices by name: {state, problem, version, epoch, at}; `state` stays the last known one beside a `problem`. */
  devices = new Map();
  /** connecting, open, lost, or out: nobody is logged in any more. */
  link = "connecting";
  lostAt = null;
  /** Until when the server was heard: what is shown was true then. */
  heardAt = null;
  nextTryAt = null;

  #socket = null;
  #draws = [];
  #events = [];
  #frame = 0;
  #tries = 0;
  #retry = 0;
  #heard = 0;

  constructor(path) {
    this.path = path;
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) return;
      this.changed();
      if (this.link === "lost") this.retry();
    });
    addEventListener("online", () => this.retry());
    setInterval(() => this.#watch(), 1000);
  }

  /** Call `draw(live)` after something changed. */
  onchange(draw) {
    this.#draws.push(draw);
  }

  /** Call `listener(event)` for each event message. */
  onevent(listener) {
    this.#events.push(listener);
  }

  changed() {
    if (this.#frame || document.hidden) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      for (const draw of this.#draws) draw(this);
    });
  }

  /** Try again now instead of at the end of the pause. */
  retry() {
    if (this.link !== "lost") return;
    clearTimeout(this.#retry);
    this.open();
  }

  open() {
    const address = new URL(this.path, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    this.#socket?.close(); // one that still waits for a server that does not answer
    const socket = new WebSocket(address);
    this.#socket = socket;
    this.nextTryAt = null;
    this.#heard = performance.now();
    socket.addEventListener("message", (message) => {
      if (socket !== this.#socket) return;
      this.#heard = performance.now();
      this.#received(JSON.parse(message.data));
      this.heardAt = serverNow();
    });
    socket.addEventListener("close", (event) => {
      if (socket === this.#socket) this.#closed(event.code);
    });
    this.changed();
  }

  #received(message) {
    if (message.type === "hello" || message.type === "pong") {
      setServerTime(parse(message.server_time));
      if (message.type === "hello") {
        [this.link, this.#tries, this.lostAt] = ["open", 0, null];
        this.changed();
      }
      return;
    }
    if (message.type === "event") {
      for (const listener of this.#events) listener(message);
      return;
    }
    const known = this.devices.get(message.device) ?? { state: null, at: null };
    if (message.type === "state") {
      const { data: state, version, epoch } = message;
      this.devices.set(message.device, { state, version, epoch, at: parse(message.time), problem: "", since: null });
    } else if (message.type === "problem") {
      this.devices.set(message.device, { ...known, problem: message.reason, since: known.since ?? serverNow() });
    }
    this.changed();
  }

  async #closed(code) {
    this.#socket = null;
    if (this.link !== "lost") [this.link, this.lostAt] = ["lost", serverNow()];
    if (code === 4401 || (code === 1006 && (await this.#loggedOut()))) {
      this.link = "out";
      this.changed();
      return;
    }
    const pause = Math.min(LONGEST_PAUSE_MS, 1000 * 2 ** this.#tries++) * (0.8 + 0.4 * Math.random());
    this.nextTryAt = serverNow() + pause;
    this.#retry = setTimeout(() => this.open(), pause);
    this.changed();
  }

  /** A refused handshake and an absent server look the same to a socket; a page that asks for a login tells them apart. */
  async #loggedOut() {
    try {
      const asked = { method: "HEAD", redirect: "manual", signal: AbortSignal.timeout(ANSWER_MS) };
      return (await fetch(location.pathname, asked)).type === "opaqueredirect";
    } catch {
      return false;
    }
  }

  #watch() {
    const socket = this.#socket;
    if (!socket) return;
    const silent = performance.now() - this.#heard;
    if (silent > SILENCE_MS) {
      // A dead network does not close a socket for minutes. Detached first: its own close event comes too late.
      this.#socket = null;
      socket.close();
      this.#closed(0);
    } else if (silent > PING_MS && socket.readyState === WebSocket.OPEN) {
      socket.send('{"type":"ping"}');
    }
  }
}
