// "View code": the call that the form describes, as programs, in a dialog.

import { enhance } from "../tabs.js";

export class CodeDialog {
  #dialog;
  #content;

  constructor(dialog) {
    this.#dialog = dialog;
    this.#content = dialog.querySelector("[data-code]");
    dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
    // A click on the dialog itself is one beside its content.
    dialog.addEventListener("click", ({ target }) => {
      if (target === dialog) dialog.close();
    });
  }

  /** Ask the server for the programs and show them; false if it has none to show. */
  async open(url, body) {
    try {
      const response = await fetch(url, { method: "POST", body, redirect: "manual" });
      if (!response.ok) return false;
      // The server's own fragment, escaped there.
      this.#content.innerHTML = await response.text();
    } catch {
      return false;
    }
    this.#content.querySelectorAll(".tabs").forEach(enhance);
    this.#dialog.showModal();
    return true;
  }
}
