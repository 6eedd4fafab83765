// A link to what the playground shows, for whoever has an account on this server.

// Browsers take more, but programs that pass links on cut them, and proxies refuse them.
const LONGEST = 4000;

/** The page's address with a model, a text and parameters; empty where it gets too long. */
export function linkTo(page, { model, text, parameters }) {
  const link = new URL(page);
  link.search = new URLSearchParams({ model, prompt: text, ...parameters });
  link.hash = "";
  return link.href.length > LONGEST ? "" : link.href;
}
