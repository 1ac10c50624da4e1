// The menu of a column: its order, its place, its chart; below them what is loaded later.

interface ColumnMenuProps {
  sort: (descending: boolean) => void;
  hide: () => void;
  chart: () => void;
  pin: () => void;
  isPinned: boolean;
  children: preact.ComponentChildren;
}

export function ColumnMenu({ sort, hide, chart, pin, isPinned, children }: ColumnMenuProps) {
  return (
    <>
      <button type="button" class="dg-button dg-deed" onClick={() => sort(false)}>
        Sort ascending
      </button>
      <button type="button" class="dg-button dg-deed" onClick={() => sort(true)}>
        Sort descending
      </button>
      <button type="button" class="dg-button dg-deed" onClick={pin}>
        {isPinned ? "Unpin" : "Pin"}
      </button>
      <button type="button" class="dg-button dg-deed" onClick={hide}>
        Hide
      </button>
      <button type="button" class="dg-button dg-deed" onClick={chart}>
        Chart
      </button>
      {children}
    </>
  );
}
