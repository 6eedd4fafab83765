// Passkeys: <form data-passkey="create|get|login"> with a hidden field "credential".
// The ceremony runs when the form is sent; the form then carries its result.
// "create" and "get" find their options in a JSON script, data-options="#id";
// "login" asks the form's address for them, since each attempt needs its own.

const PROBLEMS = {
  NotAllowedError: "Nothing was chosen, or it took too long. Try again.",
  InvalidStateError: "There is a passkey for your account on this device already.",
  SecurityError:
    "Passkeys belong to a host name, and this page was opened by a number. " +
    "Open Neuro by its name, for example http://localhost instead of http://127.0.0.1.",
  NotSupportedError: "This device cannot keep such a passkey. Try another one.",
};
const TOO_OLD =
  "This browser has no passkeys here. They need HTTPS (or localhost) and a browser of 2025 or later.";

const isAble = Boolean(
  window.PublicKeyCredential?.parseCreationOptionsFromJSON && navigator.credentials,
);

function optionsOn(form) {
  return JSON.parse(document.querySelector(form.dataset.options).textContent).publicKey;
}

async function optionsFrom(address) {
  const response = await fetch(address, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error("The server did not answer. Try again in a minute.");
  return (await response.json()).request_options.publicKey;
}

// A passkey that signs in alone must lie on the device, and know its owner.
function selectionFor(form, selection) {
  const isAlone = form.elements.passwordless?.checked;
  if (!isAlone) return { ...selection, residentKey: "discouraged", requireResidentKey: false };
  return {
    ...selection,
    residentKey: "required",
    requireResidentKey: true,
    userVerification: "required",
  };
}

function create(form) {
  const options = optionsOn(form);
  options.authenticatorSelection = selectionFor(form, options.authenticatorSelection);
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  return navigator.credentials.create({ publicKey });
}

function get(options) {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  return navigator.credentials.get({ publicKey });
}

const CEREMONIES = {
  create,
  get: (form) => get(optionsOn(form)),
  login: async (form) => get(await optionsFrom(form.action)),
};

async function send(form) {
  const problem = form.querySelector("[data-passkey-problem]");
  const button = form.querySelector("[type=submit]");
  problem.textContent = "";
  button.disabled = true;
  try {
    const credential = await CEREMONIES[form.dataset.passkey](form);
    form.elements.credential.value = JSON.stringify(credential.toJSON());
    form.submit();
  } catch (error) {
    problem.textContent = PROBLEMS[error.name] ?? error.message;
    button.disabled = false;
    button.focus();
  }
}

function enhance(form) {
  // Elsewhere a passkey is one way of several, and stays hidden where it cannot work.
  if (!isAble) {
    form.querySelector("[data-passkey-problem]").textContent = TOO_OLD;
    form.querySelector("[type=submit]").disabled = true;
    return;
  }
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form);
  });
}

document.querySelectorAll("form[data-passkey]").forEach(enhance);
