"""How good a depth map is: the usual figures, over pixels whose true depth is known and within the network's range."""

import numpy as np

LOW, HIGH = 0.8, 80.0


def depth_figures(predicted: np.ndarray, true: np.ndarray) -> dict[str, float]:
    """AbsRel, RMSE, log10 error and the deltas.

    Args:
        predicted: metres, any shape.  true: metres, same shape; inf, NaN or beyond HIGH is left out.
    Returns:
        absrel, rmse (metres), log10, delta1, delta2, delta3: the share of pixels within a factor 1.25, 1.25^2, 1.25^3.
    Source: Eigen et al. 2014, "Depth Map Prediction from a Single Image using a Multi-Scale Deep Network".
    """
    known = np.isfinite(true) & (true < HIGH)
    p, t = np.clip(predicted[known], LOW, HIGH).astype(np.float64), np.clip(true[known], LOW, HIGH).astype(np.float64)
    factor = np.maximum(p / t, t / p)
    return {
        "absrel": float((np.abs(p - t) / t).mean()),
        "rmse": float(np.sqrt(((p - t) ** 2).mean())),
        "log10": float(np.abs(np.log10(p / t)).mean()),
        "delta1": float((factor < 1.25).mean()),
        "delta2": float((factor < 1.25**2).mean()),
        "delta3": float((factor < 1.25**3).mean()),
    }


def log_mean(maps: np.ndarray) -> np.ndarray:
    """(n, h, w) metres to (h, w): exp of the mean log, sky counted as HIGH."""
    return np.exp(np.log(np.clip(maps, LOW, HIGH)).mean(0))


def line(name: str, figures: dict[str, float]) -> str:
    """One row of a Markdown table."""
    return (
        f"| {name} | "
        + " | ".join(f"{figures[k]:.3f}" if k != "rmse" else f"{figures[k]:.2f}" for k in HEADINGS)
        + " |"
    )


HEADINGS = ("absrel", "rmse", "log10", "delta1", "delta2", "delta3")
TABLE_HEAD = "| | AbsRel | RMSE m | log10 | < 1.25 | < 1.25² | < 1.25³ |\n|---|---|---|---|---|---|---|"
