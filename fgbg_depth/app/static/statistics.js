// A click on a bar of a chart, or on "show rows" in its table, shows the rows that the bar counts.
// Vega keeps the scene item of an SVG element in its __data__; the item's datum is a bar of chart_spec.bar_values.
const statistics = element.closest('#fg-statistics');
statistics.addEventListener('click', (event) => {
  const button = event.target.closest('[data-filter]');
  const bar = button
    ? { column: button.dataset.filter, low: Number(button.dataset.low), high: Number(button.dataset.high) }
    : event.target.__data__?.datum;
  if (bar?.column) trigger('filter', { column: bar.column, low: bar.low, high: bar.high });
});
