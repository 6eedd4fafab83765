// Keeps the draft in this tab, so that neither a reload nor signing in again loses it.

export class Draft {
  #key;

  constructor(account) {
    this.#key = `neuro-playground-${account}`;
  }

  read() {
    try {
      return JSON.parse(sessionStorage.getItem(this.#key)) ?? {};
    } catch {
      return {};
    }
  }

  write(draft) {
    try {
      sessionStorage.setItem(this.#key, JSON.stringify(draft));
    } catch {
      // Storage is full or forbidden; the draft then lives as long as the page.
    }
  }
}
