// Asks for the API key. It is kept for the tab's session only.

import { make } from "./dom.js";

let asking = null;

/**
 * Ask for the key; whoever asks while the question is open gets the same answer.
 *
 * @param {boolean} refused - whether the server refused the one that there was.
 * @returns {Promise<string|null>} null where none was given.
 */
export function askForKey(refused) {
  asking ??= openDialog(refused).finally(() => {
    asking = null;
  });
  return asking;
}

function openDialog(refused) {
  const field = make("input", {
    id: "key-field",
    type: "password",
    autocomplete: "off",
    spellcheck: "false",
  });
  const dialog = make(
    "dialog",
    { class: "card", "aria-labelledby": "key-title" },
    make(
      "form",
      { method: "dialog" },
      make("h2", { id: "key-title" }, "API key"),
      make("p", {}, "This server answers those who have a key. This tab keeps it until it closes."),
      refused && make("p", { class: "refused", role: "alert" }, "The server refused that key."),
      make("label", { for: "key-field" }, "Key"),
      field,
      make(
        "div",
        { class: "dialog-foot" },
        make("button", { class: "primary", value: "use" }, "Use this key"),
        make("button", { value: "cancel" }, "Cancel"),
      ),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  field.focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      const key = field.value.trim();
      dialog.remove();
      resolve(dialog.returnValue === "use" && key ? key : null);
    });
  });
}
