"""Streets, country roads, meadows, forests, mountain lakes, beaches and gardens."""

import numpy as np

from demo.indoors import sample_camera
from demo.materials import Color, Material, edge, grass, hsv, mix, plain, planks, speckled, tiles
from demo.nature import bush, conifer, furrowed, hills, rock, scatter_tufts, tree, tuft
from demo.noise import noise
from demo.palette import Rng, leaf_green, wood
from demo.raycast import Scene
from demo.sky import add_sky
from demo.town import building, car, fence, house, lamp_post, sign


def roadway(
    asphalt: Color,
    mark: Color,
    verge: Material,
    half: float,
    *,
    kerb: Color | None = None,
    dash: float = 3.0,
    zebra: float | None = None,
) -> Material:
    """A road along v, `half` metres to each side of u = 0, with its marks; `zebra` is where a crossing lies."""

    def material(u: np.ndarray, v: np.ndarray, fp: np.ndarray) -> np.ndarray:
        rough = 1 + 0.12 * noise("grain", u, v, 1.0, fp) + 0.1 * noise("fbm", u, v, 9.0, fp)
        worn = 1 - 0.12 * np.exp(-((np.abs(np.abs(u) - half * 0.5) / 0.4) ** 2))
        color = np.asarray(asphalt, np.float32) * (rough * worn)[:, None]
        on = (np.mod(v / dash, 2) < 1).astype(np.float32) if dash else np.ones_like(v, np.float32)
        on = np.where(fp > dash, 0.5, on) if dash else on
        color = mix(color, mark, edge(0.07 - np.abs(u), fp) * on * 0.9)
        color = mix(color, mark * 0.9, edge(0.06 - np.abs(np.abs(u) - half + 0.3), fp) * 0.85)
        if zebra is not None:
            bars = (np.mod(u, 1.0) < 0.5).astype(np.float32) * edge(1.5 - np.abs(v - zebra), fp)
            color = mix(color, np.full(3, 0.75), bars)
        color = mix(color, verge(u, v, fp), edge(np.abs(u) - half, fp))
        if kerb is not None:
            color = mix(color, kerb, edge(0.13 - np.abs(np.abs(u) - half), fp))
        return color

    return material


def _pavement(rng: Rng, tone: float) -> Material:
    kind = rng.integers(3)
    if kind == 0:
        size = rng.uniform(0.3, 1.0)
        return tiles(np.full(3, tone + 0.14), np.full(3, tone + 0.2), np.full(3, tone), size, size, 0.02, offset=0.5)
    if kind == 1:
        return plain(np.float32([1, 0.97, 0.92]) * (tone + 0.15), 0.1, "grain", 1.0)
    return tiles(
        hsv(0.05, 0.35, tone + 0.1), hsv(0.07, 0.3, tone + 0.2), np.full(3, tone), 0.25, 0.12, 0.015, offset=0.5
    )


