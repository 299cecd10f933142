"""How probable it is that something lies in a polygon, given where it is thought to be and how
far from there it may be. Many polygons and many positions at once."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception.zones.zones import Plot

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NODES, WEIGHTS = np.polynomial.legendre.leggauss(12)
REACH = 4.5  # sigma: beyond, less than 1e-5 of the mass is left
FLOOR_M = 0.01  # nobody knows a position better than this; it keeps a covariance of 0 usable


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """Polygons laid end to end, so that a picture's positions go through all of them at once."""

    low: Floats  # (Z, 2) corners of the boxes around them, those of lines widened
    high: Floats
    edges: Floats  # (E, 2, 2)
    counts: Ints  # (Z,) edges of each; 0 for a line, in which nothing can lie
    starts: Ints  # (Z,) where its edges begin

    @classmethod
    def of(cls, plots: Sequence[Plot], line_reach: float) -> "Field":
        """`line_reach`: in the unit of the plots."""
        low, high, edges, counts = [], [], [np.zeros((0, 2, 2))], []
        for plot in plots:
            corners = plot.edges.reshape(-1, 2)
            wide = line_reach if plot.zone.is_line else 0.0
            there = len(corners) > 0  # a zone of which nothing is left lies nowhere
            low.append(corners.min(axis=0) - wide if there else np.full(2, np.inf))
            high.append(corners.max(axis=0) + wide if there else np.full(2, -np.inf))
            inner = plot.edges[:0] if plot.zone.is_line else plot.edges
            edges.append(inner)
            counts.append(len(inner))
        ends = np.cumsum(counts, dtype=np.int64)
        return cls(
            np.array(low).reshape(-1, 2),
            np.array(high).reshape(-1, 2),
            np.concatenate(edges),
            np.array(counts, np.int64),
            ends - np.array(counts, np.int64),
        )

    def near(self, points: Floats, covariances: Floats) -> tuple[Ints, Ints]:
        """The pairs of plot and position that can have to do with each other: two (P,) arrays."""
        reach = REACH * np.sqrt(np.diagonal(covariances, axis1=1, axis2=2) + FLOOR_M**2)
        above = (points + reach)[None] > self.low[:, None]
        below = (points - reach)[None] < self.high[:, None]
        where, which = np.nonzero((above & below).all(axis=2))
        return where, which

    def masses(self, where: Ints, points: Floats, covariances: Floats) -> Floats:
        """(P,) 0..1: the mass of each Gaussian within the plot of the same row.

        `points` (P, 2), `covariances` (P, 2, 2). In coordinates in which the Gaussian is round, the
        triangle between its centre and an edge at distance d, seen from angle a to b off the
        perpendicular, holds (b - a)/2π - T(d, tan b) + T(d, tan a), T being Owen's function (Ann.
        Math. Stat. 27, 1956); the sum over a polygon's edges is due to DiDonato and Hageman (SIAM
        J. Sci. Stat. Comput. 3(4), 1982). Exact but for the reach: better than 1e-5.
        """
        counts = self.counts[where]
        pair = np.repeat(np.arange(len(where)), counts)
        first = np.cumsum(counts) - counts
        edges = self.edges[np.arange(len(pair)) - first[pair] + self.starts[where][pair]]
        parts = _triangles(edges - points[pair][:, None], _roots(covariances)[pair])
        found = np.bincount(pair, weights=parts, minlength=len(where))
        return np.asarray(np.clip(found, 0.0, 1.0), np.float64)


def inside(edges: Floats, points: Floats, covariances: Floats) -> Floats:
    """(N,) 0..1: the mass of each Gaussian within one polygon of these (E, 2, 2) edges."""
    corners = edges.reshape(-1, 2)
    field = Field(
        corners.min(axis=0)[None],
        corners.max(axis=0)[None],
        edges,
        np.array([len(edges)]),
        np.zeros(1, np.int64),
    )
    return field.masses(np.zeros(len(points), np.int64), points, covariances)


def _roots(covariances: Floats) -> Floats:
    """(P, 3): the lower Cholesky factors, written out: a, b, c of ((a, 0), (b, c))."""
    floor = FLOOR_M**2
    a = np.sqrt(covariances[:, 0, 0] + floor)
    b = covariances[:, 1, 0] / a
    c = np.sqrt(np.maximum(covariances[:, 1, 1] + floor - b * b, floor / 4))
    return np.column_stack((a, b, c))


def _triangles(edges: Floats, roots: Floats) -> Floats:
    """(E,) signed masses between the origin and each edge."""
    a, b, c = roots.T[:, :, None]
    x = edges[..., 0] / a
    y = (edges[..., 1] - b * x) / c
    along_x, along_y = x[:, 1] - x[:, 0], y[:, 1] - y[:, 0]
    length = np.maximum(np.hypot(along_x, along_y), 1e-12)
    cross = x[:, 0] * y[:, 1] - x[:, 1] * y[:, 0]
    distance = np.maximum(np.abs(cross) / length, 1e-9)
    start = (x[:, 0] * along_x + y[:, 0] * along_y) / length / distance  # tangents of angles
    end = (x[:, 1] * along_x + y[:, 1] * along_y) / length / distance
    parts = (np.arctan(end) - np.arctan(start)) / (2 * np.pi)
    close = distance < REACH
    heights = np.concatenate((distance[close], distance[close]))
    tails = owen(heights, np.concatenate((end[close], start[close])))
    half = len(tails) // 2
    parts[close] -= tails[:half] - tails[half:]
    # An edge through the centre holds no triangle.
    return np.asarray(np.where(np.abs(cross) > 1e-12, np.sign(cross) * parts, 0.0), np.float64)


def owen(height: Floats, slope: Floats) -> Floats:
    """Owen's T function, height >= 0: 1/2π ∫ exp(-h²(1 + x²)/2) / (1 + x²) dx, from 0 to the slope.

    Beyond a slope of 1 by its mirror image (Patefield and Tandy, J. Stat. Software 5(5), 2000,
    eq. 2.3), so that the integrand is always smooth: 12 nodes are good for 1e-9.
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
    return np.array([math.erfc(height) / 2 for height in (heights / math.sqrt(2)).tolist()])
