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