def street(rng: Rng) -> Scene:
    """A town street between facades, with trees, lamps, parked cars."""
    scene = Scene(rng)
    mood = add_sky(scene, rng)
    scene.camera = sample_camera(rng, (-0.14, 0.08), yaw=0.08)
    night = mood == "night"
    half, walk, tone = rng.uniform(2.5, 6.5), rng.uniform(1.4, 4), rng.uniform(0.08, 0.3)
    middle = rng.uniform(-0.8, 0.8) * half
    pave, wet = _pavement(rng, tone), float(rng.choice([0, 0.35], p=[0.85, 0.15]))
    asphalt = np.float32([1, 1, 1.03]) * tone
    mark = np.float32([(0.8, 0.8, 0.8), (0.8, 0.6, 0.1)][rng.integers(2)])
    if rng.uniform() < 0.78:
        zebra = rng.uniform(4, 12) if rng.uniform() < 0.3 else None
        ground = roadway(asphalt, mark, pave, half, kerb=asphalt + 0.2, dash=float(rng.choice([0, 3.0])), zebra=zebra)
    else:
        ground = tiles(asphalt, asphalt * 1.5, asphalt * 0.6, 0.18, 0.14, 0.02, offset=0.5, rough=0.2)
    scene.add("ground", (middle, 0, 0), 1, ground, mirror=wet)
    tall = 2.6 if rng.uniform() < 0.25 else 1.0
    for side in (-1, 1):
        z, gap = rng.uniform(-6, 2), rng.uniform(0, 0.35)
        while z < 110:
            long = rng.uniform(5, 15)
            if rng.uniform() > gap:
                height = rng.uniform(4, 13) * (tall if rng.uniform() < 0.5 else 1)
                off = half + walk + 5 + rng.uniform(0, 1.5) * (rng.uniform() < 0.4)
                x = middle + side * off
                building(scene, rng, x, z + long / 2, 5.0, long / 2 * 0.995, height, night)
                if rng.uniform() < 0.35:
                    awning = plain(hsv(rng.uniform(), 0.6, 0.4), 0.05)
                    scene.add("prism", (x - side * 5.3, 3.0, z + long / 2), (0.8, 0.16, long * 0.35), awning, taper=0.6)
            elif rng.uniform() < 0.7:
                tree(scene, rng, middle + side * (half + walk + 2.5), z + long / 2, 1.5)
            z += long
        z, step, what = rng.uniform(3.5, 9), rng.uniform(6, 12), rng.integers(5)
        while z < 60:
            x = middle + side * (half + 0.6)
            if what == 0:
                tree(scene, rng, x, z, rng.uniform(1.0, 1.4))
            elif what == 1:
                lamp_post(scene, rng, x, z, -side)
            elif what == 2 and rng.uniform() < 0.75:
                car(scene, rng, middle + side * (half - 1.1), z + 1, float(rng.choice([0, np.pi])))
            elif what == 3:
                sign(scene, rng, x, z)
            z += step
    if rng.uniform() < 0.4:
        building(scene, rng, middle, rng.uniform(35, 80), half + walk + 8, 3, rng.uniform(8, 18) * tall, night)
    else:
        hills(scene, rng, 130, 1, hsv(0.3, 0.3, 0.2))
    if rng.uniform() < 0.3:
        car(scene, rng, middle + rng.choice([-0.5, 0.5]) * half, rng.uniform(7, 25), float(rng.choice([0, np.pi])))
    return scene


def _land(rng: Rng) -> tuple[Material, Color, str]:
    """Ground of the open country: its material, its colour and what it is."""
    kind = str(rng.choice(["grass", "dry", "sand", "snow", "flowers", "earth"], p=[0.45, 0.16, 0.1, 0.07, 0.14, 0.08]))
    first, second = leaf_green(rng), leaf_green(rng)
    if kind == "dry":
        first, second = hsv(0.12, rng.uniform(0.4, 0.7), 0.5), hsv(0.1, 0.45, rng.uniform(0.3, 0.6))
    elif kind == "sand":
        first, second = hsv(0.1, 0.35, 0.65), hsv(0.09, 0.3, 0.5)
    elif kind == "snow":
        first, second = hsv(0.6, 0.04, 0.9), hsv(0.6, 0.1, 0.78)
    elif kind == "earth":
        first, second = hsv(0.07, 0.4, 0.25), hsv(0.09, 0.4, 0.35)
    material = grass(first, second)
    if kind == "sand":
        material = mixed_sand(first, second)
    if kind == "flowers":
        bloom = hsv(rng.choice([0.0, 0.13, 0.75, 0.92]), rng.uniform(0.1, 0.85), 0.8)
        material = speckled(material, bloom, rng.uniform(2.5, 5), rng.uniform(0.8, 1.6))
    return material, (first + second) / 2, kind


def mixed_sand(first: Color, second: Color) -> Material:
    def material(u: np.ndarray, v: np.ndarray, fp: np.ndarray) -> np.ndarray:
        ripple = 0.5 + 0.2 * noise("wave", v * 0.7, u, 6.0, fp) + 0.2 * noise("fbm", u, v, 11.0, fp)
        return mix(first, second, np.clip(ripple, 0, 1)) * (1 + 0.08 * noise("grain", u, v, 0.8, fp))[:, None]

    return material


def _wild(scene: Scene, rng: Rng, kind: str, color: Color, aside: float) -> None:
    """Trees, bushes and rocks on open land, none nearer than `aside` to the middle."""
    if kind in ("sand", "snow", "earth"):
        number, makers = int(rng.integers(2, 16)), [rock, rock, conifer if kind == "snow" else bush]
    else:
        number, makers = int(rng.integers(4, 34)), [tree, tree, bush, conifer, rock]
    chosen = makers[rng.integers(len(makers))]
    for _ in range(number):
        z = rng.uniform(4.5, 12) if rng.uniform() < 0.25 else rng.uniform(9, 80)
        x = rng.choice([-1, 1]) * rng.uniform(aside + 1.2, aside + 3 + 0.75 * z)
        maker = chosen if rng.uniform() < 0.7 else makers[rng.integers(len(makers))]
        maker(scene, rng, x, z, rng.uniform(1.0, 2.0))
    if kind in ("grass", "dry", "flowers"):
        scatter_tufts(scene, rng, color, int(rng.integers(0, 60)), aside)


