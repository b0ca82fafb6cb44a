// The camera of the 3-D view. Positions are those of glTF: the camera of the picture is at (0, 0, pivot) and looks along
// -z, y is up. The view turns about the origin, which is as far from that camera as the cut-outs.
const START = { yaw: 0, pitch: 0, zoom: 1 };
const REST = { yaw: 0.16, pitch: 0.05, zoom: 1 };  // where a view stands that does not sway
const MAX_YAW = 1.3, MAX_PITCH = 1.1, MARGIN = 1.06;
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

// The position of a pixel at a distance.
function positionOf(camera, frame, x, y, distance) {
  const scale = (2 * Math.tan((camera.fov * Math.PI) / 360) / frame.width) * distance;
  return [(x + 0.5 - frame.width / 2) * scale, (frame.height / 2 - y - 0.5) * scale, camera.pivot - distance];
}

// What the shaders need: a matrix and the scale of the lens. With yaw and pitch 0 the frame fills the canvas.
function lensOf(camera, frame, width, height) {
  const half = Math.tan((camera.fov * Math.PI) / 360);
  const tall = MARGIN * half * Math.max(frame.height / frame.width, height / width);
  const [c, s, k, t] = [Math.cos(camera.yaw), Math.sin(camera.yaw), Math.cos(camera.pitch), Math.sin(camera.pitch)];
  const reach = (2 * tall * camera.pivot * camera.zoom) / height;
  return {
    matrix: [c, s * t, -s * k, 0, 0, k, t, 0, s, -c * t, c * k, 0, camera.pan[0] * reach, camera.pan[1] * reach, -camera.pivot * camera.zoom, 1],
    scale: [height / width / tall, 1 / tall], pixel: (2 * half) / frame.width,
  };
}

// Where a position is on the canvas, in CSS pixels; null behind the camera.
function projected(lens, position, width, height) {
  const m = lens.matrix;
  const at = (row) => m[row] * position[0] + m[row + 4] * position[1] + m[row + 8] * position[2] + m[row + 12];
  const far = -at(2);
  if (far <= 0) return null;
  return [((at(0) * lens.scale[0]) / far + 1) * width / 2, (1 - (at(1) * lens.scale[1]) / far) * height / 2];
}
