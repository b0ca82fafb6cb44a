// The crosshair and the two marked points, drawn over the picture, the depth map and the 3-D view.
const SVG = 'http://www.w3.org/2000/svg';
const NAMES = ['A', 'B'];

function shape(parent, name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  parent.append(made);
}

// Over a flat view. `cross` and `points` are {x, y} in pixels of the frame; unit: pixels of the frame for one of CSS.
function drawFlatMarks(svg, frame, cross, points) {
  svg.setAttribute('viewBox', `0 0 ${frame.width} ${frame.height}`);
  svg.replaceChildren();
  const unit = frame.width / (svg.clientWidth || frame.width);
  const at = (point) => [point.x + 0.5, point.y + 0.5];
  if (cross) {
    const [x, y] = at(cross);
    for (const kind of ['under', 'over']) {
      shape(svg, 'line', { class: kind, x1: x, x2: x, y1: 0, y2: frame.height });
      shape(svg, 'line', { class: kind, y1: y, y2: y, x1: 0, x2: frame.width });
    }
  }
  drawPoints(svg, points.map(at), unit);
}

// Over the 3-D view. `cross` and `points` are places in CSS pixels, or null where they are behind the camera.
function drawStageMarks(svg, width, height, cross, points) {
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  svg.replaceChildren();
  if (cross) {
    for (const kind of ['under', 'over']) {
      shape(svg, 'circle', { class: kind, cx: cross[0], cy: cross[1], r: 7 });
      shape(svg, 'path', { class: kind, d: `M${cross[0] - 15} ${cross[1]}h9m12 0h9M${cross[0]} ${cross[1] - 15}v9m0 12v9` });
    }
  }
  drawPoints(svg, points.filter(Boolean), 1);
}

function drawPoints(svg, places, unit) {
  if (places.length === 2) {
    const [[x1, y1], [x2, y2]] = places;
    for (const kind of ['under', 'over']) shape(svg, 'line', { class: `${kind} fg3-measure`, x1, y1, x2, y2 });
  }
  places.forEach(([x, y], i) => {
    shape(svg, 'circle', { class: 'fg3-point', cx: x, cy: y, r: 8 * unit });
    shape(svg, 'text', { x, y: y + 3.8 * unit, 'font-size': 11 * unit, 'text-anchor': 'middle' }, NAMES[i]);
  });
}