def road(rng: Rng) -> Scene:
    """A road or path through open country."""
    scene = Scene(rng)
    add_sky(scene, rng)
    scene.camera = sample_camera(rng, (-0.2, 0.06), yaw=0.15)
    land, color, kind = _land(rng)
    tone, half = rng.uniform(0.06, 0.35), rng.uniform(1.0, 4.5)
    track = rng.uniform() < 0.4
    asphalt = hsv(0.09, rng.uniform(0.2, 0.45), tone + 0.15) if track else np.float32([1, 1, 1.03]) * tone
    mark = asphalt if track else np.float32([(0.8, 0.8, 0.8), (0.8, 0.6, 0.1)][rng.integers(2)])
    ground = roadway(asphalt, mark, land, half, dash=float(rng.choice([0, 3.0])))
    x = rng.uniform(-0.6, 0.6) * half
    scene.add("ground", (x, 0, 0), 1, ground, rng.normal(0, 0.1), mirror=float(rng.choice([0, 0.3], p=[0.9, 0.1])))
    _wild(scene, rng, kind, color, half + abs(x))
    if rng.uniform() < 0.4:  # an avenue
        z, step, green = rng.uniform(3, 6), rng.uniform(4, 9), leaf_green(rng, rng.uniform() < 0.4)
        while z < 70:
            for side in (-1, 1):
                tree(scene, rng, x + side * (half + 1.5), z, rng.uniform(1.4, 1.9), green)
            z += step
    if rng.uniform() < 0.3:
        fence(scene, rng, x + rng.choice([-1, 1]) * (half + 0.8), 2.5, 36)
    if rng.uniform() < 0.25:
        car(scene, rng, x + half * 0.5, rng.uniform(9, 40), float(rng.choice([0, np.pi])))
    if rng.uniform() < 0.8:
        hills(scene, rng, rng.uniform(45, 110), int(rng.integers(1, 4)), color, rng.uniform() < 0.4)
    return scene


def meadow(rng: Rng) -> Scene:
    """Open land with no road: meadow, dunes, snow field; a cottage now and then."""
    scene = Scene(rng)
    add_sky(scene, rng)
    scene.camera = sample_camera(rng, (-0.22, 0.05), yaw=0.4)
    land, color, kind = _land(rng)
    scene.add("ground", (0, 0, 0), 1, land, rng.uniform(0, 6))
    _wild(scene, rng, kind, color, 0.0)
    if rng.uniform() < 0.35:
        z = rng.uniform(11, 30)
        house(scene, rng, rng.uniform(-0.4, 0.4) * z, z, rng.uniform(-0.6, 0.6))
    if rng.uniform() < 0.3:
        fence(scene, rng, rng.choice([-1, 1]) * rng.uniform(2, 5), 2.5, 36)
    if rng.uniform() < 0.85:
        hills(scene, rng, rng.uniform(35, 110), int(rng.integers(1, 5)), color, rng.uniform() < 0.35)
    return scene


