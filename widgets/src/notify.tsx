// Tells that a job has ended to somebody who looks elsewhere: in the page, by the browser, by a sound.

import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { dress } from "./dress";
import { Menu } from "./menu";
import css from "./notify.css";
import type { State } from "./snapshot";
import { StateMark } from "./state";
import tokens from "./tokens.css";

export interface News {
  id: string; // of the job: its end is told once, however many widgets see it
  state: State;
  headline: string;
  title: string;
  text: string;
  show: () => void;
}

interface Settings {
  page: boolean;
  browser: boolean;
  sound: boolean;
}

const KEY = "datagen_nb.notify";
const STAYS = 8_000; // ms
const MOST_TOASTS = 4;

function settings(): Settings {
  const usual = { page: true, browser: false, sound: false };
  try {
    return { ...usual, ...JSON.parse(localStorage.getItem(KEY) ?? "{}") };
  } catch {
    return usual; // no storage here, or not ours: what one has not chosen is off
  }
}

function keep(chosen: Settings): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(chosen));
  } catch {
    // A host without storage asks again the next time.
  }
}

/** The page's one region, shared with other copies of this module; it knows what it has told. */
function region(): HTMLElement & { told?: Set<string> } {
  const found = document.querySelector<HTMLElement>("body > .dg-toasts");
  if (found) return found;
  const made = document.createElement("div");
  made.className = "dg-toasts";
  made.setAttribute("role", "status");
  made.setAttribute("aria-live", "polite");
  document.body.append(made);
  return made;
}

export function announce(news: News): void {
  const place = region();
  const told = (place.told ??= new Set());
  if (told.has(news.id)) return;
  told.add(news.id);
  const chosen = settings();
  if (chosen.page) toast(place, news);
  if (chosen.browser && document.hidden && globalThis.Notification?.permission === "granted") {
    const shown = new Notification(`${news.title}: ${news.headline}`, { body: news.text, tag: news.id });
    shown.onclick = () => {
      window.focus();
      news.show();
    };
  }
  if (chosen.sound) beep();
}

function toast(place: HTMLElement, news: News): void {
  dress(place, tokens, css);
  const box = document.createElement("div");
  const close = () => {
    render(null, box);
    box.remove();
  };
  while (place.children.length >= MOST_TOASTS) place.firstElementChild?.remove();
  place.append(box);
  render(<Toast news={news} close={close} />, box);
}

function Toast({ news, close }: { news: News; close: () => void }) {
  const [held, setHeld] = useState(false);
  useEffect(() => {
    if (held) return;
    const timer = setTimeout(close, STAYS);
    return () => clearTimeout(timer);
  }, [held]);
  return (
    <div
      class={`dg dg-toast dg-${news.state}`}
      onMouseEnter={() => setHeld(true)}
      onMouseLeave={() => setHeld(false)}
      onFocusIn={() => setHeld(true)}
      onFocusOut={() => setHeld(false)}
      onKeyDown={(event) => event.key === "Escape" && close()}
    >
      <span class="dg-state">
        <StateMark state={news.state} />
        {news.headline}
      </span>
      <strong class="dg-text" title={news.title}>
        {news.title}
      </strong>
      <span class="dg-muted dg-text">{news.text}</span>
      <span class="dg-toast-buttons">
        <button
          type="button"
          class="dg-button"
          onClick={() => {
            close();
            news.show();
          }}
        >
          Show
        </button>
        <button type="button" class="dg-button dg-quiet" onClick={close}>
          Dismiss
        </button>
      </span>
    </div>
  );
}

function beep(): void {
  const context = new AudioContext();
  const tone = context.createOscillator();
  const volume = context.createGain();
  volume.gain.setValueAtTime(0.08, context.currentTime);
  volume.gain.exponentialRampToValueAtTime(0.001, context.currentTime + 0.4);
  tone.connect(volume).connect(context.destination);
  tone.start();
  tone.stop(context.currentTime + 0.4);
  tone.onended = () => void context.close();
}

const CHOICES: [keyof Settings, string][] = [
  ["page", "a note in this page"],
  ["browser", "a notification of the browser"],
  ["sound", "a sound"],
];

/** Where one chooses how to be told; the browser's leave is asked for by the click that wants it. */
export function NotifySettings() {
  const [chosen, setChosen] = useState(settings);
  const [denied, setDenied] = useState(false);
  const choose = async (name: keyof Settings, on: boolean) => {
    const refused =
      name === "browser" && on && (await globalThis.Notification?.requestPermission()) !== "granted";
    setDenied(refused);
    const next = { ...settings(), [name]: on && !refused };
    keep(next);
    setChosen(next);
    if (name === "sound" && on) beep();
  };
  return (
    <Menu name="Tell me when it ends" label="When a job ends out of sight, tell me by" face={BELL}>
      {CHOICES.map(([name, label]) => (
        <label key={name}>
          <input
            type="checkbox"
            checked={chosen[name]}
            onChange={(event) => void choose(name, event.currentTarget.checked)}
          />
          {label}
        </label>
      ))}
      {denied && <span role="alert">The browser does not allow it for this page.</span>}
    </Menu>
  );
}

const BELL = (
  <svg viewBox="0 0 16 16" aria-hidden="true">
    <path d="M3.5 11.5h9l-1.2-1.8V7a3.3 3.3 0 0 0-6.6 0v2.7zM6.6 13.5a1.5 1.5 0 0 0 2.8 0" />
  </svg>
);
