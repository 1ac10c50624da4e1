// Notes that a job has ended, where it is not seen: in the page, by the browser, by a sound.

import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Menu } from "./menu";
import css from "./notify.css";
import type { State } from "./snapshot";
import { StateMark } from "./state";
import { injectStyles } from "./styles";
import tokens from "./tokens.css";

export interface News {
  id: string; // of the job: its end is noted once, however many widgets show it
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
const MAX_TOASTS = 4;

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

/** Whether a job's end is in view somewhere on the page. */
type Witness = (job: string) => boolean;

interface Region extends HTMLElement {
  noted?: Set<string>;
  witnesses?: Set<Witness>;
}

/** The page's one region, shared with other copies of this module. */
function region(): Region {
  const found = document.querySelector<Region>("body > .dg-toasts");
  if (found) return found;
  const made = document.createElement("div");
  made.className = "dg-toasts";
  made.setAttribute("role", "status");
  made.setAttribute("aria-live", "polite");
  document.body.append(made);
  return made;
}

/** For as long as a widget is there: what it shows in view needs no note, from whichever widget. */
export function useWitness(sees: Witness): void {
  const newest = useRef(sees);
  newest.current = sees;
  useEffect(() => {
    const place = region();
    place.witnesses ??= new Set();
    const { witnesses } = place;
    const witness: Witness = (job) => newest.current(job);
    witnesses.add(witness);
    return () => void witnesses.delete(witness);
  }, []);
}

/** A cancellation needs no note: it is deliberate, and answered where it was asked for. */
export function announce(news: News): void {
  const place = region();
  place.noted ??= new Set();
  const { noted } = place;
  if (noted.has(news.id)) return;
  noted.add(news.id);
  const isSeen = !document.hidden && [...(place.witnesses ?? [])].some((sees) => sees(news.id));
  if (isSeen || news.state === "cancelled") return;
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
  injectStyles(place, tokens, css);
  const box = document.createElement("div");
  const close = () => {
    render(null, box);
    box.remove();
  };
  while (place.children.length >= MAX_TOASTS) place.firstElementChild?.remove();
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
  ["browser", "a browser notification"],
  ["sound", "a sound"],
];

/** Where notifications are chosen; the browser asks for leave at the click that wants it. */
export function NotifySettings() {
  const [chosen, setChosen] = useState(settings);
  const [denied, setDenied] = useState(false);
  const choose = async (name: keyof Settings, on: boolean) => {
    const refused = name === "browser" && on && (await globalThis.Notification?.requestPermission()) !== "granted";
    setDenied(refused);
    const next = { ...settings(), [name]: on && !refused };
    keep(next);
    setChosen(next);
    if (name === "sound" && on) beep();
  };
  return (
    <Menu name="Notifications" label="When a job ends out of view, notify me with" face={BELL}>
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
