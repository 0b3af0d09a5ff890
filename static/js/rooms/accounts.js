// Passkeys: the browser is asked, its answer goes into the form, the form is sent as any other.  Pages work without this, bar passkeys.
const SENTENCES = {
  NotAllowedError: "That was cancelled or took too long. Try again when you are ready.",
  InvalidStateError: "This device has a passkey for your account already.",
  NotSupportedError: "This browser or key cannot make the kind of passkey we need.",
};

function say(form, words) {
  const place = form.querySelector("[data-passkey-trouble]");
  place.textContent = words;
  place.hidden = false;
}

async function answer(form) {
  const token = form.querySelector('[name="csrf_token"]').value;
  const asked = await fetch(form.dataset.optionsUrl, { method: "POST", body: new URLSearchParams({ csrf_token: token }), credentials: "same-origin" });
  if (asked.redirected || !asked.headers.get("Content-Type")?.includes("json")) return asked.redirected ? location.reload() : undefined;
  const options = await asked.json();
  if (form.dataset.passkey === "create") {
    return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) });
  }
  return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
}

async function send(form) {
  try {
    const given = await answer(form);
    if (!given) return say(form, "That did not work just now. Reload the page and try again.");
    form.querySelector('[name="answer"]').value = JSON.stringify(given.toJSON());
    form.submit();
  } catch (error) {
    say(form, SENTENCES[error.name] ?? "Your browser could not use a passkey here.");
  }
}

for (const note of document.querySelectorAll("[data-without-script]")) note.hidden = true;

const canUse = typeof PublicKeyCredential === "function" && "parseCreationOptionsFromJSON" in PublicKeyCredential;
for (const form of document.querySelectorAll("form[data-passkey]")) {
  const isHere = location.origin === form.dataset.origin;
  if (canUse && isHere) form.hidden = false;
  else if (!form.hidden) say(form, isHere ? "This browser knows no passkeys. An authenticator app works everywhere." : `Passkeys work only at ${form.dataset.origin}. Open this page there.`);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form);
  });
}

// Back from the hospital's own sign-in: nobody needs to press the button.
document.querySelector("form[data-send-itself]")?.requestSubmit();
