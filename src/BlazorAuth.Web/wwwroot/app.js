// Everything here is a comfort: each page works with this file blocked.

class PasswordReveal extends HTMLElement {
  connectedCallback() {
    this.input = this.querySelector("input");
    this.button = this.querySelector("button");
    this.status = this.querySelector("[aria-live]");
    if (!this.input || !this.button || this.ready) return;
    this.ready = true;
    this.button.addEventListener("click", () => this.show(this.input.type === "password"));
    // Browsers offer to save, and remember for autocompletion, by the type the field has when it is sent.
    this.input.form?.addEventListener("submit", () => this.show(false));
    // A page restored by the back button must not greet the next person with a readable password.
    addEventListener("pageshow", event => event.persisted && this.show(false));
    this.button.hidden = false;
  }

  show(visible) {
    if (visible === (this.input.type === "text")) return;
    const words = this.dataset;
    this.input.type = visible ? "text" : "password";
    this.button.textContent = visible ? words.hide : words.show;
    this.button.setAttribute("aria-label", visible ? words.hideLabel : words.showLabel);
    this.status.textContent = visible ? words.shown : words.hidden;
  }
}
customElements.define("password-reveal", PasswordReveal);

const summary = document.getElementById("error-summary");
// autofocus is ignored when the address has a fragment; a field the user already types in keeps its focus.
if (summary) addEventListener("load", () => document.activeElement === document.body && summary.focus());

summary?.addEventListener("click", event => {
  const id = event.target.closest("a")?.hash.slice(1);
  const input = id && document.getElementById(id);
  if (!input) return;
  event.preventDefault();
  // The anchor alone would put the input at the top edge and its label and message out of sight.
  (input.labels?.[0] ?? input).scrollIntoView();
  input.focus({ preventScroll: true });
});

// A double click must not send twice. The button is never disabled: a lost answer would leave it dead.
const sent = new Set();
document.addEventListener("submit", event => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (sent.has(form)) return event.preventDefault();
  sent.add(form);
  form.dataset.sending = "";
  setTimeout(() => release(form), 5000);
});
addEventListener("pageshow", () => [...sent].forEach(release));

function release(form) {
  sent.delete(form);
  delete form.dataset.sending;
}

// People paste the code with the words around it ("Your code is 123 456.").
document.addEventListener("input", event => {
  const field = event.target;
  if (event.inputType !== "insertFromPaste" || !field.matches?.(".code-input")) return;
  const digits = field.value.replace(/[^0-9 ]/g, " ").replace(/ +/g, " ").trim();
  if (digits && digits !== field.value) field.value = digits;
});

// Buttons that only a script can serve.
const served = [...document.querySelectorAll("[data-print]"), ...(navigator.clipboard ? document.querySelectorAll("[data-copy]") : [])];
for (const button of served) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const { copy, done } = button.dataset;
    if (!copy) return print();
    const lines = [...document.querySelectorAll(copy)].map(from => from.dataset.value ?? from.textContent);
    await navigator.clipboard.writeText(lines.join("\n"));
    button.nextElementSibling.textContent = done;
  });
}

// Passkeys. Their forms are sent with the browser's answer, so that success is a navigation; elsewhere they stay out of sight.
// They belong to one host: at another one, or at an address of numbers, no browser could use them.
const atHome = location.hostname === document.documentElement.dataset.passkeyHost;
const passkeys = atHome && globalThis.PublicKeyCredential?.parseRequestOptionsFromJSON && PublicKeyCredential;
const keeper = passkeys?.isUserVerifyingPlatformAuthenticatorAvailable?.() ?? Promise.resolve(false);
keeper.then(can => can && document.querySelectorAll("input[name=passkeys]").forEach(input => input.value = "1"));
const renewAutofill = 4 * 60 * 1000; // its ticket lives five minutes
let pending;

// The answer as JSON. By hand, because the toJSON of some password managers is missing or throws.
function written(credential) {
  const { id, rawId, type, authenticatorAttachment, response } = credential;
  const encode = bytes => bytes
    ? btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "") : undefined;
  return {
    id, rawId: encode(rawId), type, authenticatorAttachment,
    clientExtensionResults: credential.getClientExtensionResults?.() ?? {},
    response: {
      clientDataJSON: encode(response.clientDataJSON), attestationObject: encode(response.attestationObject),
      transports: response.getTransports?.(), authenticatorData: encode(response.authenticatorData),
      signature: encode(response.signature), userHandle: encode(response.userHandle),
    },
  };
}

