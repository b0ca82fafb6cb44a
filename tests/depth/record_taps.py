"""Which intermediate results are recorded, and which of their values."""

import numpy as np

TAPS = ("conv1/relu", "pool1", "pool2_pool", "pool3_pool", "relu", "conv2", "up1_convB", "up3_convB", "up4_convB")


def thinned(values: np.ndarray, count: int = 256) -> np.ndarray:
    """About `count` values of (1, H, W, C): every n-th, with n odd so that all channels are included."""
    flat = values.reshape(-1)
    return flat[:: max(1, len(flat) // count) | 1].astype(np.float32)
