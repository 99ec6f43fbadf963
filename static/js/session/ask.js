// Questions about a session to the control API.
import { Refused } from "../control.js";

/** GET `/control/v1/sessions/<session>/<what>/`; words that are empty or null are left out. Throws `Refused`. */
export async function ask(session, what, words = {}) {
  const query = new URLSearchParams(Object.entries(words).filter(([, value]) => value !== null && value !== undefined && value !== ""));
  let response;
  try {
    response = await fetch(`/control/v1/sessions/${session}/${what}/?${query}`, { headers: { Accept: "application/json" }, redirect: "error" });
  } catch {
    throw new Refused({ code: "no_server", text: "The server does not answer." });
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(answer.error);
  return answer;
}

/** Address of a frame's picture. */
export const pictureOf = (session, { camera, index }, size, form = "jpg", stretch = "auto") =>
  `/sessions/${session}/frames/${camera}/${index}/${size}.${form}${stretch === "auto" ? "" : `?stretch=${stretch}`}`;
