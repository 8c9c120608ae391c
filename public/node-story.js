import { el, setAttribute } from "./dom.js";
import { createStory } from "./story.js";

const REFRESH_MS = 5000;

/** The story of one node at a time, in the place below all of them. */
export function createNodeStory() {
  const id = "node-story";
  const element = el("div", { id, class: "panel", hidden: true });
  /** @type {{node: string, button: HTMLElement, story: ReturnType<typeof createStory>}|undefined} */
  let open;
  setInterval(() => !document.hidden && element.isConnected && open?.story.refresh(), REFRESH_MS);

  function close() {
    if (!open) return;
    setAttribute(open.button, "aria-expanded", "false");
    element.replaceChildren();
    element.hidden = true;
    open = undefined;
  }

  return {
    element,
    /** @param {string} node */
    createButton(node) {
      const button = el(
        "button",
        { type: "button", class: "tell", "aria-expanded": "false", "aria-controls": id, onclick: toggle },
        "story",
      );
      setAttribute(button, "aria-label", `Story of ${node}`);
      function toggle() {
        const wasOpen = open?.node === node;
        close();
        if (wasOpen) return;
        const story = createStory(node, `Story of ${node}`);
        open = { node, button, story };
        element.replaceChildren(story.element);
        element.hidden = false;
        setAttribute(button, "aria-expanded", "true");
        void story.refresh();
      }
      return button;
    },
  };
}
