// Why a job may not complete: an amber line each, and a press that changes what is in the way.

import { about, rows } from "./format";
import type { EstimateWarning } from "./snapshot";

interface Warnings {
  warnings: EstimateWarning[];
  fix: (field: NonNullable<EstimateWarning["field"]>, value: number) => void;
  again?: boolean; // the job is submitted already: the fix is for the next
  disabled?: boolean;
}

export function EstimateWarnings({ warnings, fix, again = false, disabled = false }: Warnings) {
  return (
    <>
      {warnings.map(({ code, message, remedy, field, value }) => (
        <p key={code} class="dg-warning dg-row dg-text" role="status">
          <span class="dg-grow">
            <b class="dg-fair">{message}</b>
            {field === undefined && ` ${remedy}`}
          </span>
          {field !== undefined && value !== undefined && (
            <button type="button" class="dg-button" disabled={disabled} onClick={() => fix(field, value)}>
              {again ? "Rerun with " : "Change to "}
              {field === "timeout" ? `a timeout of ${about(value)}` : rows(value)}
            </button>
          )}
        </p>
      ))}
    </>
  );
}
