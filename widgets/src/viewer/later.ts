// What the viewer loads when it is opened for the first time: menus, panels, charts. It draws with the
// Preact of this module, which it imports by its address.

import { useState } from "preact/hooks";
import type { Ask } from "../link";
import { addressOf, unpacked } from "../unpack";
import type * as Tools from "../viewer-tools";

export { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
export { Fragment, jsx, jsxs } from "preact/jsx-runtime";

const HOST = "datagen:host"; // as `build.mjs` calls this module

/** The tools once they are there, and how to have them. */
export function useTools(ask: Ask, failed: (error: unknown) => void): [typeof Tools | null, () => void] {
  const [tools, setTools] = useState<typeof Tools | null>(null);
  const [isLoading, setLoading] = useState(false);
  const load = async () => {
    if (isLoading) return;
    setLoading(true);
    try {
      const text = await unpacked(String(await ask("tools", {}, { quiet: true })));
      setTools(await import(addressOf(text.replaceAll(HOST, import.meta.url))));
    } catch (error) {
      setLoading(false);
      failed(error);
    }
  };
  return [tools, () => void load()];
}
