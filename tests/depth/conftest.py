"""One torch thread: with two, beside another busy process, torch can stall tens of times."""

import torch

torch.set_num_threads(1)
