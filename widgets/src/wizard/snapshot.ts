// What the kernel sends a wizard. Columns and rows are asked for: they would be too much to keep.

import type { DraftChanges } from "../actions";
import type { WizardSnapshot } from "../snapshots";

export type {
  Estimate,
  FormatChoice as Format,
  KindChoice,
  RateLimitStatus as Limits,
  WizardProblem as Problem,
  WizardTable as Table,
} from "../snapshots";

export const STEPS = ["data", "make", "columns", "output", "review"] as const;
export type Step = WizardSnapshot["step"];

/** The draft's parameters are what the pipeline describes. */
export type Snapshot = WizardSnapshot & { config: { parameters: Record<string, unknown> } };

export type Change = DraftChanges;

/** The step in which a field is chosen. */
export function stepOf(field: string): Step {
  if (["inputPath", "inputBucket", "inputFormat"].includes(field)) return "data";
  if (/^parameters\.(encoding|delimiter|badLines)$/.test(field)) return "data";
  if (field === "parameters.columns") return "columns";
  if (field === "dataSize" || field === "dataType" || field.startsWith("parameters")) return "make";
  return "output";
}

/** The first step that something is wrong in; later ones wait for it. */
export function blocked(snapshot: Snapshot): Step | null {
  if (!snapshot.table || snapshot.inspecting || snapshot.trouble) return "data";
  const steps = snapshot.problems.map(({ field }) => stepOf(field));
  return STEPS.find((step) => steps.includes(step)) ?? null;
}

export const wrong = (snapshot: Snapshot, field: string): string =>
  snapshot.problems.find((problem) => problem.field === field)?.words ?? "";
