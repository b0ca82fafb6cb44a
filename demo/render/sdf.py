"""Bodies of cut-outs as signed distance functions: coloured parts that blend smoothly into each other.

Metres, y up. A body stands on y = 0 and faces -z, towards the camera when `yaw` is 0. `trace` renders it.

Source: Inigo Quilez, "distance functions" and "smooth minimum" (iquilezles.org), for the shapes' formulas and the
polynomial blend.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from demo.render.arrays import f32

Triple = tuple[float, float, float] | np.ndarray
# (points (n, 3), colour (n, 3), fur (n,)) -> colour (n, 3). Adds stripes, spots or panels to the parts' colours.
Pattern = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


@dataclass
class Part:
    """One shape of a body.

    distance: signed distance in metres (negative inside) of points (n, 3).
    low, high: (3,) corners of its bounding box.
    color: (3,) linear RGB.
    gloss: strength of the highlight.
    blend: metres over which it merges with the parts before it.
    fur: 1 where the surface is hairy, 0 where it is smooth.
    """

    distance: Callable[[np.ndarray], np.ndarray]
    low: np.ndarray
    high: np.ndarray
    color: np.ndarray
    gloss: float
    blend: float
    fur: float


@dataclass
class Body:
    """Parts, an optional colour pattern, and the direction of view (radians)."""

    parts: list[Part] = field(default_factory=list)
    pattern: Pattern | None = None
    yaw: float = 0.0
    pitch: float = 0.12

    def _add(
        self,
        distance: Callable[[np.ndarray], np.ndarray],
        low: np.ndarray,
        high: np.ndarray,
        color: Triple,
        gloss: float,
        blend: float,
        fur: float,
    ) -> None:
        self.parts.append(Part(distance, f32(low), f32(high), f32(color), gloss, blend, fur))

    def ball(
        self,
        center: Triple,
        radius: Triple | float,
        color: Triple,
        gloss: float = 0.1,
        blend: float = 0.03,
        fur: float = 0.0,
    ) -> None:
        """Add an ellipsoid aligned with the axes; `radius` is one number or one for each axis."""
        c, r = f32(center), np.broadcast_to(f32(radius), 3)

        def distance(p: np.ndarray) -> np.ndarray:
            q = (p - c) / r
            length = np.sqrt((q * q).sum(1))
            gap: np.ndarray = length * (length - 1) / np.maximum(np.sqrt(((q / r) ** 2).sum(1)), 1e-6)
            return gap

        self._add(distance, c - r, c + r, color, gloss, blend, fur)

    def limb(
        self,
        a: Triple,
        b: Triple,
        start: float,
        end: float,
        color: Triple,
        gloss: float = 0.1,
        blend: float = 0.03,
        fur: float = 0.0,
    ) -> None:
        """Add a capsule from a to b whose radius changes linearly from `start` to `end`."""
        p0, p1 = f32(a), f32(b)
        along = p1 - p0
        square = max(float(along @ along), 1e-9)

        def distance(p: np.ndarray) -> np.ndarray:
            q = p - p0
            t = np.clip(q @ along / square, 0, 1)
            q = q - t[:, None] * along
            gap: np.ndarray = np.sqrt((q * q).sum(1)) - (start + (end - start) * t)
            return gap

        wide = max(start, end)
        self._add(distance, np.minimum(p0, p1) - wide, np.maximum(p0, p1) + wide, color, gloss, blend, fur)

    def leaf(
        self,
        a: Triple,
        b: Triple,
        width: float,
        thick: float,
        color: Triple,
        gloss: float = 0.25,
        blend: float = 0.004,
        fur: float = 0.0,
    ) -> None:
        """Add a flat ellipsoid from a to b. Its flat side faces up, or outwards if a to b is almost vertical."""
        p0, p1 = f32(a), f32(b)
        long = (p1 - p0) / 2
        length = float(np.sqrt(long @ long)) + 1e-6
        axis = long / length
        side = np.cross(axis, f32([0, 1, 0]) if abs(axis[1]) < 0.97 else f32([1, 0, 0]))
        side /= np.sqrt(side @ side)
        turn = np.stack([axis, side, np.cross(axis, side)]).astype(np.float32)
        radius, middle = f32([length, width, thick]), (p0 + p1) / 2

        def distance(p: np.ndarray) -> np.ndarray:
            q = (p - middle) @ turn.T / radius
            size = np.sqrt((q * q).sum(1))
            gap: np.ndarray = size * (size - 1) / np.maximum(np.sqrt(((q / radius) ** 2).sum(1)), 1e-6)
            return gap * np.float32(0.8)  # the estimate can exceed the true distance of a thin leaf

        reach = np.abs(turn.T) @ radius
        self._add(distance, middle - reach, middle + reach, color, gloss, blend, fur)

    def box(
        self,
        center: Triple,
        half: Triple,
        round_: float,
        color: Triple,
        gloss: float = 0.1,
        blend: float = 0.005,
        fur: float = 0.0,
    ) -> None:
        """Add a box with half sizes `half` whose edges are rounded with the radius `round_`."""
        c, h = f32(center), f32(half)

        def distance(p: np.ndarray) -> np.ndarray:
            q = np.abs(p - c) - h + np.float32(round_)
            out = np.maximum(q, 0)
            gap: np.ndarray = np.sqrt((out * out).sum(1)) + np.minimum(q.max(1), 0) - np.float32(round_)
            return gap

        self._add(distance, c - h, c + h, color, gloss, blend, fur)

    def cylinder(
        self,
        center: Triple,
        radius: float,
        half: float,
        round_: float,
        color: Triple,
        gloss: float = 0.1,
        blend: float = 0.005,
        taper: float = 0.0,
        fur: float = 0.0,
    ) -> None:
        """Add an upright cylinder with rounded edges.

        half: half its height.  taper: share by which the radius is larger at the top and smaller at the bottom.
        """
        c = f32(center)

        def distance(p: np.ndarray) -> np.ndarray:
            q = p - c
            r = radius * (1 + taper * q[:, 1] / half)
            x, y = np.hypot(q[:, 0], q[:, 2]) - r + round_, np.abs(q[:, 1]) - half + round_
            outside = np.hypot(np.maximum(x, 0), np.maximum(y, 0))
            gap: np.ndarray = outside + np.minimum(np.maximum(x, y), 0) - round_
            return (gap * 0.9).astype(np.float32)  # 0.9 makes up for the taper, which shortens true distances

        reach = f32([radius * (1 + abs(taper)), half, radius * (1 + abs(taper))])
        self._add(distance, c - reach, c + reach, color, gloss, blend, fur)

    def ring(
        self,
        center: Triple,
        radius: float,
        thick: float,
        color: Triple,
        axis: int = 2,
        gloss: float = 0.1,
        blend: float = 0.01,
        fur: float = 0.0,
    ) -> None:
        """Add a torus around an axis (0 x, 1 y, 2 z); `radius` to the middle of the tube, `thick` the tube's radius."""
        c, others = f32(center), [i for i in range(3) if i != axis]

        def distance(p: np.ndarray) -> np.ndarray:
            q = p - c
            gap: np.ndarray = np.hypot(np.hypot(q[:, others[0]], q[:, others[1]]) - radius, q[:, axis])
            return gap - np.float32(thick)

        reach = np.full(3, radius + thick, np.float32)
        reach[axis] = thick
        self._add(distance, c - reach, c + reach, color, gloss, blend, fur)

    def distance(self, points: np.ndarray) -> np.ndarray:
        """(n,) signed distance to the surface, negative inside; for ellipsoids and cones only approximate."""
        total = self.parts[0].distance(points)
        for part in self.parts[1:]:
            own = part.distance(points)
            share = np.clip(0.5 + 0.5 * (total - own) / part.blend, 0, 1)
            total = total + (own - total) * share - part.blend * share * (1 - share)
        return np.asarray(total, np.float32)

    def paint(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Colour (n, 3), gloss (n,) and fur (n,) at points (n, 3) on the surface."""
        first = self.parts[0]
        total = first.distance(points)
        color = np.tile(first.color, (len(points), 1))
        gloss, fur = np.full(len(points), first.gloss, np.float32), np.full(len(points), first.fur, np.float32)
        for part in self.parts[1:]:
            own = part.distance(points)
            share = np.clip(0.5 + 0.5 * (total - own) / part.blend, 0, 1)
            tint = np.clip(0.5 + 0.5 * (total - own) / max(part.blend * 0.5, 0.004), 0, 1).astype(np.float32)
            color += (part.color - color) * tint[:, None]
            gloss += (part.gloss - gloss) * tint
            fur += (part.fur - fur) * tint
            total = total + (own - total) * share - part.blend * share * (1 - share)
        return (color if self.pattern is None else self.pattern(points, color, fur)), gloss, fur

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest corner of the bounding box, (3,) each."""
        return np.min([p.low for p in self.parts], 0), np.max([p.high for p in self.parts], 0)
