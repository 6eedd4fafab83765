// How likely the model found each token of a completion, and what else it thought of.

const percent = new Intl.NumberFormat("en", {
  style: "percent",
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});
const SMALLEST = 0.001;
// A token of this probability, one in 400, has the whole of the tint.
const LEAST_LIKELY = Math.log(1 / 400);

/** A token's text with its spaces and line breaks to be seen. */
export function visible(text) {
  return text.replaceAll(" ", "␣").replaceAll("\n", "↵").replaceAll("\t", "⇥") || "∅";
}

function shareOf(probability) {
  return probability < SMALLEST ? `< ${percent.format(SMALLEST)}` : percent.format(probability);
}

/** How surprised the model was: 0 for what it was sure of, 1 for the unlikely. */
export function surprise(logprob) {
  return Math.min(Math.abs(logprob / LEAST_LIKELY), 1);
}

/** The rows that explain a token: its alternatives, with itself among them. */
export function rows({ text, logprob, alternatives }) {
  const others = alternatives.map(([text_, logprob_]) => ({ text: text_, logprob: logprob_ }));
  const own = others.find((one) => one.text === text && one.logprob === logprob);
  if (own) own.isChosen = true;
  else others.push({ text, logprob, isChosen: true });
  return others;
}

function row({ text, logprob, isChosen = false }) {
  const probability = Math.exp(logprob);
  const element = document.createElement("li");
  element.classList.toggle("is-chosen", isChosen);
  element.style.setProperty("--share", probability);
  const token = document.createElement("code");
  token.textContent = visible(text);
  const share = document.createElement("span");
  share.textContent = shareOf(probability);
  element.append(token, share);
  return element;
}

export class TokenView {
  #root;
  #pieces;
  #alternatives;
  #completions = new Map();
  #tokens = [];
  #chosen = -1;

  constructor(root) {
    this.#root = root;
    this.#pieces = root.querySelector("[data-pieces]");
    this.#alternatives = root.querySelector("[data-alternatives]");
    for (const type of ["pointerover", "click"])
      this.#pieces.addEventListener(type, ({ target }) => {
        if (target.dataset.number) this.#choose(Number(target.dataset.number));
      });
    this.#pieces.addEventListener("keydown", (event) => this.#move(event));
  }

  get isShown() {
    return !this.#root.hidden;
  }

  clear() {
    this.#completions.clear();
    this.#root.hidden = true;
  }

  add(index, tokens) {
    this.#completions.set(index, [...(this.#completions.get(index) ?? []), ...tokens]);
  }

  /** Show one completion's tokens, if the run asked for them. */
  show(index, { isOneOfSeveral }) {
    this.#tokens = this.#completions.get(index) ?? [];
    this.#root.hidden = this.#tokens.length === 0;
    this.#root.querySelector("[data-token-view-name]").textContent = isOneOfSeveral
      ? `Tokens of completion ${index + 1}`
      : "Tokens";
    this.#pieces.replaceChildren(...this.#tokens.map((token, number) => this.#piece(token, number)));
    this.#chosen = -1;
    if (this.#tokens.length) this.#choose(0);
  }

  #piece({ text, logprob }, number) {
    const piece = document.createElement("span");
    piece.className = "piece";
    piece.id = `piece-${number}`;
    piece.setAttribute("role", "option");
    piece.dataset.number = number;
    piece.style.setProperty("--surprise", surprise(logprob));
    piece.textContent = text.replaceAll("\n", "↵\n");
    return piece;
  }

  #choose(number) {
    if (number === this.#chosen) return;
    this.#pieces.children[this.#chosen]?.setAttribute("aria-selected", "false");
    this.#chosen = number;
    const piece = this.#pieces.children[number];
    piece.setAttribute("aria-selected", "true");
    this.#pieces.setAttribute("aria-activedescendant", piece.id);
    const list = document.createElement("ul");
    list.append(...rows(this.#tokens[number]).map(row));
    const rank = document.createElement("p");
    rank.textContent = `Token ${number + 1} of ${this.#tokens.length}, rank ${this.#tokens[number].rank}`;
    this.#alternatives.replaceChildren(rank, list);
  }

  #move(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const last = this.#tokens.length - 1;
    this.#choose(Math.min(Math.max(this.#chosen + step, 0), last));
    this.#pieces.children[this.#chosen].scrollIntoView({ block: "nearest" });
  }
}
