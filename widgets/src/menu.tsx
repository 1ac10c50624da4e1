// A button and what it opens: above everything, since a notebook clips what leaves its cell.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

interface Menu {
  name: string; // of the button, for those who do not see its face
  label: string; // of what opens
  face: ComponentChildren;
  children: ComponentChildren;
  wide?: boolean; // for a face of words
  focusable?: boolean; // by Tab; a grid has keys of its own for it
  onOpen?: (open: boolean) => void;
}

const GAP = 4; // px

export function Menu({ name, label, face, children, wide = false, focusable = true, onOpen }: Menu) {
  const button = useRef<HTMLButtonElement>(null);
  const opened = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState(false);
  useEffect(() => {
    if (button.current) button.current.popoverTargetElement = opened.current;
  }, []);
  useEffect(() => {
    if (!open) return;
    const close = (event: Event) => {
      if (!opened.current?.contains(event.target as Node)) opened.current?.hidePopover?.();
    };
    document.addEventListener("scroll", close, true);
    return () => document.removeEventListener("scroll", close, true);
  }, [open]);
  const place = () => {
    if (!button.current || !opened.current) return;
    const at = button.current.getBoundingClientRect();
    const { style } = opened.current;
    const below = at.bottom < innerHeight * 0.6;
    style.top = below ? `${at.bottom + GAP}px` : "auto";
    style.bottom = below ? "auto" : `${innerHeight - at.top + GAP}px`;
    style.right = `${Math.max(GAP, Math.min(innerWidth - at.right, innerWidth - 280))}px`;
    style.maxHeight = `${(below ? innerHeight - at.bottom : at.top) - 3 * GAP}px`;
  };
  return (
    <>
      <button
        type="button"
        ref={button}
        tabIndex={focusable ? undefined : -1}
        class={`dg-button dg-quiet ${wide ? "" : "dg-icon"}`}
        aria-label={wide ? undefined : name}
        aria-haspopup="true"
        title={name}
      >
        {face}
      </button>
      <div
        ref={opened}
        popover="auto"
        class="dg-menu"
        role="group"
        aria-label={label}
        onBeforeToggle={place}
        onToggle={({ newState }) => {
          setOpen(newState === "open");
          onOpen?.(newState === "open");
        }}
      >
        <span class="dg-muted">{label}</span>
        {children}
      </div>
    </>
  );
}
