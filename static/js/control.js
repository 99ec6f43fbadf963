// Commands to the control API. A refusal comes back as an error with the API's own words.
import { $ } from "./dom.js";

export class Refused extends Error {
  constructor({ code = "error", text = "The server did not say why.", field = null } = {}) {
    super(text);
    Object.assign(this, { code, field });
  }
}

/** Ask the control API with JSON. Returns the answer's body, null when it has none; throws `Refused`. */
async function ask(method, path, body) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) Object.assign(headers, { "Content-Type": "application/json", "X-CSRFToken": csrf() });
  let response;
  try {
    response = await fetch(`/control/v1/${path}`, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), redirect: "error" });
  } catch {
    throw new Refused({ code: "no_server", text: "The server does not answer. Nothing is known of this command." });
  }
  const answer = response.status === 204 ? null : await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(answer.error);
  return answer;
}

export const get = (path) => ask("GET", path);
export const post = (path, body = {}) => ask("POST", path, body);
export const put = (path, body = {}) => ask("PUT", path, body);
export const del = (path) => ask("DELETE", path, {});

const csrf = () => $('meta[name="skycam:csrf"]')?.content ?? "";
