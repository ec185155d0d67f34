"""A Gibbs sampler of a bivariate density, whose every sweep needs the one before it."""

import math

import numpy as np
from steelyard import Tolerance, Workload

from .picture import picture

ERROR_RATE = 1e-6  # of each statistical law, were the seed drawn anew; since it is fixed, a law never flakes
DEVIATIONS = 4.9  # standard errors that a normal variable exceeds, on either side, with that rate
CORRELATION = (
    0.2601321  # the largest between any function of x and any of y (second singular value, by quadrature)
)
BURN_IN = 8  # sweeps until the start is forgotten: its trace shrinks by CORRELATION**2 each, to 4e-10


def inputs(chains, samples, sweeps, seed=20):
    """The shape of the answer, and the seed of the one stream that all draws come from."""
    return {"chains": chains, "samples": samples, "sweeps": sweeps, "seed": seed}


def probes():
    """Small inputs that vary everything a kernel receives; each is named after what it alone would show."""
    return {
        "one_chain": inputs(1, 12, 3, seed=1),
        "seven_chains": inputs(7, 12, 3, seed=2),  # chains drawn out of order differ from here on
        "one_sweep": inputs(3, 12, 1, seed=3),
        "one_sample": inputs(3, 1, 5, seed=4),
        "the_very_first_sweep": inputs(7, 1, 1, seed=5),  # x = Gamma(3) / 4, since y starts at 0
        "seed_zero": inputs(2, 10, 2, seed=0),
        "large_seed": inputs(2, 10, 2, seed=2**62 + 1),
        "many_chains": inputs(133, 3, 2, seed=6),
        "a_long_chain": inputs(1, 400, 5, seed=7),  # long enough for the rare branches of the draws
    }


def x_marginal():
    """Points x and their probabilities: the y integral is elementary, and the sum right to 1e-9."""
    x = np.linspace(0.0, 15.0, 6_001)
    density = x**2 * np.exp(-4.0 * x + 1.0 / (1.0 + x)) / np.sqrt(1.0 + x)
    return x, density / density.sum()


def y_marginal():
    """Points y and their probabilities, from the elementary x integral."""
    y = np.linspace(-6.0, 8.0, 6_001)
    density = np.exp(-(y**2) + 2.0 * y) / (y**2 + 4.0) ** 3
    return y, density / density.sum()


