// What is said about a run: how it ended, how many tokens, how fast, with which seed.

const numbers = new Intl.NumberFormat("en");
const REDRAW_MS = 200;

function count(tokens) {
  return `${numbers.format(tokens)} ${tokens === 1 ? "token" : "tokens"}`;
}

export function stoppedAfter(tokens) {
  return `Stopped by you after ${count(tokens)}.`;
}

export function failedAfter(tokens) {
  return `Broken off after ${count(tokens)}.`;
}

function speed(tokens, milliseconds) {
  if (tokens < 2 || !(milliseconds >= 1)) return "–";
  return `${numbers.format(Number((((tokens - 1) / milliseconds) * 1000).toPrecision(3)))} tokens/s`;
}

function duration(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return "–";
  return milliseconds < 1000
    ? `${numbers.format(Math.round(milliseconds))} ms`
    : `${(milliseconds / 1000).toFixed(1)} s`;
}

export class Report {
  #root;
  #tokens = 0;
  #counts = new Map();
  #startedAt = 0;
  #firstAt = null;
  #lastAt = null;
  #drawnAt = 0;

  constructor(root) {
    this.#root = root;
  }

  get tokens() {
    return this.#tokens;
  }

  get isShown() {
    return !this.#root.hidden;
  }

  /** Whether the server has taken the run, and so told its seed. */
  get isStarted() {
    return this.seed !== "–";
  }

  get seed() {
    return this.#field("seed").textContent;
  }

  start({ isSearch = false } = {}) {
    this.#tokens = 0;
    this.#counts.clear();
    this.#startedAt = performance.now();
    this.#firstAt = this.#lastAt = null;
    this.#root.hidden = false;
    this.say(
      isSearch
        ? "Searching; the text comes when the search is done."
        : "Waiting for the first token…",
    );
    for (const name of ["tokens", "speed", "ttft", "seed"])
      this.#field(name).textContent = "–";
    this.#useSeed.hidden = true;
  }

  started({ seed }) {
    this.#field("seed").textContent = String(seed);
  }

  text({ index, tokens }) {
    this.#tokens += tokens - (this.#counts.get(index) ?? 0);
    this.#counts.set(index, tokens);
    this.#lastAt = performance.now();
    if (this.#firstAt === null) {
      this.#firstAt = this.#lastAt;
      this.say("Writing…");
    }
    if (this.#lastAt - this.#drawnAt < REDRAW_MS) return;
    this.#drawnAt = this.#lastAt;
    this.#draw();
  }

  /** The server's own figures, which leave the network out. */
  completed({ completion_tokens, ttft_ms, duration_ms }) {
    this.#tokens = completion_tokens;
    this.#field("tokens").textContent = numbers.format(completion_tokens);
    this.#field("speed").textContent = speed(completion_tokens, duration_ms - ttft_ms);
    this.#field("ttft").textContent = duration(ttft_ms);
  }

  end(outcome) {
    if (this.#field("tokens").textContent !== numbers.format(this.#tokens)) this.#draw();
    this.#useSeed.hidden = !this.isStarted;
    this.say(outcome);
  }

  say(outcome) {
    this.#root.querySelector("[data-outcome]").textContent = outcome;
  }

  hide() {
    this.#root.hidden = true;
  }

  #draw() {
    this.#field("tokens").textContent = numbers.format(this.#tokens);
    if (this.#firstAt === null) return;
    this.#field("speed").textContent = speed(this.#tokens, this.#lastAt - this.#firstAt);
    this.#field("ttft").textContent = duration(this.#firstAt - this.#startedAt);
  }

  #field(name) {
    return this.#root.querySelector(`[data-report="${name}"]`);
  }

  get #useSeed() {
    return this.#root.querySelector("[data-use-seed]");
  }
}
