// How much of the model's context the text takes, asked a moment after the last change.

const PAUSE_MS = 350;
const numbers = new Intl.NumberFormat("en");

export class TokenCounter {
  #element;
  #url;
  #timer = 0;
  #controller = new AbortController();

  constructor(element, url) {
    this.#element = element;
    this.#url = url;
  }

  /** Count what `body()` says then; an earlier count that is still due is dropped. */
  ask(body) {
    this.cancel();
    this.#timer = setTimeout(() => this.#count(body()), PAUSE_MS);
  }

  cancel() {
    clearTimeout(this.#timer);
    this.#controller.abort();
  }

  show(tokens, contextLength) {
    this.#element.textContent = `${numbers.format(tokens)} of ${numbers.format(contextLength)} tokens`;
    this.#element.classList.toggle("is-over", tokens >= contextLength);
  }

  clear() {
    this.#element.textContent = "";
    this.#element.classList.remove("is-over");
  }

  async #count(body) {
    this.#controller = new AbortController();
    const { signal } = this.#controller;
    try {
      const response = await fetch(this.#url, {
        method: "POST",
        body,
        signal,
        redirect: "manual",
      });
      if (!response.ok) return this.clear();
      const { tokens, context_length: contextLength } = await response.json();
      this.show(tokens, contextLength);
    } catch {
      // A newer count is on its way, or the run itself will say what is wrong.
    }
  }
}
