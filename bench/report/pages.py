# SPDX-License-Identifier: BSL-1.0
"""A report is a list of blocks; this writes them as one HTML file that needs nothing else, and as Markdown with the SVGs beside it.
Text may have `code` in it, and nothing else that is special."""
import html
import re
import typing

STYLE = """
body { max-width: 76rem; margin: 2rem auto; padding: 0 1rem; font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fff; }
h1, h2, h3 { line-height: 1.25; } h2 { margin-top: 2.5rem; border-bottom: 1px solid #ccc; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: 0.8rem 0; font-size: 0.9rem; }
th, td { padding: 0.25rem 0.7rem; border-bottom: 1px solid #ddd; text-align: left; vertical-align: top; }
th { background: #f3f3f3; } td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
code, pre { font-family: ui-monospace, monospace; font-size: 0.9em; } pre { background: #f7f7f7; padding: 1rem; overflow-x: auto; }
figure { margin: 1.5rem 0; } figure svg { max-width: 100%; height: auto; } figcaption { color: #555; }
figcaption b { color: #222; } details { margin: 0.6rem 0; } summary { cursor: pointer; font-weight: 600; }
.loud { border-left: 5px solid #D55E00; padding: 0.2rem 1rem; background: #fff4ec; }
"""


class Heading(typing.NamedTuple):
    level: int
    text: str


class Paragraph(typing.NamedTuple):
    text: str
    loud: bool = False


class Bullets(typing.NamedTuple):
    items: list


class Verbatim(typing.NamedTuple):
    text: str


class Table(typing.NamedTuple):
    head: list
    rows: list  # of strings


class Details(typing.NamedTuple):
    summary: str
    blocks: list


class Chart(typing.NamedTuple):
    picture: typing.Any  # plots.Picture


def is_number(text):
    return re.fullmatch(r"[-+]?[\d.]+( ?%)?[~?]?( · .*)?( \([\d. to]*\))?[~?]?", text) is not None


def in_html(text):
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(text))


def inline_svg(picture):
    """The SVG as a part of an HTML page: no prologue, no name spaces, and identifiers that no other picture has."""
    svg = picture.svg[picture.svg.index("<svg"):]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", svg).replace("xlink:href=", "href=")
    svg = re.sub(r'(\sid="|\shref="#|url\(#)', rf"\g<1>{picture.name}-", svg)
    return svg.replace("<svg", f'<svg role="img" aria-label="{html.escape(picture.title)}"', 1)


def block_html(block):
    match block:
        case Heading(level, text):
            return f"<h{level}>{in_html(text)}</h{level}>"
        case Paragraph(text, loud):
            return ('<p class="loud">' if loud else "<p>") + in_html(text) + "</p>"
        case Bullets(items):
            return "<ul>" + "".join(f"<li>{in_html(item)}</li>" for item in items) + "</ul>"
        case Verbatim(text):
            return f"<pre>{html.escape(text)}</pre>"
        case Table(head, rows):
            lines = ["<tr>" + "".join(f"<th>{in_html(cell)}</th>" for cell in head) + "</tr>"]
            for row in rows:
                cells = (f'<td{" class=number" if is_number(cell) else ""}>{in_html(cell)}</td>' for cell in row)
                lines.append("<tr>" + "".join(cells) + "</tr>")
            return '<div class="scroll"><table>\n' + "\n".join(lines) + "\n</table></div>"
        case Details(summary, blocks):
            return f"<details><summary>{in_html(summary)}</summary>\n" + "\n".join(map(block_html, blocks)) + "\n</details>"
        case Chart(picture):
            return (f"<figure>{inline_svg(picture)}<figcaption><b>{in_html(picture.title)}.</b> {in_html(picture.caption)}"
                    "</figcaption></figure>")


def to_html(title, blocks):
    return ("<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
            f"<title>{html.escape(title)}</title><style>{STYLE}</style></head>\n<body>\n"
            + "\n".join(map(block_html, blocks)) + "\n</body>\n</html>\n")


def in_markdown(text):
    """Outside of `code`, what Markdown would take for HTML is escaped."""
    parts = text.split("`")
    return "`".join(part if number % 2 else part.replace("<", "&lt;").replace("*", "\\*").replace("~", "\\~")
                    for number, part in enumerate(parts))


def block_markdown(block):
    match block:
        case Heading(level, text):
            return f"{'#' * level} {in_markdown(text)}"
        case Paragraph(text, loud):
            return ("> " if loud else "") + in_markdown(text)
        case Bullets(items):
            return "\n".join(f"- {in_markdown(item)}" for item in items)
        case Verbatim(text):
            return f"```text\n{text.strip()}\n```"
        case Table(head, rows):
            lines = [head, ["---"] * len(head), *rows]
            return "\n".join("| " + " | ".join(in_markdown(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)
        case Details(summary, blocks):
            inner = "\n\n".join(map(block_markdown, blocks))
            return f"<details><summary>{html.escape(summary.replace('`', ''))}</summary>\n\n{inner}\n\n</details>"
        case Chart(picture):
            return f"![{picture.title}]({picture.name}.svg)\n\n{in_markdown(picture.title)}. {in_markdown(picture.caption)}"


def to_markdown(blocks):
    return "\n\n".join(map(block_markdown, blocks)) + "\n"
