// Document 004's addresses and its socket. What is refused comes back as an error with the server's own words.
import { $ } from "../dom.js";

const csrf = () => $('meta[name="skycam:csrf"]')?.content ?? "";

function words(answer, status) {
  const detail = answer?.detail ?? answer?.error?.text;
  if (Array.isArray(detail)) return detail.map(({ loc, msg }) => `${loc.join(".")}: ${msg}`).join("; ");
  return detail ?? `The server answered ${status}.`;
}

/** Ask with JSON; the answer's body. Throws an `Error` whose `status` is the server's. */
export async function ask(method, path, body) {
  let response;
  try {
    const sent = method === "GET" ? {} : { headers: { "Content-Type": "application/json", "X-CSRFToken": csrf() }, body: JSON.stringify(body ?? {}) };
    response = await fetch(path, { method, redirect: "error", ...sent });
  } catch {
    throw Object.assign(new Error("The server does not answer. Nothing is known of this command."), { status: 0 });
  }
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw Object.assign(new Error(words(answer, response.status)), { status: response.status });
  return answer;
}

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** A fresh command id: 48 bits of time, 80 of chance. */
export function ulid(now = Date.now()) {
  let text = "";
  for (let rest = now, n = 0; n < 10; n++, rest = Math.floor(rest / 32)) text = ALPHABET[rest % 32] + text;
  for (const byte of crypto.getRandomValues(new Uint8Array(16))) text += ALPHABET[byte & 31];
  return text;
}

/** The socket for colours: at most one message per animation frame, the newest colour last. */
export class Colours {
  #socket = null;
  #wanted = null;
  #frame = 0;
  #retry = 0;
  #held = 0;

  /** `refused(code, detail)` is told what the server did not take. */
  constructor(refused) {
    this.refused = refused;
    this.#open();
  }

  #open() {
    const address = new URL("/ws", location.href);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = (this.#socket = new WebSocket(address));
    socket.addEventListener("message", ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === "error") this.refused(message.code, message.detail);
    });
    socket.addEventListener("open", () => this.#send());
    socket.addEventListener("close", () => {
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => this.#open(), 2000);
    });
  }

  /** Want a colour; what was wanted before and not sent yet is forgotten. */
  set(colour) {
    this.#wanted = colour;
    this.#frame ||= requestAnimationFrame(() => this.#send());
  }

  /** Send a colour at once, after what was sent and instead of what was not. */
  now(colour) {
    cancelAnimationFrame(this.#frame);
    this.#wanted = colour;
    this.#send(true);
  }

  /** Keep what is wanted from now on until this is over: it went another way, and shall not arrive after what follows. */
  async hold(until) {
    this.#held++;
    await until;
    this.#held--;
    this.#send();
  }

  #send(urgent = false) {
    this.#frame = 0;
    if (!this.#wanted || (this.#held && !urgent) || this.#socket.readyState !== WebSocket.OPEN) return;
    const [r, g, b] = this.#wanted;
    this.#wanted = null;
    this.#socket.send(JSON.stringify({ type: "set", cmdId: ulid(), src: "ui", r, g, b }));
  }
}
