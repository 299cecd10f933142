"""How each constellation is heard, as the hub is told."""

import statistics

from drivers.gnss.sky import Sky
from telemetry.contract.unit import SignalFigures


def signal_figures(sky: Sky | None) -> tuple[SignalFigures, ...]:
    """By constellation, in the order of their names."""
    if sky is None:
        return ()
    best = sky.strongest().values()
    figures = []
    for constellation in sorted({signal.constellation for signal in best}):
        own = [signal for signal in best if signal.constellation is constellation]
        heard = [signal.cn0_dbhz for signal in own if signal.cn0_dbhz is not None]
        figures.append(
            SignalFigures(
                constellation=constellation.value,
                in_view=len(own),
                tracked=len(heard),
                used=sum(signal.satellite in sky.used for signal in own),
                cn0_dbhz=round(statistics.median(heard), 1) if heard else None,
            )
        )
    return tuple(figures)
