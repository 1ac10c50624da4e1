import { expect, it } from "vitest";
import { keepColumns } from "../src/grid";

class Dataset {
  columns: string[];
  constructor(readonly data: Record<string, unknown>) {
    this.columns = Object.keys(data);
  }
  setColumns(names: string[]) {
    this.columns = names;
  }
}

const gridOf = (names: string[]) => {
  const handlers: (() => void)[] = [];
  const show = (shown: string[]) => ({
    currentView: { dataset: new Dataset(Object.fromEntries(shown.map((name) => [name, []]))) },
  });
  const grid = { data_model: show(names), on: (_event: string, handler: () => void) => handlers.push(handler) };
  const change = (others: string[]) => {
    grid.data_model = show(others);
    for (const handler of handlers) handler();
  };
  return { grid, change };
};

it("keeps the columns of a grid when a reply holds some of them", () => {
  const { grid, change } = gridOf(["#", "c0", "c1"]);
  grid.data_model.currentView.dataset.setColumns(["#", "c1"]); // a reply that came first
  keepColumns(grid);
  expect(grid.data_model.currentView.dataset.columns).toEqual(["#", "c0", "c1"]);
  grid.data_model.currentView.dataset.setColumns(["#", "c0"]);
  expect(grid.data_model.currentView.dataset.columns).toEqual(["#", "c0", "c1"]);
  change(["#", "c0"]);
  grid.data_model.currentView.dataset.setColumns(["#"]);
  expect(grid.data_model.currentView.dataset.columns).toEqual(["#", "c0"]);
});