def settled(inputs, outputs):
    """Samples [n, 2] after the burn-in, and how many independent ones they are worth at least.

    From one kept sample to the next, a correlation shrinks to CORRELATION**(2 * sweeps - 1) at most.
    """
    samples = outputs["samples"][BURN_IN // inputs["sweeps"] :].reshape(-1, 2)
    left = CORRELATION ** (2 * inputs["sweeps"] - 1)
    return samples, len(samples) * (1.0 - left) / (1.0 + left)


def farthest_from(cumulative, sample):
    """Largest distance between the sample's empirical distribution and the given one (Kolmogorov-Smirnov)."""
    expected = cumulative(np.sort(sample))
    rank = np.arange(len(sample) + 1) / len(sample)
    return max((rank[1:] - expected).max(), (expected - rank[:-1]).max())


def bound(size):
    """What that distance exceeds with the error rate at most, at any size (Dvoretzky-Kiefer-Wolfowitz)."""
    return math.sqrt(math.log(2.0 / ERROR_RATE) / (2.0 * size))


def moments_are_those_of_the_density(inputs, outputs):
    """Means, variances and covariance by quadrature, within 4.9 standard errors of the effective sample."""
    samples, size = settled(inputs, outputs)
    x, weight = x_marginal()
    mean_x = weight @ x
    # Given x, y is normal with mean m and variance m / 2: all of its moments are integrals over x alone.
    m = 1.0 / (1.0 + x)
    mean_y = weight @ m
    dx, dy, variance = x - mean_x, m - mean_y, m / 2.0
    square_y = variance + dy**2
    fourth_y = dy**4 + 6.0 * dy**2 * variance + 3.0 * variance**2
    seen_x, seen_y = samples[:, 0] - mean_x, samples[:, 1] - mean_y
    for name, seen, first, second in (
        ("E[x]", seen_x, 0.0 * dx, dx**2),
        ("E[y]", seen_y, 0.0 * dy, square_y),
        ("Var[x]", seen_x**2, dx**2, dx**4),
        ("Var[y]", seen_y**2, square_y, fourth_y),
        ("Cov[x, y]", seen_x * seen_y, dx * dy, dx**2 * square_y),
    ):
        truth = weight @ first
        allowed = DEVIATIONS * math.sqrt((weight @ second - truth**2) / size)
        off = seen.mean() - truth
        if not abs(off) <= allowed:
            return f"{name} is off by {off:.4g}, allowed are {allowed:.4g} at {size:.0f} independent samples"
    return None


def marginals_are_those_of_the_density(inputs, outputs):
    """The distributions of x and of y by quadrature, within the bound for the effective sample size."""
    samples, size = settled(inputs, outputs)
    for name, sample, (grid, weight) in zip("xy", samples.T, (x_marginal(), y_marginal()), strict=True):
        # A grid point's weight is that of the cell around it: half of it lies below the point.
        cumulative = np.cumsum(weight) - weight / 2.0
        off = farthest_from(
            lambda z, grid=grid, cumulative=cumulative: np.interp(z, grid, cumulative), sample
        )
        if not off <= bound(size):
            return f"the distribution of {name} is off by {off:.4g}, allowed are {bound(size):.4g}"
    return None


def y_is_normal_given_x(inputs, outputs):
    """(y - m) / sqrt(m / 2) with m = 1 / (1 + x) is N(0, 1) and independent from the very first sample on."""
    from scipy.special import ndtr

    x, y = outputs["samples"].reshape(-1, 2).T
    mean = 1.0 / (1.0 + x)
    off = farthest_from(ndtr, (y - mean) / np.sqrt(mean / 2.0))
    if not off <= bound(len(x)):
        return f"the distribution of the standardised y is off by {off:.4g}, allowed are {bound(len(x)):.4g}"
    return None


def every_x_is_positive_and_new(inputs, outputs):
    """Every x lies where the density does, and no value comes twice: not from an old buffer, nor in two chains."""
    x = outputs["samples"][..., 0]
    if not x.min() > 0.0:
        return f"the smallest x is {x.min():g}"
    different = np.unique(x).size
    if different != x.size:
        return f"{x.size - different} of {x.size} values of x repeat others"
    return None


def chain_sweeps(chains, samples, sweeps):
    """Pairs of draws, x and y, kept or not."""
    return chains * samples * sweeps


def operations(chains, samples, sweeps):
    """3 for x and 6 for y, a root being one; the draws, the greater part of the time, are mostly integers."""
    return 9 * chain_sweeps(chains, samples, sweeps)


def traffic(chains, samples, sweeps):
    """Write x and y of the kept samples. Nothing is read, and the state of the chains stays in the cache."""
    return 16 * chains * samples


WORKLOAD = Workload(
    title="Gibbs sampler of a bivariate density",
    equation=(
        r"f(x, y) \propto x^2 \exp(-x y^2 - y^2 + 2y - 4x):\qquad"
        r" x \mid y \sim \mathrm{Gamma}(3,\ \text{rate}\ y^2 + 4),\quad"
        r" y \mid x \sim \mathcal{N}\!\left(\tfrac{1}{1 + x},\ \tfrac{1}{2(1 + x)}\right)"
    ),
    sizes={
        "tiny": {"chains": 2, "samples": 20, "sweeps": 3},
        "small": {"chains": 1, "samples": 100, "sweeps": 10},
        "medium": {"chains": 1, "samples": 1_000, "sweeps": 10},
        "large": {"chains": 1, "samples": 20_000, "sweeps": 200},
        "chains": {"chains": 1_000, "samples": 10, "sweeps": 2},
    },
    inputs=inputs,
    outputs={"samples": Tolerance(absolute=1e-12, relative=1e-12)},
    work=chain_sweeps,
    unit="chain sweeps",
    operations=operations,
    bytes=traffic,
    probes=probes,
    picture=lambda inputs, outputs: picture(inputs, outputs, (x_marginal(), y_marginal())),
    laws=(
        moments_are_those_of_the_density,
        marginals_are_those_of_the_density,
        y_is_normal_given_x,
        every_x_is_positive_and_new,
    ),
    reference="python/loops",
    description=(
        "Markov chains that draw x given y and y given x in turn and keep every sweeps-th pair. Each sweep"
        " needs the one before, so one chain cannot be vectorised, many can. All backends draw from the same"
        " stream (NumPy's PCG64), first x of all chains and then y of all, so that all take the same path."
    ),
)
