"""From linear light to the look of a photograph: exposure, tint, tone curve, contrast, vignette and grain."""

import numpy as np


def tone_map(light: np.ndarray, rng: np.random.Generator, strength: float = 1.0) -> np.ndarray:
    """Convert linear light to an sRGB-like picture.

    Args:
        light: (h, w, 3), linear, 0 or more.
        strength: scales the random variation of exposure, tint, gamma, saturation, contrast, vignette and grain.
    Returns:
        (h, w, 3) float32 in [0, 1].
    Source: Reinhard et al. 2002, "Photographic Tone Reproduction for Digital Images", for the curve with a white point.
    """
    height, width, _ = light.shape
    luma = np.minimum(light.mean(2), 3)
    # The log mean in the mixture makes a bright sky count less.
    key = 0.6 * float(np.exp(np.log(luma + 0.01).mean())) + 0.4 * float(luma.mean())
    exposure = 0.36 / max(key, 0.02) * 2 ** (0.3 * strength * rng.normal())
    x = light * (exposure * (1 + 0.05 * strength * rng.normal(size=3)))
    x = x * (1 + x / 6) / (1 + x)  # Reinhard with a white point
    x = np.clip(x * 1.25, 0, 1) ** (1 / (2.15 + 0.25 * strength * rng.uniform(-1, 1)))
    gray = x.mean(2, keepdims=True)
    x = gray + (x - gray) * (1.12 + 0.3 * strength * rng.uniform(-1, 1))
    x = x + (0.25 + 0.25 * strength * rng.uniform(-1, 1)) * (x * x * (3 - 2 * x) - x)
    rows, columns = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None]
    x = x * (1 - 0.15 * strength * rng.uniform() * (rows**2 + columns**2))[..., None]
    x = x + rng.normal(0, 0.015 * strength * rng.uniform(), x.shape)
    picture: np.ndarray = np.clip(x, 0, 1).astype(np.float32)
    return picture