def forest(rng: Rng) -> Scene:
    """Inside a wood: trunks, undergrowth, a path, leaves overhead and more wood behind."""
    scene = Scene(rng)
    add_sky(scene, rng, str(rng.choice(["clear", "white", "haze", "cloudy"])))
    scene.camera = sample_camera(rng, (-0.14, 0.1), yaw=0.3)
    autumn = rng.uniform() < 0.3
    green = leaf_green(rng, autumn)
    litter = grass(hsv(rng.uniform(0.06, 0.12), 0.5, rng.uniform(0.12, 0.3)), green * np.float32(0.7), 6.0)
    floor_ = speckled(litter, leaf_green(rng, True), 2.2, rng.uniform(0.6, 1.8))
    half = rng.uniform(0.6, 1.6) if rng.uniform() < 0.6 else 0.0
    ground = floor_
    if half:
        path = hsv(0.09, rng.uniform(0.1, 0.4), rng.uniform(0.15, 0.45))
        ground = roadway(path, path, floor_, half, dash=0)
    x0 = rng.normal(0, 0.4)
    scene.add("ground", (x0, 0, 0), 1, ground, rng.normal(0, 0.12))
    tone, conifers = hsv(rng.uniform(0.05, 0.12), rng.uniform(0.1, 0.45), rng.uniform(0.05, 0.3)), rng.uniform() < 0.3
    for _ in range(int(rng.integers(25, 60))):
        z = 3.2 + 40 * rng.uniform() ** 1.4
        x = x0 + rng.choice([-1, 1]) * rng.uniform(half + 0.7, half + 2 + 0.75 * z)
        thick = rng.uniform(0.07, 0.3)
        trunk = furrowed(tone * np.float32(rng.uniform(0.6, 1.4)))
        scene.add("cone", (x, 5, z), (thick, 5, thick), trunk, taper=0.25)
        if conifers and rng.uniform() < 0.5:
            conifer(scene, rng, x, z, rng.uniform(1.2, 2.4), green * np.float32(0.5))
        else:
            leaves = plain(green * np.float32(rng.uniform(0.6, 1.4)), 0.2, "leaf", 1.5)
            for low, high in ((3.4, 6.5), (8.5, 10.5)):
                r = rng.uniform(1.0, 2.2)
                at = (x + rng.normal(0, 0.5), rng.uniform(low, high), z)
                scene.add("puff", at, (r * 1.4, r, r), leaves, casts=low < 5 and rng.uniform() < 0.3)
    for distance in (26.0, 42.0):  # the wood behind: curtains of leaves
        for _ in range(16):
            r = rng.uniform(2.5, 6) * distance / 30
            leaves = plain(green * np.float32(rng.uniform(0.35, 0.9)), 0.25, "leaf", 2.5)
            at = (rng.uniform(-0.8, 0.8) * distance, rng.uniform(0.4, 9), distance + rng.uniform(-4, 8))
            scene.add("puff", at, (r, r * 0.9, r), leaves, casts=False, contact=0)
    for _ in range(int(rng.integers(5, 30))):
        z = 2.4 + 14 * rng.uniform() ** 1.5
        x = x0 + rng.choice([-1, 1]) * rng.uniform(half + 0.4, half + 1 + 0.6 * z)
        if rng.uniform() < 0.6:
            tuft(scene, rng, x, z, green, rng.uniform(0.8, 1.8))
        elif rng.uniform() < 0.6:
            bush(scene, rng, x, z, rng.uniform(0.5, 1.0), green)
        else:
            rock(scene, rng, x, z, rng.uniform(0.4, 1.0))
    return scene


def _water(color: Color) -> Material:
    deep = color * np.float32(0.6)
    return lambda u, v, fp: mix(color, deep, np.clip(0.5 + 0.3 * noise("wave", v * 0.2, u * 0.5, 6.0, fp), 0, 1))


def lake(rng: Rng) -> Scene:
    """A mountain lake or a beach: a near shore, water, a far shore, ranges behind."""
    scene = Scene(rng)
    mood = add_sky(scene, rng)
    scene.camera = sample_camera(rng, (-0.16, 0.06), yaw=0.25)
    land, color, kind = _land(rng)
    water = _water(hsv(rng.uniform(0.45, 0.6), rng.uniform(0.3, 0.7), rng.uniform(0.1, 0.35)))
    near, far, bend = rng.uniform(3, 9), rng.uniform(25, 60), rng.uniform(0.3, 1.5)
    scene.add("ground", (0, -0.02, 0), 1, water, mirror=0.75)
    # Land lies on the water as flat slabs; low mounds make the shoreline wavy.
    yaw = rng.normal(0, 0.12)
    scene.add("box", (0, -0.15, near - 25), (120, 0.15, 25), land, yaw, casts=False, contact=0)
    for _ in range(14):
        r = rng.uniform(0.5, 2.5)
        at = (rng.uniform(-1, 1) * (near + 4), -0.13, near + rng.normal(0, bend))
        scene.add("cone", at, (r * 2, 0.13, r), land, casts=False, contact=0)
    if rng.uniform() < 0.65:
        scene.add("box", (0, -0.1, far + 60), (300, 0.3, 60), land, casts=False, contact=0)
        for _ in range(int(rng.integers(8, 40))):
            maker = conifer if rng.uniform() < 0.5 else tree
            maker(scene, rng, rng.uniform(-0.8, 0.8) * far, far + rng.uniform(0.5, 25), rng.uniform(1.3, 2.5))
        hills(scene, rng, far * rng.uniform(1.3, 2), int(rng.integers(1, 4)), leaf_green(rng), rng.uniform() < 0.7)
    elif rng.uniform() < 0.6:
        hills(scene, rng, rng.uniform(80, 200), 2, leaf_green(rng) * np.float32(0.7), rng.uniform() < 0.5)
    for _ in range(int(rng.integers(0, 7))):
        z = rng.uniform(3.0, near + 3)
        x = rng.choice([-1, 1]) * rng.uniform(0.9, 1.0 + 0.6 * z)
        (rock if kind in ("sand", "earth", "snow") or rng.uniform() < 0.5 else bush)(
            scene, rng, x, z, rng.uniform(0.4, 1.1)
        )
    if kind in ("grass", "dry", "flowers"):
        scatter_tufts(scene, rng, color, int(rng.integers(0, 30)), 0.3, near)
    if rng.uniform() < 0.35 and mood != "storm":  # a jetty
        x, long = rng.uniform(-1.5, 1.5), rng.uniform(4, 10)
        boards = planks(wood(rng), 9.0, 0.18)
        scene.add("box", (x, 0.22, near + long - 1), (rng.uniform(0.6, 1.2), 0.05, long), boards, contact=0)
        for i in range(5):
            scene.add("cone", (x - 0.6, 0.1, near + 2 * i), (0.06, 0.35, 0.06), plain(wood(rng) * 0.6, 0.2))
    return scene


