// States, stages and lengths of jobs as people read them.
import { serverNow } from "../clock.js";
import { parse, span } from "../format.js";

/** Kind and word of a job's state. */
export function jobStatus(job) {
  if (job.state === "running") return ["busy", job.cancelling ? "Stopping" : STAGE[job.stage] ?? "Starting"];
  if (job.state === "done") return ["ok", "Done"];
  if (job.state === "failed") return ["fault", "Failed"];
  if (job.state === "cancelled") return ["off", "Cancelled"];
  const left = job.next_try_at ? (parse(job.next_try_at) - serverNow()) / 1000 : 0;
  const when = left > 0 ? `in ${span(Math.ceil(left))}` : "now";
  if (job.error_code === "disk_full") return ["warn", `Waits for room, looks ${when}`];
  return job.attempts ? ["warn", `Try ${job.attempts + 1} ${when}`] : ["off", "Waiting"];
}

const STAGE = { analyse: "Looking at frames", draft: "Making the draft", render: "Rendering", join: "Joining", check: "Checking" };
export const STAGES = ["analyse", "draft", "render", "join", "check"];
export const STAGE_NAMES = { analyse: "Analyse", draft: "Draft", render: "Render", join: "Join", check: "Check" };

/** Kind and words of a product's way to the archive. */
export function archiveStatus({ state }) {
  if (state === "archived") return ["ok", "Archived"];
  if (state === "waiting") return ["busy", "Waits for the archive"];
  return [state === "failed" ? "warn" : "off", "Not archived"];
}

/** Where the copy lies, or why there is none and when it is tried again. */
export function archiveFacts({ state, error, next_try_at: next, address }) {
  if (state !== "failed") return address ?? "";
  const left = next ? (parse(next) - serverNow()) / 1000 : 0;
  return `${error}. Tried again ${left > 0 ? `in ${span(Math.ceil(left))}` : "now"}.`;
}

/** 0:32 of a film. */
export function length(seconds) {
  if (!Number.isFinite(seconds) || seconds === null) return "–";
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

export const firstFile = (product, ...roles) => {
  for (const role of roles) {
    const file = product?.files.find((one) => one.role === role);
    if (file) return file;
  }
  return null;
};

export const ROLE_NAMES = {
  video: "Film", preview: "Preview", draft: "Draft", poster: "Poster", contact_sheet: "Contact sheet", animation: "Animation",
  archive: "Frames", curves: "Curves", picture: "Picture", data: "Data",
};
