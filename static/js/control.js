// Commands to the control API. A refusal comes back as an error with the API's own words.
import { $ } from "./dom.js";

export class Refused extends Error {
  constructor({ code = "error", text = "The server did not say why.", field = null } = {}) {
    super(text);
    Object.assign(this, { code, field });
  }
}

/** POST JSON to the control API. Returns the answer's body, throws `Refused`. */
export async function post(path, body = {}) {
  let response;
  try {
    response = await fetch(`/control/v1/${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": csrf() },
      body: JSON.stringify(body),
      redirect: "error",
    });
  } catch {
    throw new Refused({ code: "no_server", text: "The server does not answer. Nothing is known of this command." });
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(answer.error);
  return answer;
}

const csrf = () => $('meta[name="skycam:csrf"]')?.content ?? "";
