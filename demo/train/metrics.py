"""The usual error measures of a depth map, over pixels whose true depth is known and within the network's range."""

import numpy as np

LOW, HIGH = 0.8, 80.0  # metres, the network's range

COLUMNS = ("absrel", "rmse", "log10", "delta1", "delta2", "delta3")
TABLE_HEAD = "| | AbsRel | RMSE m | log10 | < 1.25 | < 1.25² | < 1.25³ |\n|---|---|---|---|---|---|---|"


def depth_metrics(predicted: np.ndarray, true: np.ndarray) -> dict[str, float]:
    """AbsRel, RMSE, log10 error and the three delta accuracies.

    Args:
        predicted: metres, any shape.
        true: metres, same shape; pixels that are inf, NaN or not below HIGH are left out.
    Returns:
        absrel, rmse (metres), log10; delta1, delta2, delta3: the share of pixels whose ratio to the truth, or its
        inverse, is below 1.25, 1.25^2 and 1.25^3.
    Source: Eigen et al. 2014, "Depth Map Prediction from a Single Image using a Multi-Scale Deep Network".
    """
    known = np.isfinite(true) & (true < HIGH)
    p, t = np.clip(predicted[known], LOW, HIGH).astype(np.float64), np.clip(true[known], LOW, HIGH).astype(np.float64)
    ratio = np.maximum(p / t, t / p)
    return {
        "absrel": float((np.abs(p - t) / t).mean()),
        "rmse": float(np.sqrt(((p - t) ** 2).mean())),
        "log10": float(np.abs(np.log10(p / t)).mean()),
        "delta1": float((ratio < 1.25).mean()),
        "delta2": float((ratio < 1.25**2).mean()),
        "delta3": float((ratio < 1.25**3).mean()),
    }


def geometric_mean(maps: np.ndarray) -> np.ndarray:
    """(h, w) metres, the mean of the logarithm per pixel of (n, h, w) metres; sky counts as HIGH."""
    mean: np.ndarray = np.exp(np.log(np.clip(maps, LOW, HIGH)).mean(0))
    return mean


def table_row(name: str, metrics: dict[str, float]) -> str:
    """One row of the Markdown table that TABLE_HEAD begins."""
    cells = [f"{metrics[k]:.2f}" if k == "rmse" else f"{metrics[k]:.3f}" for k in COLUMNS]
    return f"| {name} | {' | '.join(cells)} |"
