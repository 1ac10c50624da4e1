// What ipydatagrid lacks, done to one grid and its views: cells are painted in place, and anew when the
// page changes its theme; a reply holds the columns that are seen, and the others are still there.

/** Of a region: its first and last pixels. */
interface Region {
  xMin: number;
  yMin: number;
  xMax: number;
  yMax: number;
}

/** Lumino's DataGrid; what is private to it is held by `tests/browser/test_grid.py`. */
interface DataGrid {
  _drawCells(region: Region): void;
  _blitContent(...args: unknown[]): void;
  _bufferGC: CanvasRenderingContext2D;
  _canvasGC: CanvasRenderingContext2D;
}

interface GridView {
  grid: { grid: DataGrid };
  isLightTheme: boolean;
  updateRenderers(): Promise<unknown>;
  updateGridStyle(): void;
  updateGridRenderers(): void;
}

interface Dataset {
  data: Record<string, unknown>;
  setColumns(names: string[]): void;
}

interface GridModel {
  views?: Record<string, Promise<GridView>>;
  data_model: { currentView: { dataset: Dataset } };
  on(event: string, handler: () => void): unknown;
}

interface Model {
  get(name: string): unknown;
  widget_manager?: { get_model(id: string): Promise<GridModel> };
}

/** Lumino paints each cell into a buffer and copies it from there, which takes most of a jump's time.
 *
 * Here a region is painted where it belongs, clipped to what is seen of it. */
export function paintInPlace(grid: DataGrid): void {
  if (Object.hasOwn(grid, "_drawCells")) return;
  grid._drawCells = (region) => {
    const { _bufferGC: buffer, _canvasGC: canvas } = grid;
    canvas.save();
    canvas.beginPath();
    canvas.rect(region.xMin, region.yMin, region.xMax - region.xMin + 1, region.yMax - region.yMin + 1);
    canvas.clip();
    canvas.clearRect = () => undefined; // the background is there already
    grid._blitContent = () => undefined;
    grid._bufferGC = canvas;
    try {
      Object.getPrototypeOf(grid)._drawCells.call(grid, region);
    } finally {
      grid._bufferGC = buffer;
      Reflect.deleteProperty(grid, "_blitContent");
      Reflect.deleteProperty(canvas, "clearRect");
      canvas.restore();
    }
  };
}

/** ipydatagrid takes the names of all columns from each reply; its menus go by them. Here they stay. */
export function keepColumns(grid: GridModel): void {
  const keep = () => {
    const { dataset } = grid.data_model.currentView;
    dataset.setColumns(Object.keys(dataset.data));
    dataset.setColumns = () => undefined;
  };
  keep();
  grid.on("data-model-changed", keep);
}

const gridOf = async (model: Model): Promise<GridModel | undefined> =>
  model.widget_manager?.get_model(String(model.get("grid")));

const viewsOf = async (model: Model): Promise<GridView[]> =>
  Promise.all(Object.values((await gridOf(model))?.views ?? {}));

const WHERE_A_THEME_IS_NAMED = ["class", "data-jp-theme-name", "data-jp-theme-light", "data-vscode-theme-id"];
// ipydatagrid takes its colours from the page when it is painted first; in JupyterLab its plugin
// repaints, but for its DataGridView alone, not for the StreamingDataGridView that ours is.
const SETTLED = 100; // ms until the colours of the new theme are there

async function repaint(model: Model): Promise<void> {
  for (const view of await viewsOf(model)) {
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
    void gridOf(model).then((grid) => grid && keepColumns(grid));
    void viewsOf(model).then((views) => {
      for (const { grid } of views) paintInPlace(grid.grid);
    });
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
