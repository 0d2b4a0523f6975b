# SPDX-License-Identifier: BSL-1.0
"""What the charts have in common: panels, axes, legend, bars, and the SVG itself. Needs matplotlib."""
import io
import math
import re
import typing

import matplotlib

matplotlib.use("Agg")
from matplotlib.figure import Figure  # noqa: E402  (after the choice of the backend)
from matplotlib.lines import Line2D  # noqa: E402
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator  # noqa: E402

import styles  # noqa: E402
from cells import order  # noqa: E402

LOOK = {
    "svg.fonttype": "none",  # text stays text: it can be searched and read aloud
    "font.family": "sans-serif", "font.size": 9, "axes.titlesize": 10, "axes.titleweight": "bold",
    "axes.grid": True, "grid.color": "#dddddd", "grid.linewidth": 0.6, "axes.axisbelow": True,
    "text.parse_math": False,  # a contender may have a $ in its name
    "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False,
}


class Picture(typing.NamedTuple):
    name: str  # of the file, without .svg
    title: str  # what is shown, in which unit
    caption: str  # how to read it
    svg: str


def plain_number(value, _=None):
    return f"{value:g}" if value < 1e5 else f"{value:.0e}"


def short(name):
    return name if len(name) <= 42 else name[:41] + "…"


def panels(titles, columns, width, height):
    """A figure and as many axes as titles."""
    columns = min(columns, len(titles))
    rows = math.ceil(len(titles) / columns)
    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    axes = [figure.add_subplot(rows, columns, number + 1) for number in range(len(titles))]
    for axis, title in zip(axes, titles):
        axis.set_title(title, loc="left")
    return figure, axes


def one_two_five(axis):
    """Labels at 1, 2 and 5 of each decade, so that a narrow range has some, too; at each decade where that would be many."""
    low, high = axis.get_view_interval()
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 2000 * low else (1,), numticks=20))
    axis.set_major_formatter(FuncFormatter(plain_number))
    if high < 2000 * low:
        axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())


def logarithmic(axis, x_values, x_label, y_label):
    axis.set_xscale("log", base=2)
    axis.set_xticks(sorted(x_values))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(FuncFormatter(plain_number))
    axis.set_yscale("log")
    one_two_five(axis.yaxis)
    axis.set_xlabel(x_label)
    axis.set_ylabel(y_label)


def legend(figure, contenders):
    handles = [Line2D([], [], **styles.line(name)) for name in sorted(contenders, key=order)]
    if handles:
        figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.0, 1.0), handlelength=3.2)


def draw_line(axis, cells, x_of):
    """One contender: medians, and the quartiles as a bar."""
    cells = sorted(cells, key=x_of)
    low = [cell.median - cell.quartiles[0] for cell in cells]
    high = [cell.quartiles[1] - cell.median for cell in cells]
    axis.errorbar([x_of(cell) for cell in cells], [cell.median for cell in cells], yerr=[low, high], elinewidth=0.8, capsize=2,
                  **styles.line(cells[0].key.contender))


def bars(axis, names, values, colours, texts, label, logarithm=None):
    """Horizontal bars with their numbers beside them, the first on top."""
    places = range(len(names), 0, -1)
    axis.barh(places, values, color=colours, height=0.7)
    for place, value, text in zip(places, values, texts):
        axis.annotate(text, (value, place), xytext=(3, 0), textcoords="offset points", va="center", fontsize=8)
    axis.set_yticks(places, map(short, names))
    axis.grid(axis="y", visible=False)
    if logarithm is not None:
        axis.set_xscale("symlog", linthresh=logarithm)
        powers = [logarithm * 10**power for power in range(9) if logarithm * 10**power <= 10 * max([*values, 1])]
        axis.set_xticks([0, *powers], [f"{tick:,}" for tick in (0, *powers)])
        axis.xaxis.set_minor_locator(NullLocator())
    axis.margins(x=0.2)
    axis.set_xlabel(label)


def to_svg(figure, name):
    # The same input gives the same file: no date, and names that do not depend on chance.
    matplotlib.rcParams["svg.hashsalt"] = name
    figure.draw_without_rendering()  # lays out, once
    figure.set_layout_engine("none")
    text = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(text, format="svg", metadata=nothing, bbox_inches="tight", pad_inches=0.15)
    return smaller(text.getvalue())


def smaller(svg):
    """Half the size and the same to look at: no hundred-thousandths of a pixel, no fonts that are only a last resort."""
    svg = re.sub(r"(\d\.\d\d)\d+", r"\1", svg)
    svg = re.sub(r"px 'DejaVu Sans', [^;\"]*sans-serif", "px 'DejaVu Sans', sans-serif", svg)
    svg = re.sub(r' transform="rotate\(-0 [^"]*\)"', "", svg)
    return re.sub(r"\n\s+", "\n", svg)
