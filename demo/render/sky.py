"""Skies and their light: clear, cloudy, white, storm, sunset, haze, vivid and night."""

import numpy as np

from demo.render.arrays import f32
from demo.render.materials import hsv, mix, smooth
from demo.render.noise import noise
from demo.render.scene_types import Light, Scene

MOODS = {  # probability of each
    "clear": 0.24,
    "cloudy": 0.26,
    "white": 0.14,
    "storm": 0.1,
    "sunset": 0.1,
    "haze": 0.08,
    "vivid": 0.05,
    "night": 0.03,
}
SUN = {  # strength of the sun's light
    "clear": 1.9,
    "cloudy": 1.5,
    "white": 0.2,
    "storm": 0.25,
    "sunset": 1.0,
    "haze": 0.8,
    "vivid": 1.2,
    "night": 0.05,
}


def _colors(mood: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Colours of the zenith and of the horizon, linear RGB (3,)."""
    if mood == "white":
        return hsv(0.6, 0.04, rng.uniform(0.85, 1.1)), hsv(0.6, 0.03, rng.uniform(0.9, 1.2))
    if mood == "storm":
        return hsv(0.6, rng.uniform(0.05, 0.3), rng.uniform(0.15, 0.35)), hsv(0.58, 0.08, rng.uniform(0.5, 0.9))
    if mood == "sunset":
        zenith = hsv(rng.uniform(0.6, 0.75), rng.uniform(0.3, 0.6), rng.uniform(0.25, 0.6))
        return zenith, hsv(rng.uniform(0.02, 0.12), rng.uniform(0.4, 0.8), 1.2)
    if mood == "haze":
        hue = rng.uniform(0.08, 0.18)
        return hsv(hue, rng.uniform(0.05, 0.4), 0.9), hsv(hue, rng.uniform(0.05, 0.45), 1.15)
    if mood == "vivid":
        return hsv(rng.uniform(0.4, 1.0), rng.uniform(0.3, 0.8), 0.7), hsv(rng.uniform(), rng.uniform(0.1, 0.5), 1.1)
    if mood == "night":
        return hsv(0.64, 0.6, 0.03), hsv(rng.choice([0.6, 0.05]), 0.4, 0.15)
    return hsv(rng.uniform(0.56, 0.62), rng.uniform(0.5, 0.85), rng.uniform(0.55, 0.95)), hsv(
        0.56, rng.uniform(0.08, 0.3), 1.1
    )


def add_sky(scene: Scene, rng: np.random.Generator, mood: str | None = None) -> str:
    """Give the scene a sky, a sun, ambient light and haze.

    Args:
        mood: a key of MOODS; None draws one.
    Returns:
        The mood.
    """
    mood = mood or str(rng.choice(list(MOODS), p=list(MOODS.values())))
    zenith, horizon = _colors(mood, rng)
    height = rng.uniform(0.08, 0.25) if mood == "sunset" else rng.uniform(0.45, 1.25)
    bearing = rng.uniform(-2.8, 2.8)
    sun = f32([np.sin(bearing) * np.cos(height), np.sin(height), np.cos(bearing) * np.cos(height)])
    shift = rng.uniform(0, 90, 2).astype(np.float32)
    cover = rng.uniform(0.2, 1.2) if mood in ("storm", "white") else rng.uniform(-0.9, 0.5)
    clouds = mood not in ("clear", "night") or rng.uniform() < 0.2
    bright = {"storm": 0.75, "sunset": 0.75, "white": 1.1}.get(mood, rng.uniform(0.95, 1.25))
    disc = {"white": 0.0, "storm": 0.0, "night": 0.0}.get(mood, 1.0)

    def cloud_density(x: np.ndarray, z: np.ndarray, blur: np.ndarray) -> np.ndarray:
        broad = noise("fbm", x + shift[0], z + shift[1], 7.0, blur)
        return broad + 0.4 * noise("fbm", x * 2.7 + shift[1], z * 2.7, 7.0, blur * 2.7)

    def sky(directions: np.ndarray, focal: float) -> tuple[np.ndarray, np.ndarray]:
        up = np.clip(directions[:, 1], 0, 1)
        color = mix(horizon, zenith, np.clip(up * 2.0, 0, 1) ** 0.65)
        glare = np.maximum(directions @ sun, 0)
        if clouds:
            reach = 1 / (up + 0.14)
            x, z, blur = directions[:, 0] * reach, directions[:, 2] * reach, reach * reach / focal
            here = cloud_density(x, z, blur)
            lit = np.clip(0.5 + 0.45 * (here - cloud_density(x + sun[0] * 0.35, z + sun[2] * 0.35, blur)), 0, 1)
            share = smooth(here + cover, 0.0, 1.1) * np.clip(up * 7, 0, 1)
            dark, light = (zenith * 0.45 + horizon * 0.3), horizon * 0.3 + 0.72
            color = mix(color, mix(dark, light, lit) * np.float32(bright), share)
        warm = f32([1, 0.85, 0.6])
        color = color + warm * (disc * (0.4 * glare**20 + 6 * np.minimum(glare, 1) ** 1500))[:, None].astype(np.float32)
        return color * np.float32(1.3), horizon * np.float32(1.15)

    scene.sky = sky
    tint = f32([1.25, 0.72, 0.42]) if mood == "sunset" else f32([1, 0.92, 0.78])
    scene.lights.append(
        Light(sun, tint * np.float32(SUN[mood]), sun=True, soft=0.35 if mood in ("white", "storm") else 0.03)
    )
    scene.ambient = ((zenith * 0.3 + horizon * 0.3) * rng.uniform(0.7, 1.1)).astype(np.float32)
    scene.fog = float(rng.choice([0.0, 0.0015, 0.005, 0.015], p=[0.25, 0.4, 0.25, 0.1])) * (2 if mood == "haze" else 1)
    return mood
