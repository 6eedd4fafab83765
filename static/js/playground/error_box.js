// Shows what went wrong and what to do next; the server renders the same fragment.

export class ErrorBox {
  #box;
  #template;

  constructor(box, template) {
    this.#box = box;
    this.#template = template;
  }

  show({ message, hint, link, link_label: label }) {
    const notice = this.#template.content.cloneNode(true);
    notice.querySelector("[data-error-message]").textContent = message;
    notice.querySelector("[data-error-hint]").textContent = hint;
    const anchor = notice.querySelector("[data-error-link]");
    anchor.parentElement.hidden = !link;
    anchor.href = link;
    anchor.textContent = label;
    this.#box.replaceChildren(notice);
    this.#box.scrollIntoView({ block: "nearest" });
  }

  clear() {
    this.#box.replaceChildren();
  }
}
