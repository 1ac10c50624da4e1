// Repaints a grid when the page changes its theme. ipydatagrid takes its colours from the page when
// it is painted first; in JupyterLab its plugin repaints, but for its DataGridView alone, not for
// the StreamingDataGridView that ours is.

interface GridView {
  isLightTheme: boolean;
  updateRenderers(): Promise<unknown>;
  updateGridStyle(): void;
  updateGridRenderers(): void;
}

interface Model {
  get(name: string): unknown;
  widget_manager?: { get_model(id: string): Promise<{ views?: Record<string, Promise<GridView>> }> };
}

const WHERE_A_THEME_IS_NAMED = ["class", "data-jp-theme-name", "data-jp-theme-light", "data-vscode-theme-id"];
const SETTLED = 100; // ms until the colours of the new theme are there

async function repaint(model: Model): Promise<void> {
  const grid = await model.widget_manager?.get_model(String(model.get("grid")));
  for (const painted of Object.values(grid?.views ?? {})) {
    const view = await painted;
    view.isLightTheme = isLight();
    await view.updateRenderers();
    view.updateGridStyle();
    view.updateGridRenderers();
  }
}

const isLight = (): boolean =>
  document.body.dataset.jpThemeLight !== "false" && !document.body.classList.contains("vscode-dark");

/** The colours that a theme is known by. */
const colours = (el: HTMLElement): string => {
  const style = getComputedStyle(el);
  return ["--jp-layout-color1", "--jp-ui-font-color1"].map((name) => style.getPropertyValue(name)).join();
};

export default {
  render({ model, el }: { model: Model; el: HTMLElement }) {
    el.style.display = "none";
    let before = colours(document.body);
    let timer: ReturnType<typeof setTimeout>;
    const changed = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        const now = colours(document.body);
        if (now !== before) void repaint(model);
        before = now;
      }, SETTLED);
    };
    const watching = new MutationObserver(changed);
    for (const node of [document.documentElement, document.body]) {
      watching.observe(node, { attributes: true, attributeFilter: WHERE_A_THEME_IS_NAMED });
    }
    return () => {
      clearTimeout(timer);
      watching.disconnect();
    };
  },
};
