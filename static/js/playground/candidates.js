// Several completions of one text, side by side; one of them can be put into the text.

class Candidate {
  constructor(element, index) {
    const find = (name) => element.querySelector(`[data-${name}]`);
    this.element = element;
    this.text = "";
    this.textElement = find("candidate-text");
    this.outcome = find("candidate-outcome");
    this.score = find("candidate-score");
    this.button = find("use-candidate");
    find("candidate-name").textContent = `Completion ${index + 1}`;
    this.textElement.setAttribute("aria-label", `Text of completion ${index + 1}`);
    this.label = find("use-label");
    find("candidate-number").textContent = ` completion ${index + 1}`;
  }

  append(text) {
    // A completion mostly begins with the space after its prompt.
    this.textElement.append(this.text.trim() ? text : text.trimStart());
    this.text += text;
    this.textElement.scrollTop = this.textElement.scrollHeight;
  }

  end({ outcome, score }) {
    this.outcome.textContent = outcome;
    if (typeof score === "number") this.score.textContent = `score ${score.toFixed(3)}`;
    this.textElement.scrollTop = 0;
    this.button.hidden = this.text === "";
  }

  markUsed(isUsed) {
    this.element.classList.toggle("is-used", isUsed);
    this.label.textContent = isUsed ? "In the text" : "Use this";
    this.button.setAttribute("aria-pressed", String(isUsed));
  }
}

export class Candidates extends EventTarget {
  #root;
  #list;
  #template;
  #candidates = [];

  constructor(root) {
    super();
    this.#root = root;
    this.#list = root.querySelector("[data-candidate-list]");
    this.#template = root.querySelector("[data-candidate-template]");
  }

  start(count) {
    this.clear();
    this.#candidates = Array.from({ length: count }, (_, index) => this.#add(index));
    this.#root.hidden = false;
  }

  append(index, text) {
    this.#candidates[index].append(text);
  }

  finish(index, about) {
    this.#candidates[index].end(about);
  }

  /** The run is over; what was broken off can be used as far as it came. */
  end(outcome) {
    for (const one of this.#candidates)
      if (!one.outcome.textContent) one.end({ outcome });
  }

  clear() {
    this.#list.replaceChildren();
    this.#candidates = [];
    this.#root.hidden = true;
  }

  #add(index) {
    const element = this.#template.content.cloneNode(true).firstElementChild;
    const candidate = new Candidate(element, index);
    candidate.button.addEventListener("click", () => this.#use(candidate));
    this.#list.append(element);
    return candidate;
  }

  /** Show which one the text has, if any. */
  markUsed(used) {
    for (const one of this.#candidates) one.markUsed(one === used);
  }

  #use(chosen) {
    this.markUsed(chosen);
    const detail = { text: chosen.text, index: this.#candidates.indexOf(chosen) };
    this.dispatchEvent(new CustomEvent("use", { detail }));
  }
}
