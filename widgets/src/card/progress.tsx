// How far a job is: a bar of its stages, in proportion to what they cost.

import { exact, percent } from "../format";
import type { JobStatus, Stage } from "../snapshot";

/** The stages' names stand under their parts of the bar: columns that both rows share. */
export function Progress({ status }: { status: JobStatus }) {
  const { stages } = status;
  const columns = stages.map(({ weight }) => `minmax(max-content, ${Math.max(100 * weight, 1)}fr)`).join(" ");
  return (
    <div class="dg-progress" style={{ gridTemplateColumns: columns }}>
      <div
        class="dg-bar"
        role="progressbar"
        aria-label="Progress"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.floor(status.progress)}
        aria-valuetext={percent(status.progress)}
      >
        {stages.map((stage) => (
          <span key={stage.name} title={stage.name}>
            <i style={{ width: `${stage.progress ?? 0}%` }} />
          </span>
        ))}
      </div>
      <ol class="dg-stages">
        {stages.map((stage) => (
          <li key={stage.name} class={`dg-stage-${stage.status}`}>
            {stage.name} {stageNote(stage)}
          </li>
        ))}
      </ol>
    </div>
  );
}

function stageNote(stage: Stage): string {
  if (stage.status === "running") return percent(stage.progress ?? 0);
  if (stage.status !== "completed" || !stage.startTime || !stage.endTime) return "";
  const took = (Date.parse(stage.endTime) - Date.parse(stage.startTime)) / 1000;
  return took >= 0.1 ? exact(took) : "";
}
