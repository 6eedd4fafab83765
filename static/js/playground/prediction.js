// One run: posts the form and yields the events of its stream.

import { readEvents } from "./sse.js";

/** What the page shows when a run fails; `code` is the server's where it gave one. */
export class PredictionError extends Error {
  constructor({ message, ...rest }) {
    super(message);
    Object.assign(
      this,
      { code: "", hint: "", param: "", link: "", link_label: "" },
      rest,
    );
  }
}

const KEPT = "Your text and parameters are kept.";

function signedOut(loginUrl) {
  return new PredictionError({
    message: "You are no longer signed in.",
    hint: `${KEPT} Sign in, and you come back here.`,
    link: loginUrl,
    link_label: "Sign in",
  });
}

function connectionLost() {
  return new PredictionError({
    message: "The connection to the server was lost.",
    hint: `${KEPT} Try again in a moment.`,
  });
}

async function refused(response) {
  try {
    return new PredictionError((await response.json()).error);
  } catch {
    const isStale = response.status === 403;
    return new PredictionError({
      message: isStale
        ? "This page is too old to be trusted by the server."
        : `The server answered with an error (${response.status}).`,
      hint: `${KEPT} ${isStale ? "Load it anew and run it again." : "Try again in a moment."}`,
      link: isStale ? location.href : "",
      link_label: "Load the page anew",
    });
  }
}

async function post(url, { body, signal }) {
  try {
    return await fetch(url, { method: "POST", body, signal, redirect: "manual" });
  } catch (error) {
    throw error.name === "AbortError" ? error : connectionLost();
  }
}

async function* eventsOf(response) {
  try {
    yield* readEvents(response.body);
  } catch (error) {
    throw error.name === "AbortError" ? error : connectionLost();
  }
}

/** Events until `completed`. Aborting the signal ends the work in the engine, too. */
export async function* predict({ url, loginUrl, body, signal }) {
  const response = await post(url, { body, signal });
  if (response.type === "opaqueredirect") throw signedOut(loginUrl);
  if (!response.ok) throw await refused(response);
  for await (const { event, data } of eventsOf(response)) {
    if (event === "error") throw new PredictionError(data);
    yield { event, data };
    if (event === "completed") return;
  }
  throw connectionLost();
}
