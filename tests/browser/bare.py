"""A page that knows anywidgets and nothing else: no kernel, no widget manager, no models by name.

A request is answered by its widget in this process, whose traits are sent to the page before the
answer, as a kernel would. Colours are those of a JupyterLab theme.
"""

import json
import sys
from pathlib import Path

from datagen_nb.ui.modules import built
from datagen_nb.ui.protocol import Request, describe

THEMES = Path(sys.prefix) / "share" / "jupyter" / "lab" / "themes" / "@jupyterlab"

PAGE = """
<!doctype html><meta charset="utf-8">
<style>{theme}</style>
<style>
  body {{ margin: 0; padding: 12px; background: var(--jp-layout-color0, Canvas); }}
  main {{ display: grid; gap: 16px; }}
  figure {{ margin: 0; min-width: 0; }}
  figcaption {{ margin-bottom: 4px; font: 12px system-ui; }}
  figcaption {{ color: var(--jp-ui-font-color2, CanvasText); }}
</style>
<main></main>
<script type="module">
const url = URL.createObjectURL(new Blob([{loader}], {{type: "text/javascript"}}));
const {{default: widget}} = await import(url);
class Model {{
  asked = [];
  #listeners = {{}};
  constructor(place, values) {{ this.place = place; this.values = values; }}
  get(name) {{ return this.values[name]; }}
  on(event, callback) {{ (this.#listeners[event] ??= new Set()).add(callback); }}
  off(event, callback) {{ this.#listeners[event]?.delete(callback); }}
  tell(values) {{
    Object.assign(this.values, values);
    for (const name of Object.keys(values))
      [...(this.#listeners[`change:${{name}}`] ?? [])].forEach(callback => callback());
  }}
  async send({{id, action, body}}) {{
    this.asked.push(action);
    if (this.silent && action !== "module") return;
    const {{reply, values}} = await act(this.place, action, body);
    this.tell(values);
    this.#listeners["msg:custom"]?.forEach(callback => callback({{id, ...reply}}, []));
  }}
}}
window.models = [];
window.show = async (caption, values) => {{
  const model = new Model(models.length, values);
  models.push(model);
  const figure = document.createElement("figure");
  figure.innerHTML = "<figcaption></figcaption><div></div>";
  figure.firstChild.textContent = caption;
  document.querySelector("main").append(figure);
  model.gone = await widget.render({{model, el: figure.lastChild}});
}};
window.ready = true;
</script>
"""


class Bare:
    """Shows widgets in a page.

    Args:
        page: An empty page.
        theme: ``light`` or ``dark``.
        jupyter: Whether the page has JupyterLab's colours; else it only says which it is.
    """

    def __init__(self, page, theme="light", *, jupyter=True):
        self.page = page
        self.errors = []
        self._widgets = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.expose_function("act", self._act)
        css = f":root {{ color-scheme: {theme} }}"
        if jupyter:
            css = (THEMES / f"theme-{theme}-extension" / "index.css").read_text(encoding="utf-8")
        loader = json.dumps(built("loader.js")).replace("</", "<\\/")
        page.set_content(PAGE.format(theme=css, loader=loader))
        page.wait_for_function("() => window.ready")

    def show(self, widget, caption=""):
        """Add a widget below the others; its place in the page."""
        self._widgets.append(widget)
        values = {name: getattr(widget.view_model, name) for name in ("module", "holder")}
        self.page.evaluate("values => show(...values)", [caption, values | _state(widget)])
        return self.page.locator("figure").nth(len(self._widgets) - 1)

    def tell(self, place, **values):
        """Change what a model holds, as a kernel does."""
        self.page.evaluate("([place, values]) => models[place].tell(values)", [place, values])

    def silence(self, place):
        """Answer nothing from now on, and let the heartbeats be overdue."""
        self.page.evaluate("place => { models[place].silent = true; }", place)
        self.tell(place, heartbeat={"at": 0, "every": 0.001, "seq": 0})

    def asked(self, place=0):
        """The actions that were requested."""
        return self.page.evaluate("place => models[place].asked", place)

    def leave(self):
        """Take all of them away, as a host does when a cell is cleared."""
        self.page.evaluate("() => models.forEach(model => model.gone?.())")

    def _act(self, place, action, body):
        widget = self._widgets[place]
        doing = widget._portal.start(widget._answer(Request(action, body)))
        try:
            reply = {"result": doing.result()}
        except Exception as error:  # whatever it is, a kernel answers with it too
            reply = {"error": describe(error)}
        return {"reply": reply, "values": _state(widget)}


def _state(widget):
    return {name: getattr(widget.view_model, name) for name in ("snapshot", "heartbeat")}
