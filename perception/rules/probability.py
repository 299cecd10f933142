"""How probable it is that something lies in a polygon, given where it is thought to be and how
far from there it may be."""

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)
REACH = 6.0  # sigma: beyond, less than 2e-8 of the mass is left
FLOOR_M = 0.01  # nobody knows a position better than this; it keeps a covariance of 0 usable


def inside(edges: Floats, points: Floats, covariances: Floats) -> Floats:
    """(N,) 0..1: the mass of each Gaussian within a polygon.

    `edges` (E, 2, 2): all rings, outer ones counter-clockwise, holes clockwise; `points` (N, 2);
    `covariances` (N, 2, 2). In coordinates in which the Gaussian is round, the triangle between
    its centre and an edge at distance d, seen from angle a to b off the perpendicular, holds
    (b - a)/2π - T(d, tan b) + T(d, tan a), T being Owen's function (Ann. Math. Stat. 27, 1956);
    the sum over a polygon's edges is due to DiDonato and Hageman (SIAM J. Sci. Stat. Comput. 3(4),
    1982). Exact but for rounding, about 1e-9.
    """
    found = np.zeros(len(points))
    if not len(points):
        return found
    low, high = edges.min(axis=(0, 1)), edges.max(axis=(0, 1))
    reach = REACH * np.sqrt(np.diagonal(covariances, axis1=1, axis2=2) + FLOOR_M**2)
    near = ((points + reach > low) & (points - reach < high)).all(axis=1)
    for number in np.flatnonzero(near):
        found[number] = _mass(edges - points[number], covariances[number])
    return found


def _mass(edges: Floats, covariance: Floats) -> float:
    """The mass of one Gaussian around the origin."""
    root = np.linalg.cholesky(covariance + np.eye(2) * FLOOR_M**2)
    # The inverse of a lower triangular root, written out: it keeps the rings' sense.
    x = edges[..., 0] / root[0, 0]
    y = (edges[..., 1] - root[1, 0] * x) / root[1, 1]
    x0, y0, x1, y1 = x[:, 0], y[:, 0], x[:, 1], y[:, 1]
    along_x, along_y = x1 - x0, y1 - y0
    length = np.hypot(along_x, along_y)
    cross = x0 * y1 - x1 * y0
    real = (length > 0) & (np.abs(cross) > 1e-12)  # an edge through the centre holds no triangle
    along_x, along_y, length, cross = along_x[real], along_y[real], length[real], cross[real]
    distance = np.abs(cross) / length
    start = (x0[real] * along_x + y0[real] * along_y) / length / distance  # tangents of angles
    end = (x1[real] * along_x + y1[real] * along_y) / length / distance
    parts = (np.arctan(end) - np.arctan(start)) / (2 * np.pi)
    close = distance < REACH
    parts[close] -= owen(distance[close], end[close]) - owen(distance[close], start[close])
    return min(max(float(np.sign(cross) @ parts), 0.0), 1.0)


def owen(height: Floats, slope: Floats) -> Floats:
    """Owen's T function, height >= 0: 1/2π ∫ exp(-h²(1 + x²)/2) / (1 + x²) dx, from 0 to the slope.

    Beyond a slope of 1 by its mirror image (Patefield and Tandy, J. Stat. Software 5(5), 2000,
    eq. 2.3), so that the integrand is always smooth: 16 nodes are good for 1e-9.
    """
    steep = np.abs(slope)
    mirrored = steep > 1
    safe = np.where(mirrored, steep, 1.0)
    high, upto = height * safe, np.where(mirrored, 1 / safe, steep)
    x = upto[:, None] * (NODES + 1) / 2
    values = np.exp(-(high[:, None] ** 2) * (1 + x * x) / 2) / (1 + x * x)
    found = upto * (values @ WEIGHTS) / (4 * np.pi)
    one, other = _above(height[mirrored]), _above(high[mirrored])
    found[mirrored] = (one + other) / 2 - one * other - found[mirrored]
    return np.asarray(np.copysign(found, slope), np.float64)


def _above(heights: Floats) -> Floats:
    """The mass of a normal distribution above each height, in sigma."""
    return np.array([math.erfc(height / math.sqrt(2)) / 2 for height in heights.tolist()])