class PasskeyForm extends HTMLElement {
  connectedCallback() {
    const { otherwise } = this.dataset;
    if (otherwise) keeper.then(can => can || location.replace(otherwise));
    this.form = this.querySelector("form");
    if (!passkeys || !this.form) return;
    this.fields = this.form.elements;
    this.form.addEventListener("submit", event => {
      if (this.fields.ticket.value) return;
      event.preventDefault();
      this.run();
    });
    // The back button restores what was sent, and that is spent.
    addEventListener("pageshow", () => this.fields.ticket.value = this.fields.credential.value = "");
    this.dataset.ready = "";
    if (this.dataset.autofill != null) this.offer();
  }

  // In the autofill of the fields, waiting in silence.
  async offer() {
    if (await passkeys.isConditionalMediationAvailable?.()) this.run("conditional");
  }

  async run(mediation) {
    pending?.abort(); // a browser takes one ceremony at a time
    const own = pending = new AbortController();
    const again = () => pending !== own ? 0 : document.hidden ? document.addEventListener("visibilitychange", again, { once: true }) : this.run("conditional");
    if (mediation) setTimeout(again, renewAutofill);
    else this.say("");
    try {
      const { act, options, failed } = this.dataset;
      const answer = await fetch(options, {
        method: "POST", signal: own.signal,
        body: new URLSearchParams({ __RequestVerificationToken: this.fields.__RequestVerificationToken.value }),
      }).catch(error => { throw own.signal.aborted ? error : failed; });
      if (answer.status === 403) return HTMLFormElement.prototype.submit.call(this.form); // the page asks for a proof first
      const begun = await answer.json();
      if (!answer.ok) throw begun.message;
      const credential = act === "create"
        ? await navigator.credentials.create({ signal: own.signal, publicKey: passkeys.parseCreationOptionsFromJSON(begun.options) })
        : await navigator.credentials.get({ signal: own.signal, mediation, publicKey: passkeys.parseRequestOptionsFromJSON(begun.options) });
      this.fields.ticket.value = begun.ticket;
      this.fields.credential.value = JSON.stringify(written(credential));
      if (this.fields.persistent) this.fields.persistent.value = document.getElementById("persistent")?.checked ? "true" : "";
      this.form.requestSubmit();
    } catch (error) {
      if (pending !== own || mediation) return;
      this.say(typeof error === "string" ? error : this.dataset[error.name === "InvalidStateError" ? "known" : "stopped"]);
      if (this.dataset.autofill != null) this.offer();
    }
  }

  say(words) { this.querySelector("[role=status]").textContent = words; }
}
customElements.define("passkey-form", PasskeyForm);

// A button inside a form that works without it: the passkey takes the place of the password or code in the same form.
customElements.define("passkey-proof", class extends PasskeyForm {
  connectedCallback() {
    this.form = this.closest("form");
    const button = this.querySelector("button");
    if (!passkeys || !this.form || !button) return;
    this.fields = this.form.elements;
    button.hidden = false;
    button.addEventListener("click", () => this.run());
    addEventListener("pageshow", () => this.fields.ticket.value = this.fields.credential.value = "");
  }
});

// Tells the password manager which passkeys are good for nothing, and what the account is called now.
customElements.define("passkey-signal", class extends HTMLElement {
  connectedCallback() {
    const { unknown, user, accepted, name, displayName } = this.dataset;
    const rpId = location.hostname, userId = user;
    const tell = (what, facts) => passkeys?.[what]?.({ rpId, ...facts }).catch(() => {});
    if (unknown) tell("signalUnknownCredential", { credentialId: unknown });
    if (accepted != null) tell("signalAllAcceptedCredentials", { userId, allAcceptedCredentialIds: accepted.split(" ").filter(Boolean) });
    if (name) tell("signalCurrentUserDetails", { userId, name, displayName });
  }
});
