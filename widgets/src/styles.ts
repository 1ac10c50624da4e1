// Puts style sheets where an element is shown: its document, or the shadow tree that it is in.

export function injectStyles(el: HTMLElement, ...sheets: string[]): void {
  const root = el.getRootNode();
  const place = root instanceof ShadowRoot ? root : el.ownerDocument.head;
  for (const text of sheets) {
    const worn = [...place.querySelectorAll("style[data-datagen]")];
    if (worn.some((style) => style.textContent === text)) continue;
    const style = el.ownerDocument.createElement("style");
    style.dataset.datagen = "";
    style.textContent = text;
    place.append(style);
  }
}
