// Numbers, sizes and spans of time as people read them.

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

export const count = (value: number): string => whole.format(value);

export const rows = (number: number): string => `${count(number)} ${number === 1 ? "row" : "rows"}`;

export function size(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let value = bytes;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? count(value) : value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}

export function span(seconds: number): string {
  const left = Math.max(0, Math.round(seconds));
  if (left < 60) return `${left} s`;
  const [whole, part, words] =
    left < 3600 ? [60, 1, ["min", "s"]] : left < 86_400 ? [3600, 60, ["h", "min"]] : [86_400, 3600, ["d", "h"]];
  const rest = Math.floor((left % whole) / part);
  return `${Math.floor(left / whole)} ${words[0]}${rest ? ` ${rest} ${words[1]}` : ""}`;
}

/** A span in its largest unit. */
export const rough = (seconds: number): string => span(seconds).split(" ").slice(0, 2).join(" ");

/** What is left or to come, no finer than anybody can know it. */
export function about(seconds: number): string {
  const step = [
    [15, 1],
    [60, 5],
    [3600, 60],
    [36_000, 300],
    [86_400, 3600],
  ].find(([most]) => seconds < (most as number));
  const least = step?.[1] ?? 3600;
  return span(Math.max(least, Math.round(seconds / least) * least));
}

/** How far something is; what has begun is not at 0. */
export function percent(value: number): string {
  return value > 0 && value < 1 ? `${Math.max(0.1, Math.floor(10 * value) / 10)} %` : `${Math.floor(value)} %`;
}

export function exact(seconds: number): string {
  return seconds < 60 ? `${seconds.toFixed(1)} s` : span(seconds);
}

export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const rest = String(whole % 60).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}:${rest}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
}

export function ordinal(place: number): string {
  const tens = place % 100;
  const ending = tens > 10 && tens < 14 ? "th" : (["th", "st", "nd", "rd"][place % 10] ?? "th");
  return `${place}${ending}`;
}

/** How long ago, while that says more than the time of the day. */
export function ago(instant: string, now: number): string {
  const then = new Date(instant);
  const seconds = (now - then.getTime()) / 1000;
  if (seconds < 10) return "just now";
  if (seconds < 60) return `${Math.floor(seconds / 10) * 10} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  const days = Math.round((midnight(now) - midnight(then.getTime())) / 86_400_000);
  const time = then.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  if (days === 0) return time;
  if (days === 1) return `Yesterday ${time}`;
  const year = then.getFullYear() === new Date(now).getFullYear() ? "" : ` ${then.getFullYear()}`;
  return `${day(instant)}${year}`;
}

const midnight = (at: number): number => new Date(at).setHours(0, 0, 0, 0);

export function day(instant: string): string {
  const words = new Date(instant).toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  return words.replace(" ", "\u00a0");
}

/** An instant in full, as it is shown when one points at a time. */
export const instant = (at: string): string =>
  new Date(at).toLocaleString("en-GB", {
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });

/** When something stood as it is shown: 14:03, 28 Nov 2026. */
export function moment(at: number): string {
  const then = new Date(at);
  const time = then.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  return `${time}, ${then.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" })}`;
}
