// Where a table of any height stands: browsers end an element's height at some ten million pixels,
// so a taller table has a scroll bar that stands for more than its own pixels.

export const MAX_HEIGHT = 8_000_000; // px

export class ScrollMap {
  #height = 0; // px of all rows
  #view = 0; // px of those that are seen
  #top = 0; // px above the first that is seen
  #placed = 0; // the scroll bar as it was set last

  /** Take new heights; what is shown stays, as far as it exists. */
  resize(height: number, view: number): void {
    this.#height = height;
    this.#view = view;
    this.moveTo(this.#top);
  }

  get top(): number {
    return this.#top;
  }

  /** The height that the scrolled element gets. */
  get spacer(): number {
    return Math.min(this.#height, MAX_HEIGHT);
  }

  get isScaled(): boolean {
    return this.#height > MAX_HEIGHT;
  }

  /** Where the scroll bar belongs. */
  get scrollTop(): number {
    return this.#top * this.#scale;
  }

  /** Show what is this many pixels down; returns whether that is something else. */
  moveTo(top: number): boolean {
    const before = this.#top;
    this.#top = Math.max(0, Math.min(top, this.#height - this.#view));
    return this.#top !== before;
  }

  /** Take the scroll bar as a reader has moved it; its own echo moves nothing. */
  follow(scrollTop: number): boolean {
    if (this.isScaled && Math.abs(scrollTop - this.#placed) < 1) return false;
    this.#placed = scrollTop;
    return this.moveTo(scrollTop / this.#scale);
  }

  /** Remember where the scroll bar was put, as the browser has rounded it. */
  placed(scrollTop: number): void {
    this.#placed = scrollTop;
  }

  get #scale(): number {
    const most = this.#height - this.#view;
    return this.isScaled ? (MAX_HEIGHT - this.#view) / most : 1;
  }
}
