// What travels with every widget: it finds the module that shows it, which travels once.

import type { Model } from "./link";
import { addressOf, unpacked } from "./unpack";

interface Module {
  default: { render(context: unknown): unknown };
}

interface Context {
  model: Model & { widget_manager?: { get_model(id: string): Promise<{ get(name: string): unknown }> } };
}

declare global {
  var __datagen_nb: Map<string, Promise<Module>> | undefined;
}

async function packed(model: Context["model"]): Promise<string> {
  try {
    const holder = await model.widget_manager?.get_model(String(model.get("holder")));
    const found = holder?.get("packed");
    if (typeof found === "string") return found;
  } catch {
    // This host has no models to find by name: the kernel is asked.
  }
  const { Link } = await import("./link");
  const link = new Link(model);
  try {
    return String(await link.ask("module", {}, { quiet: true }));
  } finally {
    link.close();
  }
}

async function load(model: Context["model"]): Promise<Module> {
  return (await import(addressOf(await unpacked(await packed(model))))) as Module;
}

export default {
  async render(context: Context) {
    globalThis.__datagen_nb ??= new Map();
    const known = globalThis.__datagen_nb;
    const name = String(context.model.get("module"));
    let loading = known.get(name);
    if (!loading) {
      loading = load(context.model);
      known.set(name, loading);
      loading.catch(() => known.delete(name));
    }
    return (await loading).default.render(context);
  },
};
