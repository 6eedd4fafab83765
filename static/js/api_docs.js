// Shows the OpenAPI document with Swagger UI, which is not a module and lies on window.

const page = document.getElementById("api-docs");
const form = document.querySelector("[data-page-token]");

// It knows nobody's API token before it has read the document.
let hasRead;
const whenRead = new Promise((resolve) => {
  hasRead = resolve;
});

// Its own layout brings a second <main> and a heading that the page has already.
function withLayout({ React: { createElement } }) {
  function Layout({ getComponent, specSelectors }) {
    if (!specSelectors.specStr()) {
      const hasFailed = specSelectors.loadingStatus() === "failed";
      return createElement(
        "p",
        { role: "status" },
        hasFailed
          ? "The document did not arrive. Load the page again."
          : "Reading the document …",
      );
    }
    const parts = ["AuthorizeBtnContainer", "errors", "operations", "Models"].map((name) =>
      createElement(getComponent(name, true), { key: name }),
    );
    const icons = createElement(getComponent("SvgAssets"), { key: "icons" });
    return createElement("div", { className: "swagger-ui" }, [icons, ...parts]);
  }
  return { components: { Layout } };
}

// What some of its parts lack for who hears the page or walks it with keys.

// Long code scrolls.
function reached(Code, { React: { createElement, useEffect, useRef } }) {
  return (props) => {
    const box = useRef(null);
    useEffect(() => box.current.querySelector("pre")?.setAttribute("tabindex", 0));
    return createElement("div", { ref: box }, createElement(Code, props));
  };
}

const wrapComponents = {
  CloseIcon: (Icon, { React: { createElement } }) => (props) => [
    createElement(Icon, { ...props, key: "icon" }),
    createElement("span", { key: "name", className: "visually-hidden" }, "Close"),
  ],
  // Here it has a name, which is not what it says.
  Button: (Button, { React: { createElement } }) => (props) =>
    createElement(Button, { ...props, "aria-label": undefined }),
  HighlightCode: reached,
  curl: reached,
  Input: (Input, { React: { createElement } }) => (props) =>
    createElement(Input, props.type === "file" ? { "aria-label": "File", ...props } : props),
  TextArea: (Area, { React: { createElement } }) => (props) =>
    createElement(Area, { "aria-label": "Body of the request", ...props }),
};

const ui = window.SwaggerUIBundle({
  url: page.dataset.schema,
  domNode: page,
  deepLinking: true,
  layout: "Layout",
  plugins: [withLayout, { wrapComponents }],
  tryItOutEnabled: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  onComplete: hasRead,
  presets: [window.SwaggerUIBundle.presets.apis],
});

// Its dark look hangs on a class of the root, ours on an attribute or on the system.
const root = document.documentElement;
const systemIsDark = matchMedia("(prefers-color-scheme: dark)");

function followTheme() {
  const theme = root.dataset.theme ?? (systemIsDark.matches ? "dark" : "light");
  root.classList.toggle("dark-mode", theme === "dark");
}

systemIsDark.addEventListener("change", followTheme);
new MutationObserver(followTheme).observe(root, { attributeFilter: ["data-theme"] });
followTheme();

async function askForToken() {
  const response = await fetch(form.action, {
    method: "POST",
    body: new FormData(form),
    redirect: "manual",
  });
  const isJson = response.headers.get("Content-Type")?.includes("json");
  if (!isJson) throw new Error("Your session is over: sign in again.");
  const { api_token: value, message } = await response.json();
  if (!response.ok) throw new Error(message ?? "The server gave no API token.");
  return value;
}

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const status = form.querySelector("[role=status]");
  const button = form.querySelector("button");
  button.setAttribute("aria-busy", "true");
  try {
    const [value] = await Promise.all([askForToken(), whenRead]);
    ui.preauthorizeApiKey("apiToken", value);
    status.textContent = "You can try every operation for an hour.";
  } catch (error) {
    status.textContent = error.message;
  } finally {
    button.removeAttribute("aria-busy");
  }
});
