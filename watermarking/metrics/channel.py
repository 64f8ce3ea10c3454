"""What a channel can carry after an attack, in bits a use: hard decisions, soft ones, and Gaussian noise."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["bi_awgn_capacity", "bsc_capacity", "soft_capacity"]


def bsc_capacity(bit_error_rate: float) -> float:
    """Return the capacity of the binary symmetric channel, 1 - H(p).

    Raises
    ------
    ValueError
        If the rate is no probability.

    Examples
    --------
    >>> round(bsc_capacity(0.11), 3)
    0.5
    """
    if not 0 <= bit_error_rate <= 1:
        raise ValueError(f"a bit error rate lies in [0, 1], not {bit_error_rate}")
    return 1 + sum(p * math.log2(p) for p in (bit_error_rate, 1 - bit_error_rate) if p > 0)


def soft_capacity(llr: npt.ArrayLike, bits: npt.ArrayLike) -> float:
    """Return the rate that soft values carry: the largest over s > 0 of 1 - E log2(1 + exp(-s x llr)), x = +-1.

    The generalised mutual information (Martinez, Guillen i Fabregas, Caire and Willems, IEEE Trans. Inf. Theory 55,
    2009): achievable by a decoder that believes the values, however they are scaled; for exact log-likelihood ratios
    of a symmetric channel it is the capacity. Never below 0.

    Parameters
    ----------
    llr : (n,), positive for a one
    bits : (n,), what was sent

    Raises
    ------
    ValueError
        If nothing is there, the lengths differ, or a value is NaN.
    """
    soft, sent = np.asarray(llr, dtype=np.float64).ravel(), np.asarray(bits, dtype=np.bool_).ravel()
    if soft.size == 0 or soft.shape != sent.shape or np.isnan(soft).any():
        raise ValueError(f"as many soft values as bits are needed, none of them NaN: {soft.size} and {sent.size}")
    agreement = np.where(sent, soft, -soft)
    spread = float(np.mean(np.abs(agreement)))
    if spread == 0 or not math.isfinite(spread):
        return 0.0 if spread == 0 else bsc_capacity(float(np.mean(agreement < 0)))
    agreement = agreement / spread
    # The rate is concave in s; ln s runs over golden sections.
    low, high = math.log(1e-4), math.log(1e4)
    golden = (math.sqrt(5) - 1) / 2
    left, right = high - golden * (high - low), low + golden * (high - low)
    rates = {point: _rate(agreement, math.exp(point)) for point in (left, right)}
    for _ in range(40):
        if rates[left] >= rates[right]:
            high, right, left = right, left, right - golden * (right - low)
        else:
            low, left, right = left, right, left + golden * (high - left)
        rates = {point: rates.get(point, _rate(agreement, math.exp(point))) for point in (left, right)}
    return max(0.0, *rates.values())


def bi_awgn_capacity(snr: float) -> float:
    """Return the capacity of antipodal signalling in real Gaussian noise.

    Parameters
    ----------
    snr : float
        Squared amplitude over the noise's variance, not in dB; 10 log10(snr) = Es/N0 + 3.01 dB.

    Raises
    ------
    ValueError
        If the ratio is negative or not finite.
    """
    if not 0 <= snr < math.inf:
        raise ValueError(f"a signal-to-noise ratio is at least 0 and finite, not {snr}")
    # The LLR of a channel of ratio snr is normal with mean 2 snr and variance 4 snr.
    points, step = np.linspace(-12, 12, 4001, retstep=True)
    weights = np.exp(-points * points / 2) * (float(step) / math.sqrt(2 * math.pi))
    loss = np.logaddexp(0, -(2 * snr + 2 * math.sqrt(snr) * points)) / math.log(2)
    return float(1 - np.sum(weights * loss))


def _rate(agreement: npt.NDArray[np.float64], scale: float) -> float:
    return float(1 - np.mean(np.logaddexp(0, -scale * agreement)) / math.log(2))