def garden(rng: Rng) -> Scene:
    """A house behind a lawn, with hedges, beds, a terrace or a pool."""
    scene = Scene(rng)
    add_sky(scene, rng)
    scene.camera = sample_camera(rng, (-0.2, 0.03), yaw=0.2)
    first = leaf_green(rng)
    scene.add("ground", (0, 0, 0), 1, grass(first, first * np.float32(rng.uniform(0.7, 1.3)), 9.0))
    z = rng.uniform(10, 22)
    if rng.uniform() < 0.7:
        house(scene, rng, rng.uniform(-0.3, 0.3) * z, z + 3, rng.normal(0, 0.25), rng.uniform(1.0, 1.5))
    else:
        building(scene, rng, rng.uniform(-0.3, 0.3) * z, z + 6, rng.uniform(6, 16), 4, rng.uniform(4, 12))
    paved = 0.3
    if rng.uniform() < 0.45:
        paved = 9.0
        slabs = _pavement(rng, rng.uniform(0.2, 0.4))
        long, wide, x = rng.uniform(2, 4.5), rng.uniform(1.8, 4), rng.normal(0, 1)
        at = rng.uniform(4.0, 6.0) + long
        scene.add("box", (x, 0.02, at), (wide + 0.8, 0.04, long + 0.8), slabs, casts=False, contact=0)
        pool = tiles(hsv(0.52, 0.65, 0.55), hsv(0.53, 0.6, 0.5), hsv(0.5, 0.4, 0.65), 0.3, 0.3, 0.02)
        scene.add("box", (x, 0.04, at), (wide, 0.03, long), pool, casts=False, contact=0, mirror=0.5)
    elif rng.uniform() < 0.6:
        paved = 2.6
        scene.add(
            "box",
            (rng.normal(0, 1), 0.01, 0.0),
            (rng.uniform(0.5, 1.2), 0.015, z - 1),
            _pavement(rng, rng.uniform(0.2, 0.4)),
            casts=False,
            contact=0,
        )
    green = leaf_green(rng)
    for side in (-1, 1):
        if rng.uniform() < 0.6:
            x, clipped = side * rng.uniform(3.5, 8), rng.uniform() < 0.4
            for i in range(int(rng.integers(4, 12))):
                if clipped:
                    scene.add("box", (x, 0.55, 3.5 + 2 * i), (0.45, 0.55, 1.02), plain(green, 0.35, "leaf", 1.0))
                else:
                    bush(scene, rng, x + rng.normal(0, 0.3), 3.5 + 1.8 * i, rng.uniform(0.9, 1.6), green)
    for _ in range(int(rng.integers(2, 10))):
        maker = (tree, tree, bush, conifer)[rng.integers(4)]
        at = rng.uniform(6, 40)
        maker(scene, rng, rng.choice([-1, 1]) * rng.uniform(2.8, 4 + 0.6 * at), at, rng.uniform(0.9, 1.7))
    for _ in range(int(rng.integers(0, 14))):
        x = rng.uniform(-5, 5)
        if abs(x) > paved:
            tuft(scene, rng, x, rng.uniform(2.2, 10), green)
    if rng.uniform() < 0.6:
        hills(scene, rng, rng.uniform(60, 120), int(rng.integers(1, 3)), first)
    return scene
