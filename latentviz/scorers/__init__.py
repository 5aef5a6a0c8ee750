"""OOD scorers: what each says about a sample, from features and logits alone.

>>> import numpy as np
>>> from latentviz.latents import Latents
>>> from latentviz.scorers import make
>>> logits = np.array([[4.0, 0.0], [0.1, 0.0]], dtype=np.float32)
>>> make("gradnorm").score(Latents(np.ones((2, 3), np.float32), logits)).round(3)
array([-5.784, -0.3  ])
"""

from latentviz.scorers.base import Scorer
from latentviz.scorers.info import Choice, Family, Needs, Number, Paper, ScorerInfo
from latentviz.scorers.registry import make, register, scorers

__all__ = ["Choice", "Family", "Needs", "Number", "Paper", "Scorer", "ScorerInfo", "make", "register", "scorers"]
