// Whether an element is on the screen, as far as its page can know.

import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";

export function useInView(element: RefObject<HTMLElement>): RefObject<boolean> {
  const inView = useRef(true);
  useEffect(() => {
    if (!element.current) return;
    const observer = new IntersectionObserver((entries) => {
      inView.current = entries.at(-1)?.isIntersecting ?? true; // a busy page gets several at once
    });
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return inView;
}
