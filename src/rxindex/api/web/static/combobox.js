// The search box: an editable combobox with a list of suggestions, after the ARIA Authoring
// Practices 1.2. The focus stays in the box; aria-activedescendant tells which option is meant.

import { ask } from "./api.js";
import { icon, make, put } from "./dom.js";
import { counted } from "./words.js";

/** Milliseconds between the last letter and the question. */
const PAUSE = 90;
const SUGGESTIONS = 8;

const KINDS = { brand: "Brand", generic: "Generic", class: "Class", indication: "Use" };

export class Combobox {
  /**
   * @param {HTMLInputElement} box - with the role of a combobox.
   * @param {HTMLElement} list - with the role of a listbox.
   * @param {(text: string) => void} announce - to a live region.
   * @param {(text: string) => void} choose - called with what is to be searched for.
   */
  constructor(box, list, announce, choose) {
    this.box = box;
    this.list = list;
    this.announce = announce;
    this.choose = choose;
    this.suggestions = [];
    this.active = -1;
    this.timer = 0;
    this.asking = new AbortController();
    box.addEventListener("input", () => this.#wait());
    box.addEventListener("keydown", (event) => this.#press(event));
    box.addEventListener("blur", () => this.close());
    // The box keeps the focus while an option is clicked.
    list.addEventListener("mousedown", (event) => event.preventDefault());
  }

  /** Close the list, and let no answer that is still to come open it again. */
  close() {
    clearTimeout(this.timer);
    this.asking.abort();
    this.#activate(-1);
    this.list.hidden = true;
    this.box.setAttribute("aria-expanded", "false");
  }

  #wait() {
    clearTimeout(this.timer);
    this.asking.abort();
    const text = this.box.value.trim();
    if (!text) {
      this.close();
      return;
    }
    this.timer = setTimeout(() => this.#suggest(text), PAUSE);
  }

  async #suggest(text) {
    this.asking = new AbortController();
    const { signal } = this.asking;
    const parameters = new URLSearchParams({ q: text, limit: SUGGESTIONS });
    try {
      const answer = await ask("suggest", parameters, { signal, quiet: true });
      this.#show(answer.suggestions);
    } catch {
      // Suggestions are a help. Whatever keeps them away is told when the search itself meets it.
      if (!signal.aborted) {
        this.close();
      }
    }
  }

  #show(suggestions) {
    this.suggestions = suggestions;
    this.#activate(-1);
    put(
      this.list,
      suggestions.map((one, place) => this.#option(one, place)),
    );
    const some = suggestions.length > 0;
    this.list.hidden = !some;
    this.box.setAttribute("aria-expanded", String(some));
    this.announce(
      some
        ? `${suggestions.length} suggestions, use the up and down arrow keys`
        : "No suggestions",
    );
  }

  #option(one, place) {
    const option = make(
      "li",
      { id: `option-${place}`, role: "option", "aria-selected": "false", class: "option" },
      make(
        "span",
        { class: "option-name" },
        this.#typed(one.display),
        one.generic && make("span", { class: "muted" }, ` ${one.generic}`),
      ),
      one.warning &&
        make(
          "span",
          { class: "option-warning" },
          icon("warning"),
          `look-alike: ${one.warning}`,
        ),
      one.match === "fuzzy" && make("span", { class: "muted" }, "similar spelling"),
      one.match === "abbreviation" && make("span", { class: "muted" }, "abbreviation"),
      make("span", { class: `badge ${one.kind}` }, KINDS[one.kind] ?? one.kind),
      one.packages > 0 &&
        make("span", { class: "muted number" }, counted(one.packages, "package")),
    );
    option.addEventListener("click", () => this.#take(place));
    return option;
  }

  /** Set off what is still to be typed from what was typed already. */
  #typed(name) {
    const typed = this.box.value.trim();
    if (!name.toLowerCase().startsWith(typed.toLowerCase())) {
      return name;
    }
    return [name.slice(0, typed.length), make("b", {}, name.slice(typed.length))];
  }

  #press(event) {
    if (event.isComposing || event.ctrlKey || event.metaKey) {
      return;
    }
    const last = this.suggestions.length - 1;
    const open = {
      ArrowDown: () => this.#activate(this.active < last ? this.active + 1 : -1),
      ArrowUp: () => this.#activate(this.active < 0 ? last : this.active - 1),
      Home: this.active >= 0 && (() => this.#activate(0)),
      End: this.active >= 0 && (() => this.#activate(last)),
      Enter: this.active >= 0 && (() => this.#take(this.active)),
      Escape: () => this.close(),
    };
    const closed = { ArrowDown: () => this.#wait(), Escape: () => this.#clear() };
    const act = (this.list.hidden ? closed : open)[event.key];
    if (act) {
      event.preventDefault();
      act();
    }
  }

  #clear() {
    this.box.value = "";
    this.close();
  }

  #take(place) {
    this.box.value = this.suggestions[place].text;
    this.close();
    this.choose(this.box.value);
  }

  #activate(place) {
    this.active = place;
    for (const [number, option] of [...this.list.children].entries()) {
      option.setAttribute("aria-selected", String(number === place));
    }
    const option = this.list.children[place];
    if (option) {
      this.box.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    } else {
      this.box.removeAttribute("aria-activedescendant");
    }
  }
}
